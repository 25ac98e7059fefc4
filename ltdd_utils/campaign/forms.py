"""The form of a campaign's file: what each key of a block holds, checked before any run is made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ltdd_utils.core.hints import did_you_mean

__all__ = ["FORMS", "checked", "listed_blocks"]


@dataclass(frozen=True)
class Form:
    """What a key may hold, and how it is written."""

    fits: Callable[[Any], bool]
    words: str
    example: str  # without the key


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= least


def _text(value: Any) -> bool:  # noqa: ANN401 (what a file says)
    return isinstance(value, str)


def _several(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(map(fits, value))


def _settings(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and all(map(_text, value))


def _names(example: str) -> Form:
    return Form(_several(_text), "a list of names", example)


FORMS = {
    "title": Form(_text, "a text", '"baselines"'),
    "methods": _names('["random", "herding"]'),
    "datasets": _names('["cifar10"]'),
    "imbalance_factor": Form(
        lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number", "100"
    ),
    "ipc": Form(
        lambda value: _whole(1)(value) or _several(_whole(1))(value), "a whole number from 1 or a list of them", "10"
    ),
    "seeds": Form(_several(_whole(0)), "a list of whole numbers from 0", "[0, 1, 2]"),
    "students": Form(_whole(1), "a whole number from 1", "3"),
    "protocols": _names('["dsa-stored"]'),
    "teachers": _names('["plain"]'),
    "networks": _names('["resnet18"]'),
    "set": Form(_several(_settings), "a list of lists, each a run", '[[], ["evaluate.train.epochs=10"]]'),
}
NEEDED = ("title", "methods")


def listed_blocks(content: Mapping[str, Any]) -> list[Any]:
    """The blocks of a file.

    Raises:
        ValueError: another key than ``scale`` and ``block``, or values that are no text and no list of tables.
    """
    scale, blocks = content.get("scale"), content.get("block")
    if set(content) != {"scale", "block"} or not isinstance(scale, str):
        given = f"scale is {scale!r}; " if "scale" in content and not isinstance(scale, str) else ""
        raise ValueError(f'{given}write scale = "cpu" (or another) and one or more [[block]], and nothing else')
    if not (isinstance(blocks, list) and blocks and all(isinstance(block, dict) for block in blocks)):
        raise ValueError(f"block is {blocks!r}; write each block as a table of its own, below a line [[block]]")
    return blocks


def checked(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a block.

    Raises:
        ValueError: an unknown or missing key, or a value of another form; the message says which is right.
    """
    if unknown := sorted(set(values) - set(FORMS)):
        hint = did_you_mean(unknown[0], FORMS)
        raise ValueError(f"unknown key {unknown[0]!r}{hint}; known keys: {', '.join(FORMS)}")
    for key in NEEDED:
        if key not in values:
            raise ValueError(f"{key} is missing")
    for key, value in values.items():
        form = FORMS[key]
        if not form.fits(value):
            raise ValueError(f"{key} is {value!r}; write {form.words}: {key} = {form.example}")
    return values
