"""One student: an independent job with random streams of its own, kept in the store."""

from contextlib import nullcontext
from dataclasses import replace

from torch import Tensor, nn

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.provenance import machine
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.core.tables import resolve
from ltdd_utils.data.run import Run
from ltdd_utils.distilled.contents import DistilledSet, content_hash
from ltdd_utils.distilled.mosaics import expanded
from ltdd_utils.evaluation.objectives import StudentTask
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.networks.flat import state_hash
from ltdd_utils.networks.network import Network
from ltdd_utils.training.confusion import answered, counted, packed
from ltdd_utils.training.loop import train
from ltdd_utils.training.pauses import pausing

__all__ = ["student"]


def student(
    distilled: DistilledSet,
    run: Run,
    cfg: EvaluateConfig,
    number: int,
    teacher: nn.Module | None = None,
    *,
    watch: Watch | None = None,
) -> Bundle:
    """One student: trained from scratch on the set, its last iterate scored on the balanced test set.

    It is a stage of its own: trained once for the same set, protocol, seed and number, and resumed if interrupted.

    Args:
        distilled: the set, in the space of the run; of mosaics a student sees the parts (``mosaics.expanded``).
        run: the long tail that the set was made from, with the test set; the protocol's transform; the seed.
        cfg: the protocol.
        number: which student of the run this is, from 0.
        teacher: where one labels, in eval mode.
        watch: told the progress.

    Returns:
        ``tensors["confusion"]`` ``[C, C]``; ``tensors["correct"]``, a bit for each of the M test images, uint8
        ``[ceil(M / 8)]`` (``confusion.packed``); and ``tensors["classifier_norms"]`` ``[C]``, the L2 norm of each
        class's row of the linear layer used at inference; in ``meta`` ``seconds``, ``clamped`` and ``device``, and
        ``adsa_tau`` where soft labels are calibrated. A result that an earlier version left in the store may have
        neither bits nor norms.

    Raises:
        ValueError: the set does not fit the data or the preprocessing, or has no soft labels to calibrate.
        Stopped: the store's deadline passed; the same call goes on from there.
    """
    rules, distilled = PROTOCOLS[cfg.protocol], expanded(distilled)
    settings = {"config": cfg, "set": content_hash(distilled), "number": number}
    settings |= {} if teacher is None else {"teacher": state_hash(teacher)}  # trained again, it may be another one

    def compute(checkpoint: Checkpoint) -> Bundle:
        network = run.network(cfg.network, "student", number, "weights").to(run.device)
        batches = run.rng("student", number, "batches")
        task = StudentTask(distilled, run, cfg, batches, teacher)
        with nullcontext() if teacher is None else pausing(teacher, checkpoint.pause):
            objective, facts = resolve(rules.objective)(task)  # a teacher may label all images at once
        schedule = cfg.train
        if rules.learned_lr and distilled.lr is not None:
            schedule = replace(schedule, lr=distilled.lr)
        listening = {"watch": watch, "checkpoint": checkpoint}
        compiler = run.compiler("students", checkpoint)
        trained = train(network, len(distilled), objective, schedule, batches, compiler=compiler, **listening)
        with pausing(trained, checkpoint.pause):
            answers, labels = answered(trained, run.test_images()), run.data.test_labels.cpu()
        tensors = {"confusion": counted(answers, labels, run.data.classes), "correct": packed(answers == labels)}
        tensors["classifier_norms"] = _classifier_norms(trained)
        return Bundle(tensors, {"clamped": 0.0, **facts, "device": machine(run.device)})

    return run.stage("student", compute, shared=("data", "seed"), **settings)


def _classifier_norms(network: Network) -> Tensor:
    """L2 norm of each row of the linear layer used at inference, without its bias, ``[C]``."""
    head = network.classifier if network.second_classifier is None else network.second_classifier
    return head.weight.detach().norm(dim=1).cpu()
