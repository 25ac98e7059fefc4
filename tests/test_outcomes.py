"""The exit codes of a command: done, failed, refused; tests/test_cli.py has those of a stop."""

import gc
import json
from pathlib import Path

import pytest
from toy_tables import tables_kept

from ltdd_utils.__main__ import main as program
from ltdd_utils.cli import main
from ltdd_utils.core.failures import Failed, naming_strangers, told

pytestmark = pytest.mark.float32

BROKEN = """
from dataclasses import dataclass
from ltdd_utils.methods import Family, Method, Stage, register

@dataclass(frozen=True)
class Nothing:
    size: int = 1

class Broken(Family):
    name, settings = "broken", Nothing
    def stages(self, cfg, ipc):
        return [Stage("guess", guess)]

def guess(job):
    {line}

def broken(cell):
    "Broken: it fails."
    return Nothing()

register(Method("broken{number}", broken, Broken()))
"""
LINES = {
    "a type": ("return 1 + None", "TypeError: unsupported operand"),
    "a value": ("raise ValueError('two\\n lines')", "ValueError: two"),
    "a check": ("assert job is None", "AssertionError"),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in; what is registered meanwhile is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    with tables_kept():
        yield ["--results", "mine", "--work", "work", "--quiet"]


@pytest.mark.parametrize("case", LINES)
def test_a_strangers_stage_that_raises_is_named_in_one_line(case, place, capsys):
    line, message = LINES[case]
    number = list(LINES).index(case)
    Path(f"broken{number}.py").write_text(BROKEN.replace("{line}", line).replace("{number}", str(number)))
    command = ["run", f"broken{number}_digits", "--plugin", f"broken{number}.py", *place]
    assert main(command) == 1
    out, err = capsys.readouterr()
    start = f"ltdd: error: the stage 'guess' (ltdd_plugin_broken{number}.guess) failed: {message}"
    assert out == "" and err.startswith(start) and err.count("\n") == 1
    assert f"(in guess, broken{number}.py line 15); --traceback shows all of it" in err
    assert main([*command, "--traceback", "--json"]) == 1
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert (facts["outcome"], facts["exit_code"]) == ("failed", 1) and facts["message"] in err
    assert "Traceback (most recent call last)" in err and line.partition("\\")[0] in err


def test_the_other_runs_of_a_campaign_go_on_after_a_stranger_failed(place, capsys):
    Path("broken9.py").write_text(BROKEN.replace("{line}", "return 1 + None").replace("{number}", "9"))
    block = '[[block]]\ntitle = "{0}"\nmethods = ["{0}"]\ndatasets = ["digits"]\nipc = 2\nseeds = [0]\nstudents = 1\n'
    quick = 'set = [["evaluate.train.epochs=1", "evaluate.network.width=8"]]\n'
    Path("plan.toml").write_text('scale = "tiny"\n' + "".join(block.format(n) + quick for n in ("broken9", "random")))
    assert main(["campaign", "run", "--plan", "plan.toml", "--plugin", "broken9.py", *place]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in said] == ["runs", "failed", "runs", "done", "ltdd"]
    assert "1 of 2 runs failed; the first: ltdd run broken9_digits" in said[-1] and "TypeError" in said[-1]
    assert len(list(Path("mine").rglob("random*/*.json"))) == 1


def test_what_nobody_expected_is_one_line_with_its_place(place, monkeypatch, capsys):
    def lost(*arguments):
        raise KeyError("nowhere")

    monkeypatch.setattr("ltdd_utils.runs.pipeline.evaluate_students", lost)
    assert main(["run", "random_digits", *place]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ltdd: error: KeyError: 'nowhere' (in lost, test_outcomes.py line ")


def test_a_refusal_in_json_has_the_same_code_and_line(capsys):
    assert main(["show", "rnadom_digits", "--json"]) == 2
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert (facts["outcome"], facts["exit_code"]) == ("refused", 2) and err == f"ltdd: error: {facts['message']}\n"


def test_the_packages_own_functions_keep_their_errors():
    def ours():
        raise ValueError("wrong")

    ours.__module__ = "ltdd_utils.somewhere"
    with pytest.raises(ValueError, match="wrong"), naming_strangers(ours, "the stage"):
        ours()
    ours.__module__ = "elsewhere"
    wanted = pytest.raises(Failed, match=r"^the stage \(elsewhere\..*ours\) failed: ValueError: wrong")
    with wanted, naming_strangers(ours, "the stage"):
        ours()
    assert told(ValueError("two\nlines")) == "two lines"


def test_the_help_has_every_code(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(f"\n  {code:<5}" in text for code in (0, 1, 2, 75, 130))


def test_the_end_of_a_command_does_not_look_through_all_that_was_imported(monkeypatch, capsys):
    """It took a second or more of a stop; the objects are set apart from what Python collects."""
    monkeypatch.setattr("sys.argv", ["ltdd", "show", "random_digits"])
    try:
        assert program() == 0 and gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
    assert "random_digits" in capsys.readouterr().out
