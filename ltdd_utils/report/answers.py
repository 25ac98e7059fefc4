"""The ten questions of the first page: each answer in a few words, with one number from the records."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from ltdd_utils.analysis.boards import Board, Entry, board
from ltdd_utils.analysis.text import markdown
from ltdd_utils.evaluation.evaluator import DEBIASED, PLAIN, STORED, Evaluator
from ltdd_utils.recipes.labels import label
from ltdd_utils.tables.texts import MINUS

__all__ = ["QUESTIONS", "Question", "answers_table"]

START = {"iterations": 0}
JUDGES = (STORED, PLAIN, DEBIASED)
FAR = 5  # points: more than twice the margin of one pair of pipelines
SETS = ("random", "dc", "dm", "dream", "idm", "ladm", "mtt", "datm", "damed", "rded", "edc", "unilevel")
RESULTS_2, TOGETHER = "12_results_of_paper_2", "13_side_by_side"
PARTS_1, PARTS_2 = "14_ablations_of_paper_1", "15_ablations_of_paper_2"
CONTROLS, MISSED = "16_controls", "17_what_did_not_reproduce"
Boards = dict[str, Board]


class NotRunError(Exception):
    """A number of an answer has no record here."""


@dataclass(frozen=True)
class Question:
    """One row: the number is computed, and refused where the words no longer hold."""

    asked: str
    answer: str  # at most five words
    number: Callable[[Boards], tuple[str, bool]]  # in words, and whether the answer holds
    chapter: str
    section: str  # the anchor in it


def _difference(found: Board, first: tuple, second: tuple) -> float:
    """Points, on the seeds that both runs have."""
    points = float(found.differences({"": (first, second)}).points.iloc[0])
    if math.isnan(points):
        raise NotRunError
    return points


def _percent(found: Board, *run: object) -> float:
    scores = found[run]
    if not scores:
        raise NotRunError
    return scores.percent


def _before(found: Boards) -> tuple[str, bool]:
    one = found["cifar10"]
    base = _percent(one, "random", STORED)
    start, end = _percent(one, "damed", STORED, START) - base, _percent(one, "damed", STORED) - base
    return f"{start:.1f} of {end:.1f} points", 0.5 < start / end < 1


def _prior(found: Boards) -> tuple[str, bool]:
    none = _difference(found["cifar10"], ("ed_only", STORED), ("damed", STORED))  # a uniform prior weights nothing
    inverted = _difference(found["cifar10"], ("damed", STORED, {"dam.prior": "inverted"}), ("damed", STORED))
    estimated = _difference(found["digits"], ("damed", STORED, {"dam.prior": "estimated"}), ("damed", STORED))
    words = f"against the true one: none {none:+.1f}, inverted {inverted:+.1f} points"
    return f"{words}; estimated (Digits-LT) {estimated:+.1f}", inverted < none < 0 and abs(estimated) < 1


def _shift(found: Boards) -> tuple[str, bool]:
    points = _difference(found["digits"], ("damed", STORED, {"dam.offset": 1}), ("damed", STORED))
    return f"both terms against weights alone, on Digits-LT: {points:+.1f} points", points < 0


def _gradient(found: Boards) -> tuple[str, bool]:
    points = _difference(found["cifar10"], ("damed", STORED, {"gradient": "tesla"}), ("damed", STORED))
    return f"TESLA's: {points:+.1f} points", points < 0


def _afterwards(found: Boards) -> tuple[str, bool]:
    one = found["cifar10"]
    points = _difference(one, ("edc_adsa", PLAIN), ("edc", PLAIN))
    whole = _difference(one, ("edc", DEBIASED), ("edc", PLAIN))
    head, before = (100 * _third(one, name, PLAIN, "head") for name in ("edc_adsa", "edc"))
    words = f"EDC: {points:+.1f} points (a debiased teacher: {whole:+.1f}); accuracy on the head falls to {head:.0f} %"
    return words, 0 < points < whole and head < before


def _part(found: Boards) -> tuple[str, bool]:
    one = found["cifar10"]
    teacher = _difference(one, ("random", DEBIASED), ("random", PLAIN))
    images = _difference(one, ("unilevel", DEBIASED), ("random", DEBIASED))
    return f"it gives random images {teacher:+.1f} points, all the rest {images:+.1f}", teacher > 2 * abs(images)


def _evaluator(found: Boards) -> tuple[str, bool]:
    one = found["cifar10"]
    judge = _difference(one, ("damed", DEBIASED), ("damed", STORED))
    both = _difference(one, ("unilevel", DEBIASED), ("damed", STORED))
    return f"{judge:.1f} of {both:.1f} points", 0.5 < judge / both < 1


def _whole(found: Boards) -> tuple[str, bool]:
    one = found["cifar10"]
    whole = _percent(one, "full_logit_adjusted", STORED)
    best = {on: max((one.entry(name, on) for name in SETS if one.entry(name, on)), key=_score) for on in JUDGES}
    stored = _score(best[STORED]) - whole
    asked = max((entry for on, entry in best.items() if on != STORED), key=_score)
    labelled = _score(asked) - whole
    first, second = (label(entry.records[0].method) for entry in (best[STORED], asked))
    words = f"the best with stored labels: {stored:+.1f} points ({first}); "
    words += f"where a teacher labels: {labelled:+.1f} ({second})"
    return words, max(stored, labelled) < -FAR


def _score(entry: Entry) -> float:
    return float(entry.scores.percent)


def _adsa(found: Boards) -> tuple[str, bool]:
    points = _difference(found["cifar10"], ("edc_adsa", PLAIN), ("unilevel", DEBIASED))
    return f"{points:+.1f} points (EDC's teacher is plain)", points < 0


def _copies(found: Boards) -> tuple[str, bool]:
    many, few = (100 * _third(found[name], "random", STORED, "tail") for name in ("digits, IF 5", "digits, IF 60"))
    words = f"random digits, rarest third: {many:.0f} % at IF 5, {few:.0f} % at IF 60, where copies stand in for images"
    return words, few < many


def _third(found: Board, method: str, on: Evaluator, group: str) -> float:
    """Accuracy of a third of the classes, the mean over the runs of a method."""
    entry = found.entry(method, on)
    if entry is None:
        raise NotRunError
    values = [getattr(record.metrics, group).mean for record in entry.records]
    return sum(values) / len(values)


QUESTIONS = (
    Question(
        "How much of DAM + ED's lead over random images is there before its first iteration?",
        "Most",
        _before,
        CONTROLS,
        "how-much-exists-before-the-first-iteration-and-what-do-the-iterations-add",
    ),
    Question(
        "Does DAM need the true class prior?",
        "Yes, or a good estimate",
        _prior,
        PARTS_1,
        "does-dam-need-the-true-prior",
    ),
    Question(
        "Does DAM's logit term help, which the released code leaves out?",
        "Not beside the weights",
        _shift,
        PARTS_1,
        "does-the-logit-term-matter",
    ),
    Question(
        "Exact gradient, or the released code's shortcut TESLA?", "Exact", _gradient, PARTS_1, "exact-or-tesla-gradient"
    ),
    Question(
        "Can a teacher's bias be taken out after its training?",
        "In part",
        _afterwards,
        PARTS_2,
        "is-debiasing-after-training-infeasible",
    ),
    Question(
        "Which part of the uni-level method earns the points?",
        "The debiased teacher",
        _part,
        RESULTS_2,
        "how-much-is-the-teacher",
    ),
    Question(
        "How much of the gap between the papers is the evaluator?",
        "Most, if changed first",
        _evaluator,
        TOGETHER,
        "how-much-of-the-gap-between-the-papers-is-the-evaluator",
    ),
    Question(
        "How far is a set from all images with a logit-adjusted loss?",
        "Every set is far below",
        _whole,
        TOGETHER,
        "how-far-from-the-whole-set",
    ),
    Question(
        "Is EDC with ADSA, which debiases afterwards, above the uni-level method?", "Not here", _adsa, MISSED, "adsa"
    ),
    Question(
        "What if a class has fewer images than the set has places?",
        "Copies fill the places",
        _copies,
        CONTROLS,
        "when-a-class-has-fewer-images-than-ipc",
    ),
)


def answers_table(records: pd.DataFrame, prefix: str, questions: Sequence[Question] = QUESTIONS) -> str:
    """The questions with their answers, in Markdown.

    Args:
        records: as ``records.load`` gives them.
        prefix: the folder of the chapters, from the page that has the table.
        questions: the rows.

    Raises:
        ValueError: the records no longer say what an answer says; the message has the number.
    """
    few = {"scale": "tiny", "records": records}
    digits = board("digits", imbalance_factor=20, **few)
    found = {"cifar10": board("cifar10", imbalance_factor=100, ipc=10, records=records), "digits": digits}
    found |= {f"digits, IF {n}": board("digits", imbalance_factor=n, **few, like=digits) for n in (5, 60)}
    rows = []
    for one in questions:
        try:
            number, holds = one.number(found)
        except NotRunError:
            rows.append([one.asked, "not run", "", _link(one, prefix)])
            continue
        if not holds:
            raise ValueError(f"{one.asked!r} is answered {one.answer!r}, but the records say {number!r}: write it anew")
        rows.append([one.asked, f"**{one.answer}**", re.sub(r"\B-(?=\d)", MINUS, number), _link(one, prefix)])
    return markdown(pd.DataFrame(rows, columns=["question", "answer", "number", "chapter"]))


def _link(one: Question, prefix: str) -> str:
    return f"[{one.chapter[:2]}]({prefix}/{one.chapter}.ipynb#{one.section})"
