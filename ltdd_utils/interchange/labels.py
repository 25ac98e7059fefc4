"""The labels of other codes: class numbers, one-hot rows, probabilities and logits told apart; the order of images."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ltdd_utils.distilled.contents import ROUNDING
from ltdd_utils.interchange.reading import Reading

__all__ = ["Labels", "read_labels"]

LOOSE = 0.05  # by which rows of probabilities may miss a sum of 1 where they are said to be probabilities
DEVIATIONS = 3.0  # above the agreement of a random order, in its standard deviations, that speaks for an order
SURE = 2 / 3  # agreement that speaks for an order whatever the number of images
WELL = 0.9  # agreement of labels that came out well: less of it, with counts that fit, is another order
SHOWN = 12  # classes that a message names


@dataclass(frozen=True)
class Labels:
    """Labels of M images."""

    classes: Tensor  # int64 [M]
    targets: Tensor | None = None  # float32 [M, C]
    kind: str | None = None  # of the targets: logits or probabilities


def read_labels(stored: Tensor, reading: Reading, where: str, classes: Tensor | None = None) -> Labels:
    """The meaning of a tensor of labels.

    ``[M]`` and ``[M, 1]`` are class numbers, as integers or as whole floats. Rows ``[M, C]`` are one-hot where each is
    a single 1 among zeros, probabilities where each is >= 0 and sums to 1, else logits; ``reading.targets`` says it
    where that does not tell.

    Args:
        stored: real numbers ``[M]``, ``[M, 1]`` or ``[M, C]``.
        reading: what the user says.
        where: the file, for messages.
        classes: of the images, as stored beside ``stored`` (``[M]``, or one-hot): nothing is told from the place then.

    Raises:
        ValueError: contents that may mean several things, or not what the user says.
    """
    if classes is not None:
        return _beside_classes(stored, classes, reading, where)
    if stored.ndim == 1 or stored.shape[1] == 1:
        return _class_numbers(stored.flatten(), reading, where)
    kind = reading.targets or _kind(stored, where)
    if kind == "hard":
        return Labels(_one_class_each(stored, where))
    targets = stored.float()
    if kind == "probabilities":
        targets = _probabilities(targets, where)
    return Labels(_classes(targets, kind, reading.order, where), targets, kind)


def _beside_classes(stored: Tensor, classes: Tensor, reading: Reading, where: str) -> Labels:
    """Labels of images whose classes are known: rows of floats are soft labels, whatever class is their largest."""
    known = read_labels(classes, Reading(), where)
    if known.targets is not None:
        raise ValueError(f"{where} holds soft labels twice; give classes [M] beside the targets [M, C], or one of them")
    if reading.order is not None:
        raise ValueError(f"{where} holds the class of each image, so that their order tells nothing: leave --order out")
    if stored.ndim == 1 or stored.shape[1] == 1 or not stored.is_floating_point() or reading.targets == "hard":
        found = read_labels(stored, reading, where)
        if found.targets is None and not torch.equal(found.classes, known.classes):
            row = int((found.classes != known.classes).nonzero()[0])
            one, other = int(known.classes[row]), int(found.classes[row])
            raise ValueError(f"{where} says class {one} and class {other} of image {row}: leave one of the two labels")
        return Labels(known.classes, found.targets, found.kind)
    kind = reading.targets or _kind(stored, where)
    if kind == "logits":
        return Labels(known.classes, stored.float(), kind)
    return Labels(known.classes, _probabilities(stored.float(), where), "probabilities")


def _class_numbers(stored: Tensor, reading: Reading, where: str) -> Labels:
    if reading.targets not in (None, "hard"):
        raise ValueError(f"{where} holds one class number for each image, no {reading.targets}: leave --targets out")
    if stored.is_floating_point() and not torch.equal(stored, stored.round()):  # NaN is unlike itself
        row = int((stored != stored.round()).nonzero()[0])
        raise ValueError(
            f"{where} says {float(stored[row]):g} for image {row}, which is no class number; give whole numbers, one "
            "for each image, or rows of soft labels, [images, classes]"
        )
    return Labels(stored.long())


def _kind(stored: Tensor, where: str) -> str:
    """Logits, probabilities or hard, where the values tell."""
    values = stored.double()
    sums = values.sum(dim=1)
    ones = (sums - 1).abs() <= ROUNDING
    binary = bool(((values == 0) | (values == 1)).all())
    if binary and bool((sums == 1).all()):
        return "hard"
    if (binary and bool(values.any())) or not stored.is_floating_point():
        raise ValueError(
            f"{where} holds rows that are neither one-hot nor soft labels: {_odd_row(values, binary)}. Give each image "
            "one class; or, if the rows are logits, say --targets logits"
        )
    if bool((values < 0).any()) or not bool(values.isfinite().all()):
        return "logits"
    if bool(ones.all()):
        return "probabilities"
    near = bool(((sums - 1).abs() <= LOOSE).all())
    alike = len(sums) > 1 and bool(((sums / sums.mean() - 1).abs() <= LOOSE).all())  # per cent, counts, ranks
    if bool(ones.any()) or near or alike:
        known = "say --targets probabilities" if near else "divide each row by its sum"
        raise ValueError(
            f"{where} holds rows of numbers >= 0 whose sums are {_span(sums)}: logits do not look like that, and "
            f"probabilities sum to 1. If they are logits, say --targets logits; if probabilities, {known}"
        )
    return "logits"


def _odd_row(values: Tensor, binary: bool) -> str:
    """The first row that is no label, in words."""
    if not binary:
        row = int(((values != 0) & (values != 1)).any(dim=1).nonzero()[0])
        return f"row {row} has whole numbers {_span(values[row])}"
    classes = values.sum(dim=1)
    row = int((classes != 1).nonzero()[0])
    return f"row {row} names {int(classes[row]) or 'no'} class{'es' if classes[row] else ''}"


def _span(values: Tensor) -> str:
    """The smallest and the largest of some numbers, as text; one number where both look alike."""
    low, high = f"{float(values.min()):.4g}", f"{float(values.max()):.4g}"
    return low if low == high else f"from {low} to {high}"


def _probabilities(values: Tensor, where: str) -> Tensor:
    """Rows that sum to 1 exactly, where they do so nearly."""
    sums = values.double().sum(dim=1, keepdim=True)
    if not bool((values >= 0).all()) or bool(((sums - 1).abs() > LOOSE).any()):
        raise ValueError(
            f"{where} holds no probabilities; they are >= 0 and sum to 1: its smallest value is "
            f"{float(values.min()):.4g}, and the sums of its rows are {_span(sums)}. Leave --targets probabilities "
            "out, or divide each row by its sum"
        )
    return values if bool(((sums - 1).abs() <= ROUNDING).all()) else (values / sums).float()


def _one_class_each(stored: Tensor, where: str) -> Tensor:
    top, classes = stored.max(dim=1)
    tied = (stored == top[:, None]).sum(dim=1) != 1
    if bool(tied.any()):
        row = int(tied.nonzero()[0])
        raise ValueError(f"row {row} of {where} has no single largest value, so that it names no class")
    return classes


def _classes(targets: Tensor, kind: str, order: str | None, where: str) -> Tensor:
    """The class of each of M images from soft labels ``[M, C]``, K = M / C of each class.

    The codes of this family store their images class by class, and the soft label that they learn for an image may
    have its largest value in another class (in half of them, for a poor set on a long tail). So the place decides,
    unless the labels say otherwise:

    1. each class is the largest of exactly K labels, and they are whole blocks in another order of the classes, or
       agree with the place for less than 90 % of the images: the largest values are the classes;
    2. else class by class, if the clear labels (largest probability at least 3 / C, at most 3/4) agree with the place
       clearly more often than in a random order (3 standard deviations, or two thirds), or if less than half of them
       are clear, so that they say nothing;
    3. else neither is safe, and it is refused.
    """
    count, classes = targets.shape
    if count % classes:
        raise ValueError(f"{where} has {count} images for {classes} classes; expected the same number of each")
    each = count // classes
    stored = torch.arange(classes).repeat_interleave(each)
    shares = targets.softmax(dim=1) if kind == "logits" else targets
    top, largest = shares.max(dim=1)
    fits = bool((largest.bincount(minlength=classes) == each).all())
    same = largest == stored
    if order == "classes" or not bool(targets.isfinite().all()):
        return stored
    blocks = each > 1 and bool((largest.view(classes, each) == largest.view(classes, each)[:, :1]).all())
    if order == "labels" or (fits and (blocks or float(same.double().mean()) < WELL)):
        if fits:
            return largest
        sizes = largest.bincount(minlength=classes).tolist()
        raise ValueError(f"the largest values of {where} give the classes {sizes} images; expected {each} of each")
    clear = top >= min(3 / classes, 0.75)
    number, agree = int(clear.sum()), int((same & clear).sum())
    chance = number / classes + DEVIATIONS * math.sqrt(number / classes * (1 - 1 / classes))
    if 2 * number < count or agree > min(chance, SURE * number):
        return stored
    raise ValueError(
        f"{where}: {number} labels are clear, and {agree} of them agree with images stored class by class, no more "
        f"than in a random order; the first images are of the classes {largest[:SHOWN].tolist()} by their labels, "
        f"whose numbers do not fit {each} of each. Sort images and labels class by class, or say --order classes if "
        "they are so stored and the labels are poor"
    )
