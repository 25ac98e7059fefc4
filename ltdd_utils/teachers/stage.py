"""A teacher or an observer as a stage of a run."""

from dataclasses import replace

from torch import nn

from ltdd_utils.core.context import RunContext
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.teachers.debiased import loss_of
from ltdd_utils.teachers.settings import TeacherConfig
from ltdd_utils.teachers.train import expert

__all__ = ["expert_stage"]


def expert_stage(
    cfg: TeacherConfig,
    data: LongTailedData,
    preprocess: Preprocess,
    seed: int,
    context: RunContext,
    role: str = "expert",
) -> tuple[nn.Module, float]:
    """The expert of a run, plain or debiased, in eval mode, and the seconds that its training took.

    Settings that name a seed stand above the run's: the network is the one that a run with that seed would train.
    """
    seed, cfg = seed if cfg.seed is None else cfg.seed, replace(cfg, seed=None)
    loss = loss_of(cfg, data.counts)
    return expert(cfg, data, preprocess, seed, context.store, context.device, context.watching(role), loss)
