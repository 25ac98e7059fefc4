"""What a user meets who mistypes, abbreviates, or asks what a word means."""

import dataclasses
import json

import pytest

from ltdd_utils import campaign, recipes
from ltdd_utils.cli import main
from ltdd_utils.cli.options import COMMANDS
from ltdd_utils.core.hints import choose, did_you_mean, meant
from ltdd_utils.core.settings import to_dict
from ltdd_utils.data.sources import source_dataset
from ltdd_utils.recipes.described import comments_of, settings_of

WRONG = [
    (["lst"], "(did you mean list?)", "`ltdd --help`"),
    (["run", "random_digit"], "(did you mean random_digits", ""),
    (["run", "random_digits", "--studnts", "3"], "(did you mean --students?)", "`ltdd run --help`"),
    (["run", "random_digits", "--student", "3"], "(did you mean --students?)", "`ltdd run --help`"),  # no abbreviations
    (["run", "random_digits", "more"], "more is one too many", "`ltdd run --help`"),
    (["table", "--dataset", "cifr10"], "(did you mean cifar10?)", "`ltdd table --help`"),
    (["show", "random_digits", "--set", "train.epochs=3"], "(did you mean evaluate.train.epochs", "ltdd settings"),
    (["show", "random_digits", "--set", "evaluate.train.epoch=3"], "(did you mean evaluate.train.epochs", ""),
    (["show", "damed_digits", "--set", "second.steps=3"], "(did you mean method.second.steps?)", ""),
    (["show", "random_digits", "--network", "convnt"], "(did you mean convnet?)", ""),
    (["show", "random_digits", "--protocol", "online-teachers"], "(did you mean online-teacher?)", ""),
    (["show", "random_digits", "--set", "evaluate.train.optimiser=sdg"], "(did you mean sgd?)", ""),
    (["show", "random_cifar10", "--scale", "papr"], "(did you mean paper?)", ""),
    (["data", "fetch", "cifr100"], "(did you mean cifar100?)", ""),
    (["settings", "damed_digits", "experts.tran"], "(did you mean experts.train?)", ""),
    (["show", "dam_cifar10"], "(did you mean damed_cifar10 or dam_only_cifar10?)", ""),
    (["show", "random_cifar"], "(did you mean random_cifar10 or random_cifar100?)", ""),
    (["show", "rded_digits", "--teacher", "debias"], "(did you mean debiased?)", ""),
    (["evaluate", "damde_cifar10"], "(did you mean damed_cifar10?)", ""),
    (["settings", "random_digits", "evaluate.train.epoks"], "(did you mean evaluate.train.epochs", ""),
]


@pytest.mark.parametrize(
    ("words", "hint", "help_"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_typo_is_one_line_with_what_was_meant_and_whose_help_to_read(words, hint, help_, capsys):
    try:
        status = main(words)
    except SystemExit as end:
        status = end.code
    (line,) = capsys.readouterr().err.splitlines()
    assert status == 2 and hint in line and help_ in line


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("{here}/photos@32", "folder:{here}/photos@32"),
        ("photos@32", "folder:photos@32"),
        ("photo@32", "folder:photos@32"),
        ("folder:photo@32", "{here}/photos"),
        ("cifr10", "cifar10"),
    ],
)
def test_a_folder_of_ones_own_is_suggested_as_it_is_to_be_written(name, meant, tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        source_dataset(name.format(here=tmp_path), tmp_path)
    assert f"(did you mean {meant.format(here=tmp_path)}?)" in str(error.value)


def test_nothing_is_meant_by_what_is_like_nothing():
    assert did_you_mean("frobnicate", ["list", "show"]) == "" and meant("a.b", ["x.a.b", "a.c"]) == ["x.a.b"]
    assert (choose(["tiny"]), choose(["cpu", "paper"])) == ("choose tiny", "choose one of cpu, paper")


# --- Words that mean one thing ----------------------------------------------------------------------------------------


def test_a_second_word_is_the_same_recipe():
    usual = recipes.recipe("random_tiny", scale="cpu")
    assert recipes.recipe("random_tinyimagenet", scale="cpu") == usual and usual.name == "random_tiny"
    demo = recipes.recipe("random_digits", scale="demo")
    assert (
        demo == recipes.recipe("random_digits", scale="tiny")
        and demo.config_id == recipes.recipe("random_digits").config_id
    )


def test_the_commands_take_the_second_words(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("LTDD_DATA", str(tmp_path))
    for words in (
        ["show", "random_tinyimagenet"],
        ["show", "random_digits", "--scale", "demo"],
        ["data", "status", "tinyimagenet"],
    ):
        assert main([*words, "--json"]) == 0
    assert main(["missing", "--dataset", "tinyimagenet"]) == 0
    assert "ltdd run random_tiny " in capsys.readouterr().out


def test_a_campaign_with_second_words_has_the_names_of_records(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('scale = "demo"\n[[block]]\ntitle = "a"\nmethods = ["random"]\ndatasets = ["digits"]\n')
    (run,) = campaign.read_plan(str(path))
    assert "--scale tiny" in run.command and run.recipe.scale == "tiny"
    path.write_text('scale = "cpu"\n[[block]]\ntitle = "a"\nmethods = ["random"]\ndatasets = ["tinyimagenet"]\n')
    (run,) = campaign.read_plan(str(path))
    assert run.command.startswith("ltdd run random_tiny ") and run.recipe.data.name == "tiny"


# --- Campaign files ---------------------------------------------------------------------------------------------------


def test_the_example_in_the_help_of_campaigns_is_one(tmp_path):
    notes = COMMANDS["campaign"].notes
    lines = [line.removeprefix("  ") for line in notes.splitlines() if line.startswith("  ")]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(lines))
    runs = campaign.read_plan(str(path))
    assert len(runs) == 2 * 2 * 2 * 2 * 2  # seeds, methods, IPC, protocols, lists of settings
    named = {field.name for field in dataclasses.fields(campaign.Block)}
    assert all(name in notes for name in named)


@pytest.mark.parametrize("value", ['["evaluate.train.epochs=3"]', '"evaluate.train.epochs=3"', "{ a = 3 }", "[[3]]"])
def test_settings_of_a_campaign_are_lists_of_lists(value, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        f'scale = "tiny"\n[[block]]\ntitle = "a"\nmethods = ["random"]\ndatasets = ["digits"]\nset = {value}\n'
    )
    with pytest.raises(ValueError, match=r"block 1 \(a\): set is .*; write a list of lists, .*set = \[\[\], \["):
        campaign.read_plan(str(path))


def test_a_campaign_in_a_folder_that_is_not_there_is_refused(tmp_path, capsys):
    assert main(["campaign", "status", "--results", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err


# --- Settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["damed_cifar10", "unilevel_cifar10", "dc_cifar10", "random_digits"])
def test_every_setting_can_be_set_to_what_it_is(name):
    """The keys are those of --set, and together they are the whole recipe."""
    recipe = recipes.recipe(name)
    every = {key: value for key, value, _ in settings_of(recipe)}
    ready = {key: to_dict(value) for key, value in every.items() if key not in ("name", "scale", "ipc")}
    assert recipes.with_overrides(recipe, ready) == recipe


def test_a_setting_has_the_comment_of_its_source():
    @dataclasses.dataclass(frozen=True)
    class Base:
        first: int = 1  # how many
        second: float = 2.0

    @dataclasses.dataclass(frozen=True)
    class Further(Base):
        third: str = "a"  # which one;
        # and where

    assert comments_of(Further) == {"first": "how many", "second": "", "third": "which one; and where"}


def test_settings_as_json_and_as_text(capsys):
    assert main(["settings", "damed_digits", "iterations", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["key"] for row in rows] == ["method.iterations"]
    assert main(["settings", "damed_digits", "data.imbalance", "--imbalance-factor", "7"]) == 0
    assert capsys.readouterr().out.startswith("data.imbalance_factor=7.0  IF = n_max / n_min")
