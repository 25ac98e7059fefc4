"""What somebody may have meant who wrote a name that nobody knows."""

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "meant"]

MOST = 3  # names that a hint has
LIKE, LIKE_SHORT = 0.75, 0.6  # shares of letters in common; one wrong letter of few is a large share
NEAR = 0.03  # names that are as much like it as the likest one, or nearly


def meant(wrong: object, known: Iterable[str]) -> list[str]:
    """Known names that are like a wrong one, the likest first; if some end in it (``train.epochs``), those alone."""
    names, text = list(known), str(wrong)
    if ending := sorted((name for name in names if name.endswith(f".{text}")), key=len):
        return ending[:MOST]
    like = difflib.get_close_matches(text, names, MOST, LIKE if len(text) > 4 else LIKE_SHORT)
    shares = [difflib.SequenceMatcher(None, name, text).ratio() for name in like]
    return [name for name, share in zip(like, shares, strict=True) if share >= shares[0] - NEAR]


def did_you_mean(wrong: object, known: Iterable[str]) -> str:
    """The question "(did you mean random_digits?)", to stand behind the wrong name; "" if no known name is like it."""
    found = meant(wrong, known)
    return f" (did you mean {' or '.join(found)}?)" if found else ""
