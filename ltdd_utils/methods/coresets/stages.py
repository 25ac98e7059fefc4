"""The stages of a coreset: the network whose features are read, and the choice."""

from torch import nn

from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.files import from_bundle, to_bundle
from ltdd_utils.methods.base import Job
from ltdd_utils.methods.coresets.selection import select
from ltdd_utils.teachers.stage import train_teacher

__all__ = ["expert", "selection"]


def expert(job: Job) -> nn.Module:
    """The network whose features are read, in eval mode."""
    return train_teacher(job.cfg.expert, job.run, "expert")


def selection(job: Job) -> DistilledSet:
    """The chosen images.

    Raises:
        ValueError: settings that do not fit the data.
    """
    cfg, run, largest = job.cfg, job.run, max(job.run.data.counts)
    if cfg.policy == "duplicate" and job.ipc > largest:
        raise ValueError(f"ipc is {job.ipc}, but no class has more than {largest} images; choose fewer")

    def compute(checkpoint: Checkpoint) -> Bundle:
        return to_bundle(select(cfg, run, job.ipc, job.results.get("expert"), job.draw, checkpoint=checkpoint))

    return from_bundle(run.stage("coreset", compute, method=cfg, ipc=job.ipc, draw=job.draw))
