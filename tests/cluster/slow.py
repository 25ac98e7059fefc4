"""A method whose set takes a while, however fast the machine is, and one that fails: for campaigns with faults."""

import os
import time
from dataclasses import dataclass

import torch

from ltdd_utils.core.store import Bundle
from ltdd_utils.distilled import DistilledSet, from_bundle, to_bundle
from ltdd_utils.methods import Family, Method, Stage, register

STEP_S = float(os.environ.get("SLOW_STEP_S", "0.5"))


@dataclass(frozen=True)
class SlowConfig:
    """So many steps of half a second; a number is drawn at each."""

    steps: int = 10
    fails: bool = False  # at the third step


class Slow(Family):
    """Images that the sums of drawn numbers choose."""

    name, settings, iterations_setting = "slow", SlowConfig, "steps"

    def stages(self, cfg, ipc):
        """One."""
        return [Stage("walk", walk, sized=True)]


def walk(job):
    """The set."""

    def compute(checkpoint):
        saved = checkpoint.load()
        values = torch.zeros(0) if saved is None else saved.tensors["values"]
        while len(values) < job.cfg.steps:
            checkpoint.tick(lambda values=values: Bundle({"values": values}))
            time.sleep(STEP_S)
            if job.cfg.fails and len(values) == 2:
                raise FloatingPointError("the walk is not finite at step 3")
            drawn = torch.rand(1, generator=job.run.rng("walk", len(values)))
            values = torch.cat([values, drawn.float()])
            with open(os.environ["SLOW_TRACE"], "a") as file:
                file.write(f"{job.cfg.steps} {len(values)}\n")
        labels, first = torch.arange(job.run.data.classes), int(values.sum() * 1000)
        rows = [(job.run.data.train_labels == label).nonzero().flatten() for label in labels]
        chosen = torch.stack([row[(first + n) % len(row)] for n in range(job.ipc) for row in rows])
        info = {"class_names": list(job.run.data.class_names)}
        return to_bundle(DistilledSet(labels.repeat(job.ipc), job.run.data.indices[chosen], info=info))

    return from_bundle(job.run.stage("walk", compute, config=job.cfg, ipc=job.ipc))


def slow(cell):
    """Slow: a walk."""
    return SlowConfig()


register(Method("slow", slow, Slow()))
