"""What somebody may have meant who wrote a name that nobody knows."""

import difflib
from collections.abc import Iterable, Sequence

__all__ = ["beginning", "choose", "did_you_mean", "meant", "question"]

MOST = 3  # names that a hint has
LIKE, LIKE_SHORT = 0.75, 0.6  # shares of letters in common; one wrong letter of few is a large share
NEAR = 0.03  # names that are as much like it as the likest one, or nearly


def meant(wrong: object, known: Iterable[str]) -> list[str]:
    """Known names that are like a wrong one, the likest first.

    If some end in it (``train.epochs``), those alone; else if some begin with it (``debias``), those.
    """
    names, text = list(known), str(wrong)
    if ending := sorted((name for name in names if name.endswith(f".{text}")), key=len):
        return ending[:MOST]
    if begun := beginning(text, names):
        return begun[:MOST]
    like = difflib.get_close_matches(text, names, MOST, LIKE if len(text) > 4 else LIKE_SHORT)
    shares = [difflib.SequenceMatcher(None, name, text).ratio() for name in like]
    return [name for name, share in zip(like, shares, strict=True) if share >= shares[0] - NEAR]


def beginning(wrong: str, known: Iterable[str]) -> list[str]:
    """Known names that begin with a wrong one of three letters or more, the shortest first."""
    return sorted((name for name in known if len(wrong) > 2 and name.startswith(wrong)), key=len)


def did_you_mean(wrong: object, known: Iterable[str]) -> str:
    """The question "(did you mean random_digits?)", to stand behind the wrong name; "" if no known name is like it."""
    return question(meant(wrong, known))


def choose(words: Iterable[str]) -> str:
    """What to do where another word than one of these was given: "choose tiny", or "choose one of cpu, paper"."""
    known = list(words)
    return f"choose {'' if len(known) == 1 else 'one of '}{', '.join(known)}"


def question(found: Sequence[str]) -> str:
    """The question itself, of at most three names; "" of none."""
    return f" (did you mean {' or '.join(found[:MOST])}?)" if found else ""
