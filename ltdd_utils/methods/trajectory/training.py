"""All experts of a run: trained where they are not there yet, renewed where they lack an epoch, listed."""

from collections.abc import Sequence
from typing import Any

import torch

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle, load_bundle
from ltdd_utils.data.run import Run
from ltdd_utils.methods.trajectory.experts import classifier_expert, representation_expert
from ltdd_utils.methods.trajectory.settings import ExpertConfig, classifier_settings, expert_settings
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks.flat import Layout

__all__ = [
    "all_classifier_experts",
    "all_representation_experts",
    "expert_files",
    "experts_of",
    "renew_experts",
    "train_experts",
]

Numbers = Sequence[int] | None  # which experts, by number; None: all


def train_experts(
    cfg: ExpertConfig, run: Run, keep: Sequence[int], keep_classifier: Sequence[int] = (), only: Numbers = None
) -> Experts:
    """The experts of a run, trained where they are not there yet.

    Args:
        cfg: of the experts.
        run: the long tail, the transform of its images, the seed, where to train.
        keep: epochs of the representation experts that are wanted.
        keep_classifier: epochs of the classifier experts that are wanted; none leaves that stage out.
        only: which experts, by number; None: all. Several processes can train some each; what is returned counts these
            alone, from 0.

    Raises:
        FileNotFoundError: an expert was trained before, and a wanted epoch was not kept.
        ValueError: an epoch that is never trained, an expert above ``cfg.count``, or a network that trajectories do not
            know.
        Stopped: the deadline passed; the same call goes on from there.
    """
    with run.ledger.entry("experts"):
        first, second = all_representation_experts(cfg, run, keep, only), []
    if keep_classifier:
        with run.ledger.entry("classifier experts"):
            second = all_classifier_experts(cfg, run, keep_classifier, only)
    return experts_of(cfg, run, first, second)


def all_representation_experts(cfg: ExpertConfig, run: Run, keep: Sequence[int], only: Numbers = None) -> list[Bundle]:
    """The first stage of several experts; arguments and errors are those of ``train_experts``."""
    Layout.of(run.template(cfg.network))  # refuses a network before it is trained
    return [representation_expert(cfg, run, index, keep, _watch(cfg, run, index)) for index in _numbers(cfg, only)]


def all_classifier_experts(cfg: ExpertConfig, run: Run, keep: Sequence[int], only: Numbers = None) -> list[Bundle]:
    """The second stage of several experts; arguments and errors are those of ``train_experts``."""
    return [
        classifier_expert(cfg, run, index, keep, _watch(cfg, run, index, "classifier "))
        for index in _numbers(cfg, only)
    ]


def experts_of(cfg: ExpertConfig, run: Run, first: Sequence[Bundle], second: Sequence[Bundle]) -> Experts:
    """The bundles of both stages as one object that reads snapshots."""
    return Experts(Layout.of(run.template(cfg.network)), cfg.train.epochs, cfg.classifier_epochs, first, second)


def renew_experts(
    cfg: ExpertConfig, run: Run, keep: Sequence[int], keep_classifier: Sequence[int] = (), only: Numbers = None
) -> Experts:
    """As ``train_experts``, but experts that lack a wanted epoch are trained again, and keep what they held too."""
    run, numbers = run.pinned(cfg.seed), _numbers(cfg, only)
    held = {index: _held(run, "classifier", classifier_settings(cfg, index)) for index in numbers}
    first = [_renewed_first(cfg, run, index, keep) for index in numbers]
    second = [
        _renewed_second(cfg, run, index, _union(keep_classifier, held[index])) for index in numbers if keep_classifier
    ]
    return experts_of(cfg, run, first, second)


def expert_files(cfg: ExpertConfig, run: Run) -> list[dict[str, Any]]:
    """The experts of a run that are on disk: number, stage, epochs held, bytes of the file, seconds of training."""
    run, rows = run.pinned(cfg.seed), []
    for index in range(cfg.count):
        stages = {"representation": expert_settings(cfg, index), "classifier": classifier_settings(cfg, index)}
        for kind, settings in stages.items():
            path = run.context.store.result(kind, run.key(**settings))
            if path.is_file():
                meta = load_bundle(path).meta
                held = {"epochs": meta["epochs"], "bytes": path.stat().st_size, "seconds": meta["seconds"]}
                rows.append({"expert": index, "stage": kind, **held})
    return rows


def _numbers(cfg: ExpertConfig, only: Numbers) -> list[int]:
    numbers = list(range(cfg.count) if only is None else only)
    wrong = [number for number in numbers if not 0 <= number < cfg.count]
    if wrong:
        raise ValueError(f"expert {wrong[0]} is asked for; there are {cfg.count}, from 0 to {cfg.count - 1}")
    return numbers


def _watch(cfg: ExpertConfig, run: Run, index: int, kind: str = "") -> Watch | None:
    return run.watch(f"{kind}expert {index + 1}/{cfg.count}")


def _union(keep: Sequence[int], old: Bundle | None) -> list[int]:
    """The wanted epochs, and those that an expert holds already."""
    return sorted({*keep, *(old.meta["epochs"] if old is not None else ())})


def _renewed_first(cfg: ExpertConfig, run: Run, index: int, keep: Sequence[int]) -> Bundle:
    """A representation expert with the epochs ``keep`` and those that it held, trained again if it lacks one.

    Where training does not repeat itself bit for bit (a GPU, another machine), its backbone is another one now: the
    classifier expert that stands on the old one is forgotten.
    """
    settings, last, store = expert_settings(cfg, index), cfg.train.epochs, run.context.store
    old, watch = _held(run, "representation", settings), _watch(cfg, run, index)
    if old is None or set(keep) <= set(old.meta["epochs"]):
        return representation_expert(cfg, run, index, keep, watch)
    store.renew("representation", run.key(**settings))
    new = representation_expert(cfg, run, index, _union([*keep, last], old), watch)
    before, after = (bundle.tensors["snapshots"][-1] for bundle in (old, new))
    if old.meta["epochs"][-1] != last or not torch.equal(before, after):
        store.forget("classifier", run.key(**classifier_settings(cfg, index)))
    return new


def _renewed_second(cfg: ExpertConfig, run: Run, index: int, keep: Sequence[int]) -> Bundle:
    """A classifier expert with the epochs ``keep`` and those that it held, trained again if it lacks one."""
    settings, watch = classifier_settings(cfg, index), _watch(cfg, run, index, "classifier ")
    old = _held(run, "classifier", settings)
    if old is None or set(keep) <= set(old.meta["epochs"]):
        return classifier_expert(cfg, run, index, keep, watch)
    run.context.store.renew("classifier", run.key(**settings))
    return classifier_expert(cfg, run, index, _union(keep, old), watch)


def _held(run: Run, kind: str, settings: dict[str, Any]) -> Bundle | None:
    path = run.context.store.result(kind, run.key(**settings))
    return load_bundle(path) if path.is_file() else None
