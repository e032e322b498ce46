"""Runs the SIE authors' `main.py`, as it stands, on a CPU and in one process.

Only entry points of PyTorch are replaced, before their code is imported: what asks for a GPU answers for the CPU, and
the group of processes is a group of one. Synchronised batch norm and the distributed wrapper are then the plain layer
and a wrapper that only names its module. Arguments after `--` are those of `main.py`.
"""

import argparse
import importlib
import json
import pathlib
import random
import runpy
import sys
import time

import numpy
import torch


class OneProcess(torch.nn.Module):
    """What `DistributedDataParallel` is to its users when there is one process."""

    def __init__(self, module, **_):
        super().__init__()
        self.module = module

    def forward(self, *inputs):
        return self.module(*inputs)


def stay_on_cpu():
    torch.cuda.device_count = lambda: 1
    torch.cuda.set_device = lambda device: None
    torch.cuda.device = lambda device: None
    torch.cuda.memory_allocated = torch.cuda.max_memory_allocated = lambda device=None: 0
    torch.Tensor.cuda = lambda self, *_, **__: self
    torch.nn.Module.cuda = lambda self, *_, **__: self
    torch.nn.SyncBatchNorm.convert_sync_batchnorm = classmethod(lambda cls, module, process_group=None: module)
    torch.nn.parallel.DistributedDataParallel = OneProcess


def be_the_only_process():
    init = torch.distributed.init_process_group

    def alone(**_):
        init(backend="gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)

    torch.distributed.init_process_group = alone
    torch.multiprocessing.spawn = lambda work, args, nprocs: work(0, *args)


class Clock:
    """When each update of the weights ended; ends the process after `last_step` of them."""

    def __init__(self, path, last_step):
        self.path, self.last_step, self.ends = path, last_step, []
        step = torch.optim.Adam.step

        def timed(optimiser, *inputs, **named):
            result = step(optimiser, *inputs, **named)
            self.ends.append(time.perf_counter())
            if self.last_step and len(self.ends) == self.last_step:
                self.write()
                raise SystemExit(0)
            return result

        torch.optim.Adam.step = timed

    def write(self):
        self.path.write_text(json.dumps(self.ends))


def count_classes(classes):
    """Their online classifiers have the 55 outputs of 3DIEBench unless told otherwise, and `main.py` does not tell."""
    models = importlib.import_module("src.models")
    make = models.SIE
    models.SIE = lambda args: make(args, num_classes=classes)


def leave_out_the_online_evaluator():
    """Its gradient ends at the features, so that what is learned stays the same."""
    models = importlib.import_module("src.models")

    class Nothing(torch.nn.Module):
        def __init__(self, *_, **__):
            super().__init__()

        def forward(self, *_):
            return torch.zeros(()), {}

    models.OnlineEvaluator = Nothing


def save_only_the_last(epochs):
    """Their checkpoint of every epoch costs more than an epoch of a small data set: only the last one is written."""
    save = torch.save

    def last(state, path):
        if not isinstance(state, dict) or state.get("epoch", epochs) == epochs:
            save(state, path)

    torch.save = last


def main():
    split = sys.argv.index("--")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sie", type=pathlib.Path, required=True, help="their checkout")
    parser.add_argument("--times", type=pathlib.Path, required=True, help="file for the ends of the steps, seconds")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--bare", action="store_true", help="without their online evaluator")
    parser.add_argument("--last-step", type=int, default=0, help="end after that many steps, without a checkpoint")
    options = parser.parse_args(sys.argv[1:split])
    theirs = sys.argv[split + 1:]

    torch.set_num_threads(options.threads)
    for seed in (random.seed, numpy.random.seed, torch.manual_seed):
        seed(options.seed)
    stay_on_cpu()
    be_the_only_process()
    save_only_the_last(int(theirs[theirs.index("--epochs") + 1]))
    # The first thing that their main function writes is in this folder, before it makes the folder.
    pathlib.Path(theirs[theirs.index("--exp-dir") + 1]).mkdir(parents=True, exist_ok=True)
    clock = Clock(options.times, options.last_step)
    sys.argv = ["main.py", *theirs]
    sys.path.insert(0, str(options.sie))
    count_classes(options.classes)
    if options.bare:
        leave_out_the_online_evaluator()
    runpy.run_path(str(options.sie / "main.py"), run_name="__main__")
    clock.write()


if __name__ == "__main__":
    main()
