"""Times one Python engine on one model, as `edge-engines` does: `edge_worker.py onnxruntime|litert|tflm MODEL INPUT`.

INPUT holds the model's input as raw numbers. The first line on standard output is the list of the model's outputs. For
each line of standard input, a number of runs, there follows one line: the seconds of each of so many runs.

`tflm`, the interpreter of microcontrollers, prints its outputs and what it allocates, and ends.
"""

import json
import pathlib
import sys
import time

import numpy


def onnxruntime(model, numbers):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Without VNNI its products of uint8 and int8 saturate unless it is told to be exact.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    [image] = session.get_inputs()
    # Bound once: a run copies nothing and makes no Python objects.
    binding = session.io_binding()
    binding.bind_cpu_input(image.name, numpy.frombuffer(numbers, numpy.float32).reshape(image.shape))
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return lambda: session.run_with_iobinding(binding), binding.copy_outputs_to_cpu


def litert(model, numbers):
    from ai_edge_litert.interpreter import Interpreter

    # XNNPACK is what this interpreter delegates to by itself.
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    [image] = interpreter.get_input_details()
    interpreter.set_tensor(image["index"], numpy.frombuffer(numbers, image["dtype"]).reshape(image["shape"]))
    outputs = [output["index"] for output in interpreter.get_output_details()]
    return interpreter.invoke, lambda: [interpreter.get_tensor(index) for index in outputs]


def tflm(model, numbers):
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(model)
    details = interpreter.get_input_details(0)
    interpreter.set_input(numpy.frombuffer(numbers, details["dtype"]).reshape(details["shape"]), 0)
    interpreter.invoke()
    count = len(edge_outputs(model))
    answer([interpreter.get_output(index).ravel().tolist() for index in range(count)])
    interpreter.print_allocations()


def edge_outputs(model):
    from ai_edge_litert import schema_py_generated as schema

    return schema.Model.GetRootAs(pathlib.Path(model).read_bytes()).Subgraphs(0).OutputsAsNumpy()


def serve(run, outputs):
    run()
    answer([output.ravel().tolist() for output in outputs()])
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        answer(seconds)


def answer(numbers):
    print(json.dumps(numbers), flush=True)


def main():
    name, model, numbers = sys.argv[1:]
    numbers = pathlib.Path(numbers).read_bytes()
    if name == "tflm":
        tflm(model, numbers)
    else:
        serve(*{"onnxruntime": onnxruntime, "litert": litert}[name](model, numbers))


if __name__ == "__main__":
    main()
