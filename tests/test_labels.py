"""Names and colours of methods and judges: one owner, no two alike, right on white and on dark pages."""

import pytest
from matplotlib.colors import to_rgb

from ltdd_utils import recipes
from ltdd_utils.analysis import board
from ltdd_utils.evaluation.evaluator import DEBIASED, PLAIN, STORED, Evaluator
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.recipes.labels import JUDGES, LABELS, SPARE, WAYS
from ltdd_utils.records import default_records_dir, load, targets

PAGES = "#FFFFFF", "#14181E"  # of the book's theme, light and dark


def luminance(colour):
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))


def contrast(first, second):
    low, high = sorted(map(luminance, (first, second)))
    return (high + 0.05) / (low + 0.05)


def test_every_method_of_a_table_has_words_of_its_own():
    assert {name for name in METHODS if METHODS[name].settings.__module__.startswith("ltdd_utils.")} <= set(LABELS)
    assert set(targets()["method"]) <= set(LABELS)
    words = [look.label for look in LABELS.values()]
    assert len(set(words)) == len(words) and not [word for word in words if "_" in word]


@pytest.mark.parametrize("table", [LABELS, JUDGES], ids=["methods", "judges"])
def test_no_two_look_alike(table):
    looks = [look[1:] for look in table.values()]
    assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("page", PAGES)
def test_colours_are_seen_on_light_and_dark_pages(page):
    for colour in {*(look.colour for look in (*LABELS.values(), *JUDGES.values(), *WAYS.values())), *SPARE}:
        assert contrast(colour, page) >= 3, colour


def test_a_name_and_its_words_have_one_colour_and_an_unknown_one_keeps_its_own():
    assert recipes.label("damed") == "DAM + ED" and recipes.colour("DAM + ED") == recipes.colour("damed")
    assert recipes.label("my_method") == "my method"
    assert recipes.colour("my_method") in SPARE


def test_judges_in_words():
    assert recipes.judge(STORED) == "paper 1's judge" == recipes.judge("dsa-stored (32)") == recipes.judge("dsa-stored")
    assert recipes.judge(DEBIASED) == "paper 2's judge, debiased teacher"
    assert recipes.judge(PLAIN, short=True) == "plain teacher" and recipes.judge(STORED, short=True) == "stored labels"
    assert recipes.judge(STORED.with_width(128)) == "paper 1's judge, width 128"
    assert recipes.judge(Evaluator("dsa-stored", network="resnet18", width=64)) == "paper 1's judge, resnet18"
    assert recipes.judge("own-protocol (32)") == "own-protocol"
    for name in ("dsa-stored", "online-teacher", "online-stored"):
        teachers = ("/plain", "/debiased") if PROTOCOLS[name].has_teacher else ("",)
        assert all(f"{name}{teacher}" in JUDGES for teacher in teachers)


def test_changed_settings_in_words_and_others_as_they_are():
    assert recipes.variant("damed", {}) == "DAM + ED"
    assert recipes.variant("damed", {"method.dam.prior": "inverted"}) == "DAM + ED, inverted prior"
    assert recipes.variant("datm", {"iterations": 7, "x.y": None}) == "DATM, iterations=7, y=None"


def test_a_changed_amount_is_told_with_its_number():
    calibrated = {"evaluate.adsa.largest": 1, "evaluate.adsa.step": 0.01}
    assert recipes.variant("datm", calibrated) == "DATM, labels calibrated, τ at most 1, in steps of 0.01"
    assert recipes.variant("datm", {"evaluate.adsa.step": None}) == "DATM, step=None"


@pytest.mark.parametrize(("dataset", "factor", "scale"), [("cifar10", 100, "cpu"), ("digits", 20, "tiny")])
def test_every_change_that_was_recorded_has_words(dataset, factor, scale):
    records = load(default_records_dir(), allow_mixed=True, committed_only=True)
    found = board(dataset, imbalance_factor=factor, ipc=10, scale=scale, records=records)
    changed = [one for one in found.entries if one.changes]
    told = [recipes.variant(one.method, one.changes) for one in changed]
    assert len(told) > 10 and not [words for words in told if "=" in words]
