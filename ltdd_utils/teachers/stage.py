"""A teacher, an observer or a feature extractor: a network that a run trains on its long tail, once."""

from dataclasses import replace

from torch import nn

from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.data.run import Run
from ltdd_utils.teachers.calibrated import Calibrated, calibration
from ltdd_utils.teachers.debiased import DebiasedObjective
from ltdd_utils.teachers.settings import TeacherConfig
from ltdd_utils.training.loop import train
from ltdd_utils.training.losses import logit_adjustment
from ltdd_utils.training.objectives import label_objective

__all__ = ["train_teacher"]


def train_teacher(cfg: TeacherConfig, run: Run, role: str = "teacher") -> nn.Module:
    """A network trained on the whole long tail, plain or debiased: its last epoch, in eval mode, on the run's device.

    ``cfg.tau`` takes the class prior off its logits after training, and is no part of the stage's key.

    It is a stage: trained once for the same settings, data and seed, and resumed if it was interrupted. All networks of
    a seed draw from the same named streams: observer and teacher see one order of the images. Settings that name a seed
    stand above the run's.

    Args:
        cfg: architecture, schedule, augmentation, and the debiased losses.
        run: data, preprocessing, seed, where to train.
        role: what the progress is called.

    Raises:
        Stopped: the store's deadline passed; the same call goes on from there.
    """
    run, cfg, tau = run.pinned(cfg.seed), replace(cfg, seed=None, tau=0.0), cfg.tau
    network = run.network(cfg.network, "expert", "weights").to(run.device)

    def compute(checkpoint: Checkpoint) -> Bundle:
        images, labels, rng = run.images(), run.labels(), run.rng("expert", "batches")
        shift, begin = None, None
        if cfg.logit_adjustment:
            shift = logit_adjustment(run.data.prior, cfg.logit_adjustment).float().to(run.device)
        objective = label_objective(images, labels, cfg.augment, rng, shift)
        if cfg.debias is not None:
            objective = DebiasedObjective(images, labels, run.data.counts, cfg, rng)
            begin = objective.begin
        listening = {"before_epoch": begin, "watch": run.watch(role), "checkpoint": checkpoint}
        compiler = run.compiler(role, checkpoint, passes=1 if cfg.debias is None else 2)  # two views
        trained = train(network, len(labels), objective, cfg.train, rng, compiler=compiler, **listening)
        return Bundle(dict(trained.state_dict()))

    network.load_state_dict(run.stage("expert", compute, config=cfg).tensors)
    if tau:
        return Calibrated(network, calibration(run.data.prior, tau).to(run.device)).eval()
    return network.eval()
