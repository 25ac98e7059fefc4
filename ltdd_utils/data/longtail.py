"""The number of images of each class, the choice of them, and groups of classes by their count.

A *rank* counts from the head (0, most images) to the tail; ``DataConfig.class_order`` says which class has which rank.
Labels are never renumbered. Seeds of index lists are numpy ``RandomState`` seeds: that stream is frozen by numpy, so a
list means the same images on every machine.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from ltdd_utils.data.settings import DataConfig

MANY_SHOT = 100  # more than this many real images: many-shot (Decoupling, Kang et al. 2020, arXiv 1910.09217)
FEW_SHOT = 20  # fewer than this many: few-shot (the same source); between, both ends included: medium-shot


def class_counts(n_max: int, imbalance_factor: float, classes: int) -> list[int]:
    r"""Images per rank of an exponential long tail, head first.

    :math:`n_c = \lfloor n_{max} \cdot IF^{-c/(C-1)} \rfloor`, :math:`c = 0, \dots, C-1`; one class gives ``[n_max]``.
    LTDD (arXiv 2408.14506) and LDAM (arXiv 1906.07413).

    Note:
        Differs from the released code in one point: a product that misses a whole number only by rounding counts as
        that number (``49 * 49**-1.0`` is 0.999..., one image). On the published settings both give the same counts.

    Raises:
        ValueError: A size below one, an imbalance factor below one, or one that leaves the tail without an image.
    """
    if n_max < 1 or classes < 1:
        raise ValueError(f"n_max and classes must be at least 1, got n_max={n_max}, classes={classes}")
    if not (imbalance_factor >= 1 and np.isfinite(imbalance_factor)):
        raise ValueError(
            f"imbalance_factor is n_max / n_min, at least 1, got {imbalance_factor}: use its inverse, or 1 for balanced"
        )
    steps = max(classes - 1, 1)
    exact = [n_max * imbalance_factor ** (-rank / steps) for rank in range(classes)]
    counts = [int(value * (1 + 1e-12)) for value in exact]  # powers of doubles are good to about 1e-16
    if counts[-1] < 1:
        raise ValueError(
            f"imbalance_factor {imbalance_factor:g} leaves the rarest class no image: use at most n_max, here {n_max}, "
            "or keep every image there is, with --set data.profile=natural"
        )
    return counts


def ranked_classes(cfg: DataConfig, classes: int) -> list[int]:
    """Class at each rank, head first: label order, its reverse, or a seeded permutation.

    Both papers make class 0 the head, which confounds rarity with what a class shows; the other orders take them apart.

    Raises:
        ValueError: Unknown ``class_order``.
    """
    if cfg.class_order == "native":
        return list(range(classes))
    if cfg.class_order == "reversed":
        return list(range(classes))[::-1]
    if cfg.class_order == "permuted":
        return np.random.RandomState(cfg.class_order_seed).permutation(classes).tolist()
    raise ValueError(f"class_order {cfg.class_order!r} is unknown: use native, reversed or permuted")


def label_counts(cfg: DataConfig, classes: int, n_max: int) -> list[int]:
    """Images per class in label order of the exponential profile of ``cfg``; ``n_max`` is used where cfg has none."""
    ranks = class_counts(cfg.n_max or n_max, cfg.imbalance_factor, classes)
    counts = [0] * classes
    for count, label in zip(ranks, ranked_classes(cfg, classes), strict=True):
        counts[label] = count
    return counts


def long_tailed_indices(
    labels: Sequence[int] | np.ndarray,
    counts_per_class: Sequence[int],
    index_list: Literal["ltdd", "ldam", "glmc"] = "ltdd",
    seed: int = 42,
) -> np.ndarray:
    """Positions in the full train set that the long tail keeps, int64 ``[N]``, class by class in label order.

    ``"ltdd"``: for every class a fresh ``RandomState(seed)`` draws from the class's positions in data-set order, as the
    LTDD release does (its seed: 42). ``"ldam"``: one ``RandomState(seed)`` shuffles class after class and the first
    ones stay, as LDAM's code does (its seed: 0, so the usual LDAM list is ``seed=0``). ``"glmc"``: one
    ``RandomState(seed)`` draws without replacement from class after class, as the code of GLMC does since it draws no
    image twice (Du et al., CVPR 2023; github.com/ynu-yangpeng/GLMC at a2c7d5e); its seed is 3407, which paper 2's
    release takes over with that code. A draw without replacement is the start of a shuffle, so the rules of LDAM and
    GLMC give one list for one seed: only their seeds differ. The lists of one seed are nested: a higher imbalance
    factor keeps a prefix of each class.

    Raises:
        ValueError: Labels out of range, a count outside 1..class size, or an unknown list.
    """
    labels = np.asarray(labels)
    classes = len(counts_per_class)
    if labels.ndim != 1 or len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        span = f"{labels.min()}..{labels.max()}" if labels.size else "none"
        raise ValueError(f"labels must be [N] within 0..{classes - 1}, got {span}: give one count for each class")
    if index_list not in ("ltdd", "ldam", "glmc"):
        raise ValueError(f"index_list {index_list!r} is unknown: use ltdd, ldam or glmc")
    stream = np.random.RandomState(seed)
    parts = []
    for label, count in enumerate(counts_per_class):
        positions = np.flatnonzero(labels == label)
        if not 1 <= count <= len(positions):
            have = f"class {label} has {len(positions)} images"
            raise ValueError(f"{have}, but {count} were requested: change n_max or the data")
        if index_list == "ltdd":
            parts.append(positions[np.random.RandomState(seed).choice(len(positions), count, replace=False)])
        else:
            stream.shuffle(positions)
            parts.append(positions[:count])
    return np.concatenate(parts).astype(np.int64)


def class_prior(counts: Sequence[float]) -> np.ndarray:
    """Share of each class in the long-tailed train set, ``n_c / N``, float64 ``[C]``."""
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim != 1 or len(counts) == 0 or (counts < 1).any():
        raise ValueError(f"every class needs at least one image, got counts {counts.tolist()}: drop the empty class")
    return counts / counts.sum()


def shot_groups(counts: Sequence[int], many: int = MANY_SHOT, few: int = FEW_SHOT) -> dict[str, list[int]]:
    """Classes with more than ``many``, with fewer than ``few`` real images, and those between (both ends included).

    Thresholds: Decoupling (Kang et al. 2020, arXiv 1910.09217). A group can be empty: on the settings of LTDD the
    few-shot group mostly is.

    Raises:
        ValueError: ``few`` above ``many``, which would put a class into two groups.
    """
    if few > many:
        raise ValueError(f"few must not exceed many, got few={few}, many={many}")
    groups: dict[str, list[int]] = {"many": [], "medium": [], "few": []}
    for label, count in enumerate(counts):
        groups["many" if count > many else "few" if count < few else "medium"].append(label)
    return groups


def rank_thirds(counts: Sequence[int]) -> dict[str, list[int]]:
    """Head, middle and tail third of the classes by count (ties by label); sizes differ by at most one.

    The first thirds get the surplus. With fewer than three classes the tail groups are empty.
    """
    by_count = sorted(range(len(counts)), key=lambda label: (-counts[label], label))
    parts = np.array_split(np.array(by_count, dtype=np.int64), 3)
    return dict(zip(("head", "mid", "tail"), (part.tolist() for part in parts), strict=True))


def group_accuracy(per_class: Sequence[float], groups: Mapping[str, Sequence[int]]) -> dict[str, float | None]:
    """Mean of the class accuracies of each group; ``None`` for an empty group, which is not the same as 0.0.

    With a balanced test set the means, weighted by group size, recombine to the overall accuracy.

    Raises:
        ValueError: A group names a class that has no accuracy.
    """
    outside = [label for labels in groups.values() for label in labels if not 0 <= label < len(per_class)]
    if outside:
        raise ValueError(f"groups name class {outside[0]}, but there are {len(per_class)} class accuracies")
    return {
        name: float(np.mean([float(per_class[label]) for label in labels])) if len(labels) else None
        for name, labels in groups.items()
    }
