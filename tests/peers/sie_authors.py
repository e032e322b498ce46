"""Trains the SIE authors' code and ours on one folder, measures both, and prints one JSON object.

Started by `sie_authors`.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent / "sie"
sys.path.insert(0, str(HERE))

from runs import WARM_STEPS, Budget, Ours, Theirs  # noqa: E402

# What must not be lower than theirs.
COLUMNS = {
    "top1": lambda figures: figures["whole"]["top1"],
    "rotation_r2": lambda figures: figures["whole"]["rotation_r2"],
    "mrr": lambda figures: (figures["retrieval"] or {}).get("mrr"),
    "h1": lambda figures: (figures["retrieval"] or {}).get("h1"),
    "h1_without_identity": lambda figures: (figures["retrieval"] or {}).get("without_identity", {}).get("h1"),
}
# Instead of the defaults, with --tiny.
TINY = {
    "source": "procedural", "objects_per_family": 2, "image_size": 32, "batch": 12, "epochs": 2, "train_views": 4,
    "probe_epochs": 5, "rounds": 1, "speed_steps": 3, "workers": [1], "threads": 1,
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def render(options):
    """The folder is made once; another configuration needs another --work."""
    folder = options.work / "rendered"
    if not (folder / "train_images.npy").exists():
        say(f"rendering {options.source} at {options.image_size} px")
        command = [options.trainer, "render", "--format", "3diebench", "--source", options.source, "--views", "50",
                   "--image-size", str(options.image_size), "--seed", "0", "--camera-azimuth", "-90", "--out", str(folder)]
        if options.source == "procedural":
            held_out = max(options.objects_per_family // 5, 1)
            command += ["--objects-per-family", str(options.objects_per_family - held_out),
                        "--held-out-per-family", str(held_out)]
        if options.families:
            command += ["--set", f"data.families={json.dumps(options.families)}"]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return folder


def measure_speed(options, theirs, ours, budget):
    """Both sides in turn, on the same folder, loading of the images included."""
    folder = options.work / "speed"
    epochs = 1 + (options.speed_steps + WARM_STEPS) * budget.batch // budget.objects
    short = Budget(budget.folder, budget.batch, epochs)

    def of_theirs(workers, bare=False):
        return theirs.train(folder / "theirs", short, workers, options.speed_steps + WARM_STEPS, bare)

    tried = {workers: of_theirs(workers) for workers in options.workers}
    workers = max(tried, key=tried.get)
    measured = {"ours": [], "theirs": [], "theirs_without_online_evaluator": []}
    for number in range(options.rounds):
        # Ours reports windows: the second of two, so that neither side's start counts.
        window = options.speed_steps
        measured["ours"].append(ours.train(folder / "ours", "sie", budget, 2 * window, window))
        measured["theirs"].append(of_theirs(workers))
        measured["theirs_without_online_evaluator"].append(of_theirs(workers, bare=True))
        latest = ", ".join(f"{side} {values[-1]:.1f}" for side, values in measured.items())
        say(f"round {number}, images/s: {latest}")
    medians = {side: statistics.median(values) for side, values in measured.items()}
    return {
        "images_per_s": medians,
        "ratio": medians["ours"] / medians["theirs"],
        "ratio_without_online_evaluator": medians["ours"] / medians["theirs_without_online_evaluator"],
        "rounds": measured,
        "their_data_workers": workers,
        "their_images_per_s_by_workers": tried,
    }


def check_agreement(options):
    """Whether our loss and gradient are theirs."""
    exchange = options.work / "step.safetensors"
    threads = ["--threads", str(options.threads)]
    bench = [options.trainer, "bench", "--net", "resnet18", "--size", "32", "--batch", "16", *threads]
    subprocess.run([*bench, "--exchange", str(exchange)], check=True, stdout=sys.stderr)
    command = [sys.executable, HERE / "agreement.py", "--sie", options.sie, "--exchange", exchange, *threads]
    ended = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    # Their networks print while they are made.
    figures = json.loads(ended.stdout.splitlines()[-1])
    say(f"our loss and gradient against theirs: {json.dumps(figures)}")
    if not figures["agrees"]:
        raise SystemExit("our SIE is not theirs")
    return figures


def train_all(options, theirs, ours, budget, workers):
    """Folders and speeds of the runs that are compared."""
    folders = {"theirs": options.work / "theirs"}
    start = time.perf_counter()
    speed = theirs.train(folders["theirs"], budget, workers, bare=options.bare)
    say(f"theirs: {budget.images} images, {time.perf_counter() - start:.0f} s")
    trained = {"theirs": {"images": budget.images, "images_per_s": speed, "bare": options.bare}}
    for spec in options.method:
        views = ours.views(spec)
        steps = budget.steps_of(views)
        folders[spec] = options.work / "ours" / spec.replace("/", "_")
        start = time.perf_counter()
        speed = ours.train(folders[spec], spec, budget, steps, min(steps, 20))
        images = steps * views * budget.batch
        say(f"{spec}: {images} images in {steps} steps, {time.perf_counter() - start:.0f} s")
        trained[spec] = {"images": images, "steps": steps, "images_per_s": speed}
    return folders, trained


def evaluate(options, folders):
    ours = [folders[spec] / "run" for spec in options.method]
    command = [sys.executable, HERE / "evaluate.py", "--folder", options.work / "rendered", "--sie", options.sie,
               "--theirs", folders["theirs"], "--threads", options.threads, "--train-views", options.train_views,
               "--probe-epochs", options.probe_epochs, "--seed", options.seed, "--ours", *ours]
    ended = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE)
    figures = json.loads(ended.stdout)
    return {"theirs": figures[0], **dict(zip(options.method, figures[1:]))}


def table(figures):
    width = max(map(len, figures))
    say(f"{'':{width}}  " + "  ".join(f"{name:>11}" for name in COLUMNS))
    for name, values in figures.items():
        cells = [(max(len(column), 11), read(values)) for column, read in COLUMNS.items()]
        said = [f"{'-' if cell is None else format(cell, '.4f'):>{wide}}" for wide, cell in cells]
        say(f"{name:{width}}  " + "  ".join(said))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sie", type=pathlib.Path, required=True, help="checkout of facebookresearch/SIE")
    parser.add_argument("--trainer", required=True, help="our command")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for images and runs")
    parser.add_argument("--tiny", action="store_true", help="a few objects and steps, to see that it works")
    parser.add_argument("--method", action="append", metavar="NAME[,KEY=VALUE...]",
                        help="ours to train, any number of times (sie)")
    parser.add_argument("--source", choices=("sweethome3d", "procedural"), default="sweethome3d")
    parser.add_argument("--families", nargs="+", metavar="NAME", help="for --source procedural (all)")
    parser.add_argument("--objects-per-family", type=int, default=20, help="for --source procedural (20)")
    parser.add_argument("--image-size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=66,
                        help="pairs of views in a step (66: 521 training objects of furniture are 7 batches and 59)")
    parser.add_argument("--epochs", type=int, default=20, help="pairs of each training object (20)")
    parser.add_argument("--train-views", type=int, default=10, help="views of a training object for the probes (10)")
    parser.add_argument("--probe-epochs", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3, help="speed: rounds of both sides in turn; 0 for none (3)")
    parser.add_argument("--speed-steps", type=int, default=8, help="speed: steps of a round (8)")
    parser.add_argument("--only-speed", action="store_true")
    parser.add_argument("--bare", action="store_true",
                        help="train theirs without its online evaluator, which costs time and teaches nothing")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2],
                        help="their loader's processes: the fastest of these numbers is used (1 2)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    if parser.parse_known_args()[0].tiny:
        parser.set_defaults(**TINY)
    options = parser.parse_args()
    options.method = options.method or ["sie"]
    options.work, options.sie = options.work.resolve(), options.sie.resolve()
    return options


def main():
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, str(HERE / "known_cases.py")], check=True)
    budget = Budget(render(options), options.batch, options.epochs)
    say(f"{budget.objects} training objects, {budget.held_out} held out, {budget.classes} classes,"
        f" {budget.images} images")
    theirs, ours = Theirs(options), Ours(options)
    result = {
        "training_objects": budget.objects, "held_out_objects": budget.held_out, "classes": budget.classes,
        "batch_pairs": budget.batch, "epochs": budget.epochs, "image_size": options.image_size,
        "threads": options.threads, "seed": options.seed,
    }
    result["agreement"] = check_agreement(options)
    workers = options.workers[-1]
    if options.rounds:
        result["speed"] = measure_speed(options, theirs, ours, budget)
        workers = result["speed"]["their_data_workers"]
    if not options.only_speed:
        folders, result["training"] = train_all(options, theirs, ours, budget, workers)
        result["figures"] = evaluate(options, folders)
        table(result["figures"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
