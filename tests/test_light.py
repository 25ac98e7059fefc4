"""Settings, and the commands that only tell, do without torch: `ltdd list` answers at once."""

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
CODE = """
import sys
def told(arguments):
    from ltdd_utils.cli import main
    try:
        assert main(arguments) == 0
    except SystemExit as end:
        assert end.code == 0
{work}
heavy = sorted({{name.partition(".")[0] for name in sys.modules}} & {{"torch", "torchvision", "sklearn"}})
assert not heavy, heavy
"""


def without_torch(work: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE.format(work=work)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_settings_need_torch():
    assert len(SETTINGS) >= 9
    without_torch("\n".join(f"import {module}" for module in SETTINGS))


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_command_that_only_tells_does_not_need_it(arguments):
    without_torch(f"told({arguments})")


@pytest.mark.parametrize("command", ["run", "experts", "show"])
def test_a_recipe_that_nobody_knows_is_refused_before_it_is_imported(command):
    without_torch(f"from ltdd_utils.cli import main\nassert main(['{command}', 'random_digit']) == 2")


def test_the_report_does_not_need_it():
    without_torch("from ltdd_utils.report import main\nmain(['--check'])")


def test_the_check_sees_torch():
    with pytest.raises(AssertionError, match="torch"):
        without_torch("import ltdd_utils.training.loop")


def test_a_room_offers_its_names_before_they_are_used():
    without_torch("from ltdd_utils import data\nassert {'load', 'DATASETS', '__name__'} <= set(dir(data))")
