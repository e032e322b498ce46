"""What the checks of exported networks share.

Needs: pip install numpy onnx onnxruntime
"""

import json

import numpy as np
import onnx
import onnxruntime


def load_checked(path, failures):
    """The model in a file; what onnx.checker (full check) has against it joins the failures."""
    model = onnx.load(path)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        failures.append(f"onnx.checker: {error}")
    return model


def open_session(path, options=None):
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(session, images):
    """All outputs by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {session.get_inputs()[0].name: images})))


def with_sign_of(expected, name, computed):
    """A quaternion and its negative are one rotation: that one which is nearer to the expected one."""
    if name != "rotation_wxyz":
        return computed
    return computed * np.where((computed * expected).sum(axis=1, keepdims=True) < 0, -1, 1)


def finish(report, failures):
    """Prints the report as one JSON object, and gives the exit status."""
    versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    print(json.dumps({**report, **versions, "failures": failures, "ok": not failures}))
    return 1 if failures else 0
