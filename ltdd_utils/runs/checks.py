"""Validate the arguments of a run before any work starts."""

from collections.abc import Iterable

from ltdd_utils.core.context import RunContext, require_writable
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.settings import whole_number
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.networks.factory import build
from ltdd_utils.networks.settings import NetworkConfig

__all__ = ["check", "require_classes", "require_networks"]


def check(seed: int, students: int, context: RunContext) -> tuple[int, int]:
    """Seed and number of students as whole numbers, refused at once where they would fail later.

    Raises:
        ValueError: no whole number, a negative seed, fewer than one student.
        OSError: a folder cannot be written.
    """
    seed, students = whole_number(seed, "seed"), whole_number(students, "students")
    if students < 1:
        raise ValueError(f"students is {students}; at least 1 is needed")
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must be 0 or more")
    for folder in (context.store.root, context.results):
        if folder is not None:
            require_writable(folder)
    return seed, students


def require_classes(data: LongTailedData) -> None:
    """Raise unless a data set of the table has as many classes as its entry says, which recipes count on.

    Raises:
        ValueError: it has another number.
    """
    known = DATASETS.get(data.config.name)
    if known is not None and known.classes != data.classes:
        what = f"the data set {data.config.name!r} has {data.classes} classes, but its entry says {known.classes}"
        raise ValueError(f"{what}; correct the entry, or the class names that its reader gives")


def require_networks(networks: Iterable[NetworkConfig], data: LongTailedData) -> None:
    """Build networks once, before hours of work that end in training them; nothing is kept.

    Raises:
        ValueError: settings that an architecture does not have, or images too small for it.
    """
    for network in dict.fromkeys(networks):
        build(network, data.classes, data.image_size, data.channels, generator(0, "shape"))
