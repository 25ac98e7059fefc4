"""What pages call methods, changed settings and judges, and the colour and marker of each: one table, asked everywhere.

Code has the names of methods and evaluators; a table, a figure or a sentence has these words. Colours stand at 3 : 1 or
more from a white page and from a dark one, so that the same figure is right on both.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ltdd_utils.evaluation.evaluator import Evaluator

__all__ = ["JUDGES", "LABELS", "WAYS", "Look", "colour", "judge", "label", "look", "marker", "variant"]


class Look(NamedTuple):
    """How one thing is called and drawn."""

    label: str
    colour: str
    marker: str


LABELS: Mapping[str, Look] = {  # of methods
    "random": Look("random real images", "#7F7F7F", "o"),
    "kcenter": Look("k-center", "#A0785A", "s"),
    "herding": Look("herding", "#8A8A3A", "D"),
    "graphcut": Look("Graph-Cut", "#B3739B", "^"),
    "dc": Look("DC", "#B3739B", "D"),
    "dm": Look("DM", "#8F7AC8", "^"),
    "csdm": Look("CSDM, as reconstructed", "#009E73", "P"),
    "csdm_one_weight": Look("CSDM, one weight", "#009E73", "X"),
    "cafe": Look("CAFE", "#A0785A", "P"),
    "idm": Look("IDM", "#8A8A3A", "X"),
    "ladm": Look("LADM", "#D55E00", "P"),
    "dream": Look("DREAM", "#A0785A", "v"),
    "dream_adsa": Look("DREAM + ADSA", "#A0785A", "<"),
    "tesla": Look("TESLA", "#8A8A3A", "P"),
    "mtt": Look("MTT", "#8F7AC8", "s"),
    "mtt_soft": Look("MTT, soft labels", "#8F7AC8", "D"),
    "mtt_adsa": Look("MTT + ADSA", "#8F7AC8", "<"),
    "datm": Look("DATM", "#009E73", "^"),
    "dam_only": Look("DAM alone", "#A9800B", "v"),
    "ed_only": Look("ED alone", "#C0609F", "D"),
    "damed": Look("DAM + ED", "#D55E00", "o"),
    "unilevel": Look("uni-level", "#0072B2", "o"),
    "unilevel_no_debiasing": Look("uni-level, plain experts", "#C0609F", "s"),
    "unilevel_no_calibration": Look("uni-level, plain statistics", "#A9800B", "D"),
    "unilevel_no_init": Look("uni-level, random start", "#009E73", "s"),
    "unilevel_no_recovery": Look("uni-level, no recovery", "#8F7AC8", "v"),
    "unilevel_adsa": Look("uni-level + ADSA", "#0072B2", "<"),
    "sre2l": Look("SRe2L", "#A9800B", "s"),
    "sre2l_adsa": Look("SRe2L + ADSA", "#A9800B", "<"),
    "gvbsm": Look("G-VBSM", "#8F7AC8", "X"),
    "gvbsm_adsa": Look("G-VBSM + ADSA", "#8F7AC8", ">"),
    "minimax": Look("Minimax", "#B3739B", "P"),
    "rded": Look("RDED", "#A0785A", "D"),
    "edc": Look("EDC", "#C0609F", "^"),
    "edc_several": Look("EDC, several observers", "#C0609F", "v"),
    "edc_adsa": Look("EDC + ADSA", "#C0609F", "<"),
    "representation_expert": Look("expert, long-tailed", "#8A8A3A", "o"),
    "full": Look("all images, cross-entropy", "#7F7F7F", "X"),
    "full_logit_adjusted": Look("all images, logit-adjusted", "#7F7F7F", "P"),
}
JUDGES: Mapping[str, Look] = {  # of evaluators, by ``Evaluator.label``
    "dsa-stored": Look("paper 1's judge", "#D55E00", "o"),
    "online-teacher/plain": Look("paper 2's judge, plain teacher", "#7F7F7F", "s"),
    "online-teacher/debiased": Look("paper 2's judge, debiased teacher", "#0072B2", "D"),
    "online-stored/plain": Look("paper 2's judge, plain teacher asked once", "#A0785A", "^"),
    "online-stored/debiased": Look("paper 2's judge, debiased teacher asked once", "#009E73", "v"),
}
WAYS: Mapping[str, Look] = {  # of what chapters compare inside a method: losses, gradients, statistics, readers
    "plain": Look("plain", "#7F7F7F", "s"),
    "weights": Look("weights", "#D55E00", "o"),
    "offset": Look("offset", "#0072B2", "D"),
    "weights and offset": Look("weights and offset", "#8F7AC8", "X"),
    "permuted": Look("permuted", "#A9800B", "^"),
    "inverted": Look("inverted", "#C0609F", "v"),
    "exact": Look("exact", "#0072B2", "o"),
    "tesla": Look("tesla", "#D55E00", "D"),
    "unroll": Look("unroll", "#7F7F7F", "s"),
    "running": Look("running", "#A9800B", "^"),
    "natural shares": Look("natural shares", "#D55E00", "s"),
    "equal shares": Look("equal shares", "#0072B2", "o"),
    "biased experts": Look("biased experts", "#7F7F7F", "s"),
    "representation experts": Look("representation experts", "#7F7F7F", "s"),
    "classifier experts": Look("classifier experts", "#D55E00", "o"),
}
SETTINGS: Mapping[tuple[str, Any], str] = {  # a changed setting and its value, without "method."
    ("iterations", 0): "before the first iteration",
    ("method", "kcenter-unbalanced"): "labels unseen",
    ("method", "graphcut-unbalanced"): "labels unseen",
    ("gradient", "tesla"): "TESLA's gradient",
    ("initial.experts", "classifier"): "start chosen by re-balanced experts",
    ("experts.logit_adjustment", 1): "logit-adjusted experts",
    ("experts.seed", None): "experts of its own",
    ("images.iterations", 0): "labels on random mosaics",
    ("images.logit_adjustment", 0): "plain networks for the images",
    ("logit_adjustment", 1): "logit-adjusted networks",
    ("teacher.logit_adjustment", 0): "a teacher with the plain loss",
    ("lr", None): "the protocol's step size",
    ("lr_labels", 0): "labels that stay",
    ("dam.prior", "inverted"): "inverted prior",
    ("dam.prior", "permuted"): "permuted prior",
    ("dam.prior", "estimated"): "estimated prior",
    ("dam.prior", "uniform"): "uniform prior",
    ("dam.weights", "sum"): "weights that sum to 1",
    ("dam.weights", "mean"): "weights of mean 1",
    ("dam.weights", "none"): "no weights",
    ("dam.offset", 1): "logit offset",
    ("statistics.source", "natural"): "natural statistics",
    ("statistics.source", "running"): "running statistics",
    ("statistics.variance", "mean"): "variances averaged",
    ("recover.class_wise", "batch"): "classes averaged first",
    ("recover.class_variance", "pooled"): "class variances pooled",
    ("recover.class_variance", "within-image"): "class variances within images",
    ("observer.kind", "plain"): "plain observer",
    ("observer.network.second_head", False): "one head",
    ("observer.network.projection", 0): "no projection",
    ("data.class_order", "reversed"): "classes in reversed order",
    ("data.judged_on", "unused"): "judged on unused train images",
    ("evaluate.augment.cutmix", False): "no CutMix",
    ("evaluate.augment.kind", "none"): "no augmentation",
    ("evaluate.teacher.debias.sharpness", 0): "no class weights",
    ("evaluate.teacher.debias.consistency", 0): "no consistency",
    ("evaluate.teacher.debias.partner_power", 0): "no tail partners",
}
AMOUNTS: Mapping[str, str] = {  # a changed setting that is told with its number
    "evaluate.adsa.largest": "labels calibrated, τ at most {:g}",
    "evaluate.adsa.step": "in steps of {:g}",
    "images.regulariser": "weight {:g} of the cross-entropy",
    "regulariser": "weight {:g} of the cross-entropy",
    "evaluate.train.lr": "students' step size {:g}",
    "data.n_max": "{:g} images in the largest class",
}
SPARE = ("#0072B2", "#D55E00", "#009E73", "#C0609F", "#A9800B", "#8F7AC8")  # of methods that the table does not know
WIDTH = 32  # of students that need no mention
JUDGE = re.compile(r"(?P<label>[^ ]+)(?: \((?:(?P<network>\S+) )?(?P<width>\d+|None)(?:, (?P<precision>\w+))?\))?")


def look(method: str) -> Look:
    """The words, colour and marker of a method; one of your own is called by its name.

    Args:
        method: by name ("damed") or by its words ("DAM + ED").
    """
    known = LABELS.get(method) or next((one for one in LABELS.values() if one.label == method), None)
    if known is not None:
        return known
    place = sum(method.encode())  # the same on every page and in every process
    return Look(method.replace("_", " "), SPARE[place % len(SPARE)], "oD^vsX"[place // len(SPARE) % 6])


def label(method: str) -> str:
    """What pages call a method: "DAM + ED" for "damed"."""
    return look(method).label


def colour(method: str) -> str:
    """The colour of a method in every figure."""
    return look(method).colour


def marker(method: str) -> str:
    """The marker of a method in every figure, as matplotlib names it."""
    return look(method).marker


def variant(method: str, changes: Mapping[str, Any]) -> str:
    """A method with changed settings, in words: "DAM + ED, inverted prior"; a setting without words as KEY=VALUE."""
    told = []
    for name, value in changes.items():
        key = name.removeprefix("method.")
        words = SETTINGS.get((key, value)) if isinstance(value, str | int | float | None) else None
        if words is None and key in AMOUNTS and isinstance(value, int | float):
            words = AMOUNTS[key].format(value)
        told.append(words or f"{key.rpartition('.')[2]}={value}")
    return ", ".join([label(method), *told])


def judge(evaluator: Evaluator | str, *, short: bool = False) -> str:
    """What pages call an evaluator: "paper 2's judge, debiased teacher"; other students than usual are named.

    Args:
        evaluator: or its text, ``"online-teacher/debiased (32)"``, or its ``label``.
        short: "stored labels", "debiased teacher", for the head of a column.
    """
    found = JUDGE.fullmatch(str(evaluator))
    name = found["label"] if found else str(evaluator)
    words = JUDGES[name].label if name in JUDGES else name
    if short:
        words = words.replace("paper 1's judge", "stored labels").removeprefix("paper 2's judge, ")
    students = []
    if found and found["network"]:
        students = [found["network"]]
    elif found and found["width"] not in (None, str(WIDTH)):
        students = [f"width {found['width']}"]
    if found and found["precision"]:
        students.append(found["precision"])
    return ", ".join([words, *students])
