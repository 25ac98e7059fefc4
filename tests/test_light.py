"""Settings, and the commands that only tell, do without torch: `ltdd list` answers at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "ltdd_utils"
SETTINGS = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in sorted(PACKAGE.rglob("settings.py"))
]
COMMANDS = [
    ["--help"],
    ["list"],
    ["list", "--json"],
    ["show", "damed_digits"],
    ["show", "unilevel_cifar10", "--json"],
    ["table", "--dataset", "cifar10"],
    ["missing"],
    ["records", "random_digits"],
    ["campaign"],
    ["stages", "--plan", "paper", "--workers", "1,8"],
    ["compare", "random_digits", "damed_digits"],
]
HEAD = """
import json, sys
def told(arguments):
    from ltdd_utils.cli import main
    try:
        assert main(arguments) == 0
    except SystemExit as end:
        assert end.code == 0
def heavy():
    return sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "torchvision", "sklearn"})
"""
MARK = "loaded: "


def loaded_by(parts: dict[str, str]) -> dict[str, list[str]]:
    """What one fresh process has loaded after each of several pieces of code; those before it count, too."""
    lines = [f"{code}\nprint({MARK!r} + json.dumps([{name!r}, heavy()]))" for name, code in parts.items()]
    code = "\n".join([HEAD, *lines])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line.removeprefix(MARK)) for line in done.stdout.splitlines() if line.startswith(MARK))


def without_torch(work: str) -> None:
    heavy = loaded_by({"work": work})["work"]
    assert not heavy, heavy


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """After each command that only tells, one after the other in one process: none may be the first to load torch."""
    return loaded_by({" ".join(arguments): f"told({arguments})" for arguments in COMMANDS})


def test_no_settings_need_torch():
    assert len(SETTINGS) >= 9
    without_torch("\n".join(f"import {module}" for module in SETTINGS))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_that_only_tells_does_not_need_it(arguments, loaded):
    assert loaded[" ".join(arguments)] == []


def test_a_recipe_that_nobody_knows_is_refused_before_it_is_imported():
    refused = "from ltdd_utils.cli import main\nassert main(['{}', 'random_digit']) == 2"
    commands = ("run", "experts", "show")
    assert loaded_by({name: refused.format(name) for name in commands}) == {name: [] for name in commands}


def test_the_report_does_not_need_it():
    without_torch("from ltdd_utils.report import main\nmain(['--check'])")


def test_the_check_sees_torch():
    with pytest.raises(AssertionError, match="torch"):
        without_torch("import ltdd_utils.training.loop")


def test_a_room_offers_its_names_before_they_are_used():
    without_torch("from ltdd_utils import data\nassert {'load', 'DATASETS', '__name__'} <= set(dir(data))")
