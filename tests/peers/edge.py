"""Times ours and other engines in turn on the same networks and prints one JSON object; started by `edge`."""

import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata

import numpy

import edge_models
from edge_models import MODELS, PRECISIONS

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
ENGINES = ROOT / "target/release/edge-engines"
PEERS = ("onnxruntime", "litert", "tract", "rten")
# float32: the largest error, of the largest number of an output. int8: the root mean square of the features' distances
# from ours, in their quantisation steps: engines round sums differently, which a deep network adds up.
LARGEST_ERROR = 1e-4
LARGEST_STEPS = 2
# What TFLM is compared on: what fits a microcontroller.
TFLM_MODELS = ("tiny", "resnet8", "vww")


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Engine:
    """A process that runs one model so often as each line that it is sent says."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, preexec_fn=on_one_core, env={**os.environ, "RTEN_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"})
        self.seconds = []
        self.outputs = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.process.wait()
        words = self.process.stderr.read().strip().splitlines() or [f"ended with {self.process.returncode}"]
        raise RuntimeError(words[-1][:300])

    def run(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return self.read()

    def round(self, seconds):
        """Runs for about that long."""
        self.seconds.append(self.run(max(3, int(seconds / self.pace))))

    def warm_up(self, seconds):
        self.pace = statistics.median(self.run(3))
        self.pace = statistics.median(self.run(max(3, int(seconds / self.pace))))

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def figures(self):
        runs = sorted(second for round in self.seconds for second in round)
        return {
            "median_s": statistics.median(runs),
            "p95_s": runs[int(0.95 * (len(runs) - 1))],
            "runs": len(runs),
            "round_medians_s": [statistics.median(round) for round in self.seconds],
        }


def on_one_core():
    """One thread each, whatever an engine makes of its options; all on the same core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def commands(files):
    """What to start for each engine."""
    worker = [sys.executable, "-B", HERE / "edge_worker.py"]
    return {
        "ours": [ENGINES, "ours", files.sxt, files.image],
        "onnxruntime": [*worker, "onnxruntime", files.onnx, files.nchw],
        "litert": [*worker, "litert", files.tflite, files.nhwc],
        "tract": [ENGINES, "tract", files.onnx, files.nchw],
        "rten": [ENGINES, "rten", files.onnx, files.nchw],
    }


def difference(files, ours, peer):
    """How far a peer's outputs are from ours: in steps of the features' numbers if they are int8."""
    ours, peer = (dict(zip(files.outputs, map(numpy.array, outputs))) for outputs in (ours, peer))
    if files.features_step:
        steps = (ours["features"] - peer["features"]) / files.features_step
        return float(numpy.sqrt(numpy.mean(steps**2)))
    return max(float(numpy.abs(ours[name] - peer[name]).max() / numpy.abs(ours[name]).max()) for name in ours)


def compare(options, files):
    """Starts every engine, compares what they compute and times them in turn; what came of it, and our outputs.

    The fastest peer is the fastest of those that agree with ours.
    """
    engines, failures, differences = {}, {}, {}
    for name, command in commands(files).items():
        if name == "ours" or name in options.peers:
            try:
                engines[name] = Engine(command)
            except RuntimeError as error:
                failures[name] = str(error)
    if "ours" not in engines:
        raise SystemExit(f"{files.name}: ours failed: {failures['ours']}")
    for name in [name for name in engines if name != "ours"]:
        differences[name] = difference(files, engines["ours"].outputs, engines[name].outputs)
    for engine in engines.values():
        engine.warm_up(options.round_s)
    for _ in range(options.rounds):
        for engine in engines.values():
            engine.round(options.round_s)
    for engine in engines.values():
        engine.close()
    limit = LARGEST_STEPS if files.features_step else LARGEST_ERROR
    figures = {name: engine.figures() for name, engine in engines.items()}
    agreeing = {name: figures[name]["median_s"] for name, found in differences.items() if found <= limit}
    fastest = min(agreeing, key=agreeing.get, default=None)
    found = {
        "ratio": figures["ours"]["median_s"] / agreeing[fastest] if fastest else None,
        "fastest_peer": fastest,
        "engines": figures,
        "difference": differences,
        "largest_difference": limit,
        "unit_of_difference": "steps, root mean square over the features" if files.features_step else "of an output's largest number",
        "disagree": [name for name in differences if name not in agreeing],
        "failures": failures,
    }
    return found, engines["ours"].outputs


def memory_of_ours(files, fact):
    """Ours reads the frame where the caller has it."""
    frame_bytes = files.image.stat().st_size
    return {"arena_bytes": fact["arena_bytes"], "frame_bytes": frame_bytes,
            "arena_and_frame_bytes": fact["arena_bytes"] + frame_bytes}


def tflm(files):
    """The bytes that TFLM's interpreter allocates in its arena, the frame among them, on this host; what it computes."""
    command = [sys.executable, "-B", HERE / "edge_worker.py", "tflm", files.tflite, files.nhwc]
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    total = re.search(r"Arena allocation total (\d+) bytes", ran.stdout + ran.stderr)
    if ran.returncode or not total:
        raise RuntimeError((ran.stderr.strip().splitlines() or ["ended without a word"])[-1][:300])
    return int(total.group(1)), json.loads(ran.stdout.splitlines()[0])


def versions():
    lock = tomllib.loads((HERE / "edge_engines/Cargo.lock").read_text())
    crates = {package["name"]: package["version"] for package in lock["package"]}
    peers = {name: metadata.version(name) for name in ("onnxruntime", "ai-edge-litert", "tflite-micro", "onnx", "numpy")}
    return {"ours": crates["sextant-runtime"], "tract": crates["tract-onnx"], "rten": crates["rten"], **peers,
            "python": platform.python_version()}


def cpu():
    path = pathlib.Path("/proc/cpuinfo")
    text = path.read_text() if path.exists() else ""
    facts = dict(line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    wanted = re.compile(r"fma|avx.*|f16c|asimd.*")
    features = (facts.get("flags") or facts.get("Features") or "").split()
    return {"name": facts.get("model name", platform.processor()),
            "features": [feature for feature in features if wanted.fullmatch(feature)]}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    cases = [f"{model}/{precision}" for model in MODELS for precision in PRECISIONS]
    parser.add_argument("--quick", action="store_true", help="few and short rounds")
    parser.add_argument("--rounds", type=int, default=21, help="rounds in turn, at least 1 (21)")
    parser.add_argument("--round-ms", type=float, default=60, help="time of each engine in a round (60)")
    parser.add_argument("--only", nargs="+", choices=cases, default=cases, metavar="CASE", help="; ".join(cases))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, help="only these: " + " ".join(PEERS))
    parser.add_argument("--models", metavar="DIR", help="keep the models there, and use those that are there")
    options = parser.parse_args()
    options.rounds, options.round_s = (5, 0.02) if options.quick else (max(1, options.rounds), options.round_ms / 1000)
    return options


def measure(options, folder):
    cases, memory = {}, {}
    facts = edge_models.write(folder)
    for case in options.only:
        files = edge_models.prepare(folder, *case.split("/"))
        found, ours = compare(options, files)
        cases[case] = found
        if files.features_step and files.model in TFLM_MODELS:
            tflm_bytes, outputs = tflm(files)
            memory[files.model] = {"ours": memory_of_ours(files, facts[files.model]),
                                   "tflm": {"arena_and_frame_bytes": tflm_bytes}}
            found["difference"]["tflm"] = difference(files, ours, outputs)
            if found["difference"]["tflm"] > found["largest_difference"]:
                found["disagree"].append("tflm")
            say(f"{case}: memory {memory[files.model]}")
        medians = ", ".join(f"{name} {1e3 * figures['median_s']:.3f}" for name, figures in found["engines"].items())
        say(f"{case}: {medians} ms; ratio {found['ratio']:.2f}" if found["ratio"] else f"{case}: {medians} ms")
        for name, reason in found["failures"].items():
            say(f"{case}: {name} failed: {reason}")
        for name in found["disagree"]:
            say(f"{case}: {name} differs by {found['difference'][name]:.2g} {found['unit_of_difference']}")
    return cases, memory, facts


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        cases, memory, facts = measure(options, pathlib.Path(options.models or temporary))
    agrees = not any(case["disagree"] for case in cases.values())
    print(json.dumps({
        "ratios": {name: case["ratio"] for name, case in cases.items()},
        "agrees": agrees,
        "memory": memory,
        "models": facts,
        "threads": 1,
        "batch": 1,
        "rounds": options.rounds,
        "round_s": options.round_s,
        "cases": cases,
        "versions": versions(),
        "cpu": cpu(),
    }))
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
