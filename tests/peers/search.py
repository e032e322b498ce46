"""Searches 10,000 pictures with `runtime search` and with numpy in turn; started by `search`. Prints one JSON object."""

import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnxruntime
from PIL import Image

PROGRAMS = pathlib.Path("target/release").resolve()
TRAINER, EXPORT, RUNTIME = (PROGRAMS / f"sextant-{name}" for name in ("trainer", "export", "runtime"))
SIZE, QUERIES, TOP = 32, 50, 10
# Cosines of float32 features that two engines computed; nearer ones may change places.
TOLERANCE = 1e-5


def say(words):
    print(words, file=sys.stderr, flush=True)


def run(*command):
    ran = subprocess.run([str(word) for word in command], capture_output=True)
    if ran.returncode != 0:
        sys.exit(ran.stderr.decode())
    return ran.stdout


def data_folder():
    cache = os.environ.get("SEXTANT_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sextant")
    return pathlib.Path(cache) / "fashion-mnist-v1"


def write_pictures(folder):
    [file] = data_folder().glob("t10k-images-idx3-ubyte*")
    opened = gzip.open(file) if file.suffix == ".gz" else open(file, "rb")
    with opened as images:
        pictures = numpy.frombuffer(images.read(), numpy.uint8, offset=16).reshape(-1, 28, 28)
    folder.mkdir()
    for index, picture in enumerate(pictures):
        image = Image.fromarray(picture).resize((SIZE, SIZE), Image.BILINEAR).convert("RGB")
        image.save(folder / f"{index:05}.png")
    return len(pictures)


def trained(folder):
    say(f"training for a minute in {folder}")
    sets = ["data.source=idx", f"data.image_size={SIZE}", "fit.steps=200"]
    run(TRAINER, "fit", "--preset", "pictures", "--out", folder, *(word for set in sets for word in ("--set", set)))
    run(EXPORT, "onnx", folder)
    return folder / "model.sxt"


def decoded(path):
    return numpy.asarray(Image.open(path).convert("RGB"))[None]


class Peer:
    """ONNX Runtime on one thread for a picture, float32 products of unit features, a partial sort."""

    def __init__(self, model, pictures):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.features = numpy.concatenate([self.embedded(path) for path in pictures])

    def embedded(self, path):
        [invariant] = self.session.run(["invariant"], {"image": decoded(path)})
        return invariant / numpy.linalg.norm(invariant, axis=1, keepdims=True)

    def nearest(self, path):
        cosines = self.features @ self.embedded(path)[0]
        best = numpy.argpartition(-cosines, TOP)[:TOP]
        return best[numpy.argsort(-cosines[best])]

    def cosines(self, path):
        return self.features.astype(numpy.float64) @ self.embedded(path)[0].astype(numpy.float64)


def compare(ours, cosines, names):
    """Our ten are ten of the largest cosines, in their order."""
    best = numpy.sort(cosines)[::-1][:TOP]
    at = {name: index for index, name in enumerate(names)}
    for place, found in enumerate(ours):
        exact = cosines[at[pathlib.Path(found["picture"]).name]]
        if abs(found["similarity"] - exact) > TOLERANCE or abs(exact - best[place]) > TOLERANCE:
            say(f"place {place}: {found} beside {exact}, where the best is {best[place]}")
            return False
    return len(ours) == TOP


def quantiles(seconds):
    ordered = sorted(seconds)
    return {"median_ms": 1e3 * statistics.median(ordered), "p95_ms": 1e3 * ordered[int(0.95 * len(ordered))]}


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else trained(folder / "run")
        count = write_pictures(folder / "pictures")
        names = sorted(os.listdir(folder / "pictures"))
        queries = [folder / "pictures" / name for name in names[:: count // QUERIES]][:QUERIES]
        say(f"{count} pictures; the index")
        begun = time.perf_counter()
        run(RUNTIME, "search", folder / "pictures", queries[0], "--model", model)
        index_s = time.perf_counter() - begun
        say("the peer's features")
        peer = Peer(model.with_suffix(".onnx"), [folder / "pictures" / name for name in names])

        search = [RUNTIME, "search", folder / "pictures"]
        for query in queries:
            [answer] = json.loads(run(*search, query, "--json"))["queries"]
            if not compare(answer["matches"], peer.cosines(query), names):
                sys.exit(f"{query.name}: the answers differ")
        say("the answers agree")
        ours, theirs = [], []
        for query in queries:
            begun = time.perf_counter()
            run(*search, query)
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            peer.nearest(query)
            theirs.append(time.perf_counter() - begun)
        result = {
            "pictures": count,
            "queries": len(queries),
            "index_s": index_s,
            "runtime_search_whole_process": quantiles(ours),
            "numpy_and_onnxruntime_in_memory": quantiles(theirs),
            "versions": {"numpy": numpy.__version__, "onnxruntime": onnxruntime.__version__},
        }
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
