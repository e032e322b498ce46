#!/usr/bin/env python3
"""Checks an exported network with the ONNX project's own tools.

    check_onnx.py RUN_OR_ONNX [GOLDEN]

RUN_OR_ONNX is a run folder (its model.onnx and golden.safetensors are taken) or an .onnx file, with GOLDEN beside it.
onnx.checker examines the file (full check), onnxruntime computes all golden images on the CPU in batches of 1, 3 and
64, and every output must agree with the trainer's to 1e-4. Prints one JSON object; exit status 1 when a check fails.
Needs: pip install numpy onnx onnxruntime safetensors
"""

import sys
from pathlib import Path

import numpy as np
from exported_model import finish, load_checked, open_session, run, with_sign_of
from safetensors.numpy import load_file

TOLERANCE = 1e-4
BATCH_SIZES = (1, 3, 64)
OPSET_VERSION = 17
IR_VERSION = 8
OUTPUTS = ("rotation_wxyz", "class_logits", "invariant", "equivariant")
METADATA_PREFIX = "sextant."


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__)
    given = Path(arguments[0])
    model_path = given / "model.onnx" if given.is_dir() else given
    golden_path = Path(arguments[1]) if len(arguments) == 2 else model_path.parent / "golden.safetensors"
    golden = load_file(golden_path)
    failures = []
    model = check_structure(model_path, failures)
    differences = check_outputs(model_path, golden, static_batch(model), failures)
    report = {
        "model": str(model_path),
        "images": len(golden["images"]),
        "largest_difference": differences,
        "tolerance": TOLERANCE,
        "metadata_keys": sorted(p.key for p in model.metadata_props),
    }
    return finish(report, failures)


def check_structure(path, failures):
    """The model, after the checker and the promises of our exporter."""
    model = load_checked(path, failures)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    outputs = [value.name for value in model.graph.output]
    keys = {entry.key for entry in model.metadata_props}
    expectations = {
        f"operator sets {opsets} are not {OPSET_VERSION} alone": opsets == {"": OPSET_VERSION},
        f"IR version {model.ir_version} is not {IR_VERSION}": model.ir_version == IR_VERSION,
        "value_info is not empty": not model.graph.value_info,
        f"outputs {outputs} are not {OUTPUTS}": sorted(outputs) == sorted(OUTPUTS),
        f"no metadata under {METADATA_PREFIX}": any(key.startswith(METADATA_PREFIX) for key in keys),
    }
    failures.extend(message for message, holds in expectations.items() if not holds)
    return model


def static_batch(model):
    """The number of samples of a file without a symbolic batch, else None."""
    return model.graph.input[0].type.tensor_type.shape.dim[0].dim_value or None


def check_outputs(path, golden, fixed, failures):
    """The largest difference of every output over all batch sizes."""
    session = open_session(path)
    largest = {output.name: 0.0 for output in session.get_outputs()}
    for batch in [fixed] if fixed else BATCH_SIZES:
        for name, computed in run_in_batches(session, golden["images"], batch).items():
            if name not in golden:
                failures.append(f"no golden values for {name}")
                continue
            difference = largest_difference(name, computed, golden[name])
            largest[name] = max(largest[name], difference)
            if not difference <= TOLERANCE:
                failures.append(f"{name} differs by {difference:.3g} in batches of {batch}")
    return largest


def run_in_batches(session, images, batch):
    """All outputs over all images; a last incomplete batch is filled up with its first image."""
    chunks = []
    for start in range(0, len(images), batch):
        chunk = images[start : start + batch]
        filled = np.concatenate([chunk, np.repeat(chunk[:1], batch - len(chunk), axis=0)])
        chunks.append({name: output[: len(chunk)] for name, output in run(session, filled).items()})
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def largest_difference(name, computed, expected):
    """Infinite for another shape; NaN stays NaN and fails."""
    if computed.shape != expected.shape:
        return float("inf")
    return float(np.abs(with_sign_of(expected, name, computed) - expected).max())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
