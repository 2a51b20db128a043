"""A training loop as a person writes it, for benchmarks to stand beside, and the times that works take in turns."""

from time import perf_counter, process_time
from unittest.mock import patch

import torch

from harness.benchmark.measure import make_one

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


without_few_channels = patch("harness.nn.convolution.has_few_channels", lambda *_: False)
"""Decorates what is to use torch's own convolutions alone."""


class PlainLoop:
    """The same training without the harness's engine."""

    def __init__(self, case, registry, images):
        member = make_one(case, registry, images, 0, print)
        self.model = member.model.to(memory_format=torch.contiguous_format)
        self.batches, self.draws, self.objectives = member.batches, member.draws, member.objectives
        self.optimizers = {
            o.name: torch.optim.Adam(
                o.parameters(), o.optimizer.lr_at(0), betas=o.optimizer.betas, weight_decay=o.optimizer.weight_decay
            )
            for o in self.objectives
        }

    @without_few_channels
    def step(self, step):
        schedule = {name: torch.tensor(value, device=DEVICE) for name, value in self.model.schedule(step).items()}
        inputs = None
        for objective in self.objectives:
            for _ in range(objective.repeats if objective.when(step) else 0):
                if inputs is None or objective.fresh:
                    images = self.batches.next().contiguous()
                    inputs = images, {**self.model.draw(len(images), self.draws), **schedule}
                self.optimizers[objective.name].zero_grad()
                sum(objective.loss_at(step)(*inputs).values()).backward()
                self.optimizers[objective.name].step()
        with torch.no_grad():
            self.model.finish_step()


class Stopwatch:
    """Seconds, of the wall and of the process, that a work takes each time."""

    def __init__(self, work):
        self.work = work
        self.walls, self.processes = [], []

    def __call__(self):
        wall, process = perf_counter(), process_time()
        self.work()
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        self.walls.append(perf_counter() - wall)
        self.processes.append(process_time() - process)
