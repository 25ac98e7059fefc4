"""What a comparison is asked for: files of records, settings, or names of recipes that records at hand answer."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ltdd_utils.analysis.sides import Side, sides
from ltdd_utils.core.settings import UnknownName
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.recipes.recipe import recipe
from ltdd_utils.records.record import Record
from ltdd_utils.records.scored import ScoredSet, load_any

__all__ = ["Wanted", "find_runs", "named", "require_name"]


@dataclass(frozen=True)
class Wanted:
    """Which records of a recipe are meant; None: whichever."""

    imbalance_factor: float | None = None
    ipc: int | None = None
    scale: str | None = None
    protocol: str | None = None
    teacher: str | None = None
    network: str | None = None  # architecture of the students
    width: int | None = None  # of the students

    def fits(self, record: Record) -> bool:
        """Whether a record is meant; the whole training set has no images per class, and fits any number."""
        judge = record.evaluator
        own = {**record.cell, "scale": record.scale, "ipc": self.ipc if record.whole_set else record.ipc}
        own |= {name: getattr(judge, name) for name in ("protocol", "teacher", "network", "width")}
        asked = ((field.name, getattr(self, field.name)) for field in fields(self))
        return all(value is None or own[name] == value for name, value in asked)


def find_runs(
    words: Sequence[str],
    mine: Sequence[Record],
    book: Sequence[Record] = (),
    wanted: Wanted | None = None,
    across: bool = False,
) -> tuple[list[Record], list[str]]:
    """The records that are meant by some words, in their order, and what a reader should know of the choice.

    A word is the path of a record, ``RECIPE/CONFIG_ID`` (all its seeds), or the name of a recipe or of a set that was
    scored. A recipe's name means the
    recipe itself, nothing changed but its students, where there is such a run. Of several judges, data and sizes that
    all words share, the usual ones are taken: 10 images per class, the data set's own imbalance factor, the protocol
    that the first recipe is published under.

    Args:
        words: two or more.
        mine: records of the reader's folder; where they have none of a name, the book's stand in.
        book: records of the book.
        wanted: which records of a name are meant.
        across: names that share no judge, data and size each have their own usual ones, as near to the first's as
            their records allow: its data before its size.

    Raises:
        FileNotFoundError: no such record.
        ValueError: an unknown name, or names whose records share no judge or data (unless ``across``), or have several
            settings.
    """
    wanted, said = wanted or Wanted(), []
    found = [_meant(word, mine, book, wanted, said) for word in words]
    if any(one.to_choose for one in found):
        found = _under_one_judge(found, said, across)
    chosen = [_one_setting(one) if one.to_choose else one.records for one in _same_students(found)]
    return [record for known in chosen for record in known], said


@dataclass(frozen=True)
class _Found:
    """The records that a word may mean."""

    word: str
    records: list[Record]
    to_choose: bool  # a name, which has records under several judges

    def on(self, test: Callable[[Record], bool]) -> "_Found":
        """Those of a name that pass a test; a file stays."""
        return replace(self, records=[one for one in self.records if test(one)]) if self.to_choose else self


def _meant(word: str, mine: Sequence[Record], book: Sequence[Record], wanted: Wanted, said: list[str]) -> _Found:
    known, by_name = _of_word(word, mine), "/" not in word and not word.endswith(".json")
    if not known and (known := _of_word(word, book)) and mine:
        said.append(f"{word}: from the book's records")
    if not known:
        raise _absent(word)
    fitting = [one for one in known if wanted.fits(one)] if by_name else known
    if not fitting:
        raise ValueError(f"no record of {word} is as asked; there is {_judges(known)}")
    return _Found(word, fitting, by_name)


def _of_word(word: str, records: Iterable[Record]) -> list[Record]:
    """The records that a word names among some, or its file."""
    if word.endswith(".json") and Path(word).is_file():
        return [load_any(Path(word))]
    if "/" in word:
        stem, (name, _, digits) = word.removesuffix(".json"), word.partition("/")
        known = [one for one in named(name, records) if one.config_id == digits]
        return known or [one for one in records if one.file_name.removesuffix(".json") == stem]
    return named(word, records)


def named(word: str, records: Iterable[Record]) -> list[Record]:
    """The records of a recipe, or of a scored set by any of its names: files of the same pixels are one set."""
    found = list(records)
    same = {one["distilled_sha256"] for one in found if isinstance(one, ScoredSet) and word in one.names}
    return [one for one in found if one.name == word or one.content.get("distilled_sha256") in same]


def require_name(word: str) -> None:
    """Raise where a word is no recipe: it may be a set that was not scored.

    Raises:
        FileNotFoundError: it looks like the name of a file, or is a file or a folder.
        UnknownName: it looks like a recipe.
    """
    score = "`ltdd score {} --dataset DATASET --results DIR` scores images of any method"
    if Path(word).suffix or Path(word).exists():
        raise FileNotFoundError(f"no scored set {word} is here: {score.format(word)}, `ltdd records` names those here")
    try:
        recipe(word)
    except UnknownName as error:
        raise UnknownName(f"{error}; no scored set has that name either: {score.format('FILE')}") from error


def _absent(word: str) -> Exception:
    if "/" in word or word.endswith(".json"):
        file = Path(word).exists() and not word.endswith(".json")
        hint = f"; a scored set has the name of its file alone, {Path(word).name}" if file else ""
        return FileNotFoundError(f"no record {word}; `ltdd records` prints those that are here{hint}")
    require_name(word)
    return FileNotFoundError(f"no record of {word} is here; `ltdd run {word}` makes one")


def _judges(records: Iterable[Record]) -> str:
    """The judges, data and sizes that records have, for a message."""
    found = dict.fromkeys(f"{one.evaluator} on {_place(one)}" for one in records)
    listed = list(found)
    return "; ".join(listed[:6]) + (f"; and {len(listed) - 6} more" if len(listed) > 6 else "")


def _place(record: Record) -> str:
    factor = record.cell["imbalance_factor"]
    tail = "" if factor is None else f" IF {factor:g}"
    return f"{record.cell['dataset']}{tail}, " + ("whole set" if record.whole_set else f"IPC {record.ipc}")


def _under_one_judge(found: Sequence[_Found], said: list[str], across: bool) -> list[_Found]:
    """The records of each word under the judge, and on the data, that is the most usual of those that all share."""
    keys = dict.fromkeys(key for one in found for key in _keys(one.records))
    shared = [key for key in keys if all(_has(key, one.records) for one in found)]
    if not shared and across:
        return _each_under_its_own(found)
    if not shared:
        each = "; ".join(f"{one.word}: {_judges(one.records)}" for one in found)
        way = "Name runs that share one, or add --across to set each under its usual judge side by side"
        raise ValueError(f"no judge has scored all of these on the same data. {each}. {way}")
    key = min(shared, key=lambda key: _unusual(key, found[0].records))
    if others := sorted({other[1] for other in shared} - {key[1]}):
        said.append(f"also under {', '.join(others)}: --protocol and --teacher choose")
    return [one.on(lambda record: _matches(key, record)) for one in found]


def _each_under_its_own(found: Sequence[_Found]) -> list[_Found]:
    """The records of each word under its usual judge, on the first one's data and of its size if there are any."""
    first = min(_keys(found[0].records), key=lambda key: _unusual(key, found[0].records))
    chosen = []
    for one in found:
        known = {
            (key[0] != first[0], key[2] != first[2], *_unusual(key, one.records)): key for key in _keys(one.records)
        }
        key = known[min(known)]
        chosen.append(one.on(lambda record, key=key: _matches(key, record)))
    return chosen


Key = tuple[str, str, int | None]  # hash of the data, protocol with teacher, images per class


def _keys(records: Iterable[Record]) -> list[Key]:
    return [(one.provenance.data_sha256, one.protocol, one.ipc) for one in records]


def _matches(key: Key, record: Record) -> bool:
    return (record.provenance.data_sha256, record.protocol) == key[:2] and record.ipc in (key[2], None)


def _has(key: Key, records: Iterable[Record]) -> bool:
    return any(_matches(key, one) for one in records)


def _unusual(key: Key, records: Sequence[Record]) -> tuple[Any, ...]:
    """The smaller, the more usual: data set's imbalance factor, 10 images per class, the first recipe's protocol."""
    one = next((one for one in records if _matches(key, one)), records[0])
    facts = DATASETS.get(one.data.name)
    usual = facts is not None and one.data == type(one.data)(one.data.name, facts.imbalance_factor)
    judge, entry = one.evaluator, one.recipe.entry if one.is_registered else None
    own = entry is not None and (judge.protocol, judge.teacher or entry.teacher) == (entry.protocol, entry.teacher)
    return not usual, key[2] != 10, not own, key[2] or 0, key[1], key[0]


def _same_students(found: Sequence[_Found]) -> list[_Found]:
    """The records of the students (and the scale) that all words share; where they share none, as they are."""
    tests: tuple[Callable[[Record], Any], ...] = (
        lambda one: (one.evaluator, one.scale),
        lambda one: one.evaluator,
        lambda one: (replace(one.evaluator, protocol="", teacher=""), one.scale),  # across judges
        lambda one: replace(one.evaluator, protocol="", teacher=""),
    )
    for trait in tests:
        shared = set.intersection(*(set(map(trait, _unchanged(one.records))) for one in found))
        if shared:
            best = next(trait(record) for record in found[0].records if trait(record) in shared)
            return [one.on(lambda record, trait=trait, best=best: trait(record) == best) for one in found]
    return list(found)


def _unchanged(records: Sequence[Record]) -> list[Record]:
    """Those of the recipe itself, if there are any."""
    kept = [record for side in sides(records) if side.changes == {} for record in side.records]
    return kept or list(records)


def _one_setting(one: _Found) -> list[Record]:
    """The records of a name's one setting.

    Raises:
        ValueError: there are several.
    """
    found = sides(_unchanged(one.records))
    if len(found) > 1:
        each = "; ".join(f"{_name(side)} ({_told(side)})" for side in found[:4])
        raise ValueError(f"{one.word} has records of {len(found)} settings there: {each}; name one of them, or a file")
    return list(found[0].records)


def _name(side: Side) -> str:
    return f"{side.records[0].name}/{side.records[0].config_id}"


def _told(side: Side) -> str:
    return f"{side.label}, {side.evaluator}, {side.records[0].scale}"
