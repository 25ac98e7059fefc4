"""The cells of a table as text: words for names, one number of decimals for all numbers of a column."""

import math
import re
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import pandas as pd

from ltdd_utils.data.facts import DATASETS
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.recipes.labels import JUDGES, LABELS, judge, label

__all__ = ["MINUS", "head", "is_number", "number", "said", "texts"]

MINUS = "\N{MINUS SIGN}"
ANY_JUDGE = re.compile(
    rf"(?:{'|'.join(map(re.escape, sorted(JUDGES, key=len, reverse=True)))})(?: \((?:\w+ )?(?:\d+|None)\))?"
)
SEPARATORS = re.compile(r"( - |: |, | above | \(|\))")
NUMBER = re.compile(rf"(< )?[{MINUS}+-]?[\d,]*\.?\d+(e[{MINUS}+-]?\d+)?(\s?[%×])?( ± [\d.]+)?( \([\d,]+\))?[†*]?")
HEADS = {  # columns of our frames -> words
    "accuracy": "accuracy, %",
    "recipe itself": "recipe itself, %",
    "before": "before, %",
    "after": "after, %",
    "gain": "gain, points",
    "ours": "ours, %",
    "difference": "difference, points",
    "visible from": "visible from, points",
    "imbalance_factor": "IF",
    "ipc": "IPC",
    "dataset": "data set",
    "evaluator": "judge",
    "tau": "τ",
    "mid": "middle",
    "convnet": "ConvNet",
    "vgg11": "VGG-11",
    "alexnet": "AlexNet",
    "resnet18": "ResNet-18",
}


def said(thing: object) -> str:
    """A name in words: of a method, of a judge, and of what is put together of them ("damed - random")."""
    if isinstance(thing, Evaluator):
        return judge(thing)
    text = ANY_JUDGE.sub(lambda found: judge(found[0]), str(thing))
    parts = (_word(part) for part in SEPARATORS.split(text))
    return "".join(f" {MINUS} " if part == " - " else part for part in parts)


def _word(part: str) -> str:
    return DATASETS[part].title if part in DATASETS else label(part) if part in LABELS else part


def head(name: object) -> str:
    """The head of a column in words; levels of a head are joined."""
    if isinstance(name, tuple):
        return ", ".join(head(part) for part in name if part != "")
    if isinstance(name, Evaluator):
        return judge(name, short=True)
    text = str(name)
    return HEADS.get(text) or (judge(text, short=True) if text.partition(" ")[0] in JUDGES else said(text))


def number(value: Real, digits: int, sign: bool = False) -> str:
    """A number with a true minus, thousands apart; ``sign``: with a plus, too."""
    text = f"{value:{'+' if sign else ''},.{digits}f}".replace("-", MINUS)
    return re.sub(rf"^[{MINUS}+](?=[0.,]+$)", "", text)  # what is rounded to nothing has no sign


def is_number(text: str) -> bool:
    """Whether a cell is a number, perhaps with its spread or count, and stands to the right."""
    return NUMBER.fullmatch(text) is not None


def texts(column: Sequence[Any], digits: int | None, empty: str) -> list[str]:
    """The cells of a column.

    Args:
        column: numbers, texts, truths, names; None and NaN where nothing is.
        digits: decimals of its numbers; None: none for whole numbers and thousands, else one.
        empty: what stands where nothing is.
    """
    values = list(column)
    numbers = [abs(float(one)) for one in values if _is_real(one) and not _missing(one)]
    if digits is None:
        whole = all(isinstance(one, Integral) for one in values if _is_real(one) and not _missing(one))
        digits = 0 if whole or (numbers and max(numbers) >= 1000) else 1
    return [_cell(one, digits, empty) for one in values]


def _cell(value: Any, digits: int, empty: str) -> str:  # noqa: ANN401 (a cell of any frame)
    if _missing(value) or value == "":
        return empty
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    return number(value, digits) if _is_real(value) else re.sub(r"^-(?=\d)", MINUS, said(value))


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and type(value).__name__ not in ("bool", "bool_")


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, Real) and math.isnan(value))
