"""The command: each one helps, prints text or JSON, writes what it says, and goes on after a stop."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch
from toy_records import four_records, record
from toy_sets import context, digits, fit, result_of

from ltdd_utils import cli, recipes
from ltdd_utils.cli import main
from ltdd_utils.cli.options import COMMANDS
from ltdd_utils.cli.parser import build_parser
from ltdd_utils.cli.progress import Bars
from ltdd_utils.cli.signals import NAMES, SIGNALS
from ltdd_utils.core.settings import to_dict
from ltdd_utils.core.store import Checkpoint, load_bundle
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.distilled import NOT_REAL, content_hash, load_set, save_set
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.presets import TEACHERS
from ltdd_utils.records import TARGET_KEYS, load_record, save_record, validate_record

pytestmark = pytest.mark.float32

QUICK = ["--set", "evaluate.train.epochs=2", "--set", "evaluate.network.width=8", "--ipc", "2", "--students", "2"]


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    """Every folder is a temporary one."""
    monkeypatch.setenv("LTDD_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("LTDD_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("LTDD_DATA", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def _heard():
    """Ctrl-C is heard, also where the tests run in the background of a script, whose commands ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def ltdd(capsys):
    """Run a command that works; its standard output."""

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert status == 0, err
        return out

    return call


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does_and_shows_examples_that_parse(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    text = capsys.readouterr().out
    about, examples = COMMANDS[command].about, COMMANDS[command].examples
    assert stop.value.code == 0 and about.split()[0] in text and "default: None" not in text
    for example in examples:
        assert example in text and example.startswith("ltdd ")
        call = example.split("  ")[0].split()[1:]
        with pytest.raises(SystemExit):  # --help at the end: the example is parsed, and nothing is done
            main([*call, "--help"])
        assert not capsys.readouterr().err


def test_the_commands_own_help_shows_where_to_begin(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "ltdd run random_digits" in text and all(command in text for command in COMMANDS)


def test_list(ltdd):
    rows = json.loads(ltdd("list", "--json"))
    assert [row["recipe"] for row in rows] == recipes.names()
    assert all(row["scales"] and row["what"] for row in rows)
    assert ltdd("list", "--names").splitlines() == recipes.names()
    text = ltdd("list")
    assert all(text.count(f"\n{method.family.name}:\n") == 1 for method in METHODS.values())
    lines = [line.split()[0] for line in text.splitlines() if line]
    assert all(lines.count(name) == 1 for name in [*METHODS, *DATASETS])


def test_show_prints_settings_target_and_cost(ltdd):
    facts = json.loads(ltdd("show", "random_cifar10", "--imbalance-factor", "100", "--json"))
    recipe = recipes.recipe("random_cifar10", imbalance_factor=100)
    assert facts["config"] == to_dict(recipe) and facts["config_id"] == recipe.config_id
    assert facts["target"] == recipe.target and set(facts["target"]) == set(TARGET_KEYS)
    assert {row["mean"] for row in facts["published_percent"]} == {34.4} and facts["runs"] == []
    text = ltdd("show", "random_cifar10")
    assert "34.4 ± 2 %" in text and "zhao2025ltdd" in text and "none yet" in text and '"epochs": 1000' in text


def test_show_tells_what_runs_gave_and_cost(ltdd):
    ltdd("run", "random_digits", *QUICK)
    assert "none yet" in (said := ltdd("show", "random_digits")) and "1 here: `ltdd records random_digits`" in said
    text = ltdd("show", "random_digits", *QUICK[:-2])
    assert "seed 0: " in text and "with 2 students" in text and "GiB RAM" in text
    assert "no number is of these settings" in text
    facts = json.loads(ltdd("show", "random_digits", *QUICK[:-2], "--json"))
    assert facts["target"] is None and set(facts["runs"][0]["seconds_by_stage"]) == {
        "preprocess",
        "selection",
        "students",
    }


def test_run_writes_one_record_and_prints_a_summary(ltdd, tmp_path):
    text = ltdd("run", "random_digits", *QUICK, "--seed", "3")
    (path,) = (tmp_path / "results").rglob("*.json")
    record = load_record(path)
    assert record["seed"] == 3 and len(record["students"]) == 2
    assert f"overall {100 * record['metrics']['overall']['mean']:.1f}" in text and "2 students" in text
    assert f"\nrecord: {path}" in text
    again = json.loads(ltdd("run", "random_digits", *QUICK, "--seed", "3", "--json"))
    validate_record(again)
    assert again["metrics"] == record["metrics"] and again["cost"]["seconds"] == record["cost"]["seconds"]


def test_a_run_that_overwrites_a_tracked_record_says_how_to_bring_it_back(ltdd, tmp_path, monkeypatch):
    def git(*words):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    run, said = ["run", "random_digits", *QUICK], "this replaced the committed record of the run"
    git("init")
    assert said not in ltdd(*run)  # the first of its kind
    assert said not in ltdd(*run)  # a reader's own, which git does not track
    (path,) = (tmp_path / "results").rglob("*.json")
    first = path.read_text() + "\n"  # never what a run writes, even in the same second
    path.write_text(first)
    git("add", "results")
    assert said not in ltdd(*run, "--results", tmp_path / "mine") and path.read_text() == first
    monkeypatch.chdir(tmp_path)
    (line,) = [line for line in ltdd(*run).splitlines() if said in line]
    assert "`--results mine` leaves it alone" in line and path.read_text() != first
    _, back, _ = line.split("`", 2)
    assert back == f"git checkout -- {path.relative_to(tmp_path)}"
    git(*back.split()[1:])
    assert path.read_text() == first
    json.loads(ltdd(*run, "--json"))


def test_run_under_another_protocol_and_network(ltdd):
    one = [
        "--students",
        "1",
        "--ipc",
        "2",
        "--set",
        "evaluate.train.epochs=1",
        "--set",
        "evaluate.teacher.train.epochs=1",
    ]
    asked = ["--protocol", "online-teacher", "--network", "alexnet", "--json"]
    record = json.loads(ltdd("run", "random_digits", *one, *asked))
    assert record["protocol"] == "online-teacher/plain"
    assert record["config"]["evaluate"]["network"]["name"] == "alexnet"


def test_a_teacher_can_be_chosen_for_a_run_and_for_a_saved_set(ltdd, tmp_path):
    path, few = tmp_path / "random.safetensors", ["--set", "evaluate.teacher.train.epochs=1"]
    call = ["run", "random_digits", *QUICK[:-1], "1", *few, "--protocol", "online-teacher", "--json"]
    record = json.loads(ltdd(*call, "--teacher", "debiased", "--save-set", path))
    assert record["protocol"] == "online-teacher/debiased"
    teacher = record["config"]["evaluate"]["teacher"]
    assert teacher["kind"] == "debiased" and teacher["network"]["second_head"] and teacher["debias"]["sharpness"] == 0.8
    own = json.loads(ltdd(*call))
    assert own["protocol"] == "online-teacher/plain" and own["config_id"] != record["config_id"]
    assert "debias" not in own["config"]["evaluate"]["teacher"]
    short = [
        "--students",
        "1",
        "--set",
        "train.epochs=2",
        "--set",
        "network.width=8",
        "--set",
        "teacher.train.epochs=1",
    ]
    asked = ["--protocol", "online-teacher", "--teacher", "debiased", "--json"]
    scores = json.loads(ltdd("evaluate", path, *short, *asked))
    assert scores["protocol"] == "online-teacher/debiased" and scores["metrics"] == record["metrics"]


def test_show_has_the_teacher_that_was_asked_for(ltdd):
    shown = {kind: json.loads(ltdd("show", "unilevel_digits", "--teacher", kind, "--json")) for kind in TEACHERS}
    for kind, facts in shown.items():
        assert facts["config"]["evaluate"]["teacher"]["kind"] == kind
        assert facts["config"]["method"]["teacher"]["kind"] == "debiased"  # who scores the crops is the method's
    assert json.loads(ltdd("show", "unilevel_digits", "--json")) == shown["debiased"]


def test_stop_after_zero_says_how_to_go_on_and_a_later_call_completes(ltdd, tmp_path, capsys):
    assert main(["run", "random_digits", *QUICK, "--quiet", "--stop-after", "0"]) == 75
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("ltdd: stopped as asked") and "run the same command again to go on" in err
    assert err.count("\n") == 1 and not (tmp_path / "results").exists()
    ltdd("run", "random_digits", *QUICK)
    assert len(list((tmp_path / "results").rglob("*.json"))) == 1


def test_stop_in_the_middle_of_a_student_and_go_on_in_a_moved_work_folder(ltdd, tmp_path, monkeypatch, capsys):
    longer = ["run", "random_digits", *QUICK, "--set", "evaluate.train.epochs=30", "--quiet", "--json"]
    whole = json.loads(ltdd(*longer, "--work", tmp_path / "other"))
    clock = count()
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: float(next(clock)))  # a second passes between two looks
        assert main([*longer, "--stop-after", "2"]) == 75
    capsys.readouterr()
    (left,) = (tmp_path / "work").rglob("checkpoint.safetensors")
    assert 0 < load_bundle(left).meta["epoch"] < 30
    (tmp_path / "work").rename(tmp_path / "moved")
    resumed = json.loads(ltdd(*longer, "--work", tmp_path / "moved"))
    assert resumed["metrics"] == whole["metrics"]


def signals_at(ticks, sent, monkeypatch):
    """Send signals to this process in each of the given ticks of a student's checkpoint, counted from 1."""
    counted, tick = count(1), Checkpoint.tick

    def signalled(self, state):
        if self.path.parents[1].name == "student" and next(counted) in ticks:
            for one in sent:
                os.kill(os.getpid(), one)
        tick(self, state)

    monkeypatch.setattr(Checkpoint, "tick", signalled)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_signal_keeps_the_state_and_the_same_command_goes_on(name, ltdd, tmp_path, monkeypatch, capsys):
    """And a batch system's second one, up to a minute after the first, changes nothing."""
    sent, again = getattr(signal, name), getattr(signal, name if name != "SIGINT" else "SIGTERM")
    longer = ["run", "random_digits", *QUICK, "--set", "evaluate.train.epochs=30", "--quiet", "--json"]
    whole = json.loads(ltdd(*longer, "--work", tmp_path / "other"))
    handlers = [signal.getsignal(one) for one in SIGNALS]
    with monkeypatch.context() as patch:
        signals_at([7], [sent, again, again], patch)
        assert main(longer) == 75
    out, err = capsys.readouterr()
    said, told = err.splitlines(), json.loads(out)
    assert len(said) == 2 and "again to stop at once" in said[0] and "run the same command again to go on" in said[1]
    assert (told["outcome"], told["exit_code"], told["state_kept"]) == ("stopped", 75, True)
    assert told["resume"].split() == ["ltdd", *longer] and said[1] == f"ltdd: {told['message']}"
    (left,) = (tmp_path / "work").rglob("checkpoint.safetensors")
    assert load_bundle(left).meta["epoch"] == 7
    assert [signal.getsignal(one) for one in SIGNALS] == handlers
    assert json.loads(ltdd(*longer))["metrics"] == whole["metrics"]


def test_the_second_ctrl_c_ends_at_once(capsys, monkeypatch):
    def twice(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the command went on")

    monkeypatch.setattr("ltdd_utils.runs.pipeline.evaluate_students", twice)
    assert main(["run", "random_digits", *QUICK, "--json"]) == 130
    out, err = capsys.readouterr()
    assert err.splitlines()[-1].startswith("ltdd: interrupted;")
    told = json.loads(out)
    assert told["state_kept"] is False and told["resume"].startswith("ltdd run random_digits ")


def test_a_signal_that_was_ignored_stays_ignored(ltdd, monkeypatch):
    """As in a background command of a script, which the terminal's Ctrl-C is not meant for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals_at([3], [signal.SIGINT], monkeypatch)
    ltdd("run", "random_digits", *QUICK)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_interrupt_is_one_line_and_status_130(capsys, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("ltdd_utils.runs.pipeline.evaluate_students", interrupted)
    assert main(["run", "random_digits", *QUICK, "--quiet"]) == 130
    out, err = capsys.readouterr()
    assert out == "" and err == "ltdd: interrupted; the same command goes on from the last checkpoint\n"


def test_evaluate_a_saved_set(ltdd, tmp_path):
    path = tmp_path / "sets" / "random.safetensors"
    record = json.loads(ltdd("run", "random_digits", *QUICK, "--save-set", path, "--json"))
    short = ["--set", "train.epochs=2", "--students", "1", "--json"]
    scores = json.loads(ltdd("evaluate", path, *short, "--set", "network.width=8"))
    assert scores["metrics"]["overall"]["mean"] == record["students"][0]["overall"]  # the same set, the same student
    assert scores["distilled_sha256"] == record["provenance"]["distilled_sha256"][0]
    vgg = json.loads(ltdd("evaluate", path, *short, "--network", "vgg11"))
    assert vgg["network"]["name"] == "vgg11" and vgg["protocol"] == "dsa-stored"
    online = ["--protocol", "online-stored", "--set", "teacher.train.epochs=1"]
    assert json.loads(ltdd("evaluate", path, *short, *online))["protocol"] == "online-stored/plain"
    assert "overall" in ltdd("evaluate", path, *short[:-1])
    assert len(list((tmp_path / "results").rglob("*.json"))) == 1  # evaluate writes no record


def test_a_set_of_a_long_tail_with_another_imbalance_factor_is_scored_on_its_own_data(ltdd, tmp_path):
    path = tmp_path / "set.safetensors"
    made = [*QUICK, "--imbalance-factor", "7", "--set", "data.class_order=reversed"]
    ltdd("run", "random_digits", *made, "--save-set", path, "--with-preprocessing")
    distilled, preprocess = load_set(path)
    assert preprocess is not None and distilled.info["data"]["imbalance_factor"] == 7
    assert distilled.info["class_counts"] == sorted(distilled.info["class_counts"])
    ltdd("evaluate", path, "--students", "1", "--set", "train.epochs=1")


def test_a_set_in_the_layout_of_the_released_codes_is_scored_as_the_set_itself(ltdd, tmp_path):
    path, folder, back = tmp_path / "set.safetensors", tmp_path / "theirs", tmp_path / "back.safetensors"
    ltdd("run", "random_digits", *QUICK, "--imbalance-factor", "7", "--save-set", path)
    (folder / "other_best.pt").parent.mkdir()
    (folder / "other_best.pt").touch()
    said = ltdd("export", path, folder).splitlines()
    assert said[:-1] == [str(folder / f"{name}_best.pt") for name in ("images", "labels")]
    cell = ("--imbalance-factor", "7", "--ipc", "2")
    assert "20 images, integer labels" in ltdd("import", "datm_digits", folder, *cell, "--save-set", back)
    told = load_set(back)[0].info
    assert told["seed"] is None and told["recipe"] == "datm_digits" and told["imported"]
    short = ("--set", "train.epochs=2", "--set", "network.width=8", "--students", "1", "--json")
    scores = [json.loads(ltdd("evaluate", file, *short, "--protocol", "dsa-stored")) for file in (path, back)]
    assert scores[0]["metrics"] == scores[1]["metrics"]
    scored = ltdd("evaluate", back, *short, "--protocol", "online-teacher", "--set", "teacher.train.epochs=1")
    assert json.loads(scored)["protocol"] == "online-teacher/plain"


def test_an_export_is_whitened_whatever_the_set_was_made_in(ltdd, tmp_path):
    """Synthetic pixels of another space go through pixels, so that the same image is read back."""
    path, folder, back = tmp_path / "set.safetensors", tmp_path / "theirs", tmp_path / "back.safetensors"
    made = result_of(recipes.recipe("random_digits", ipc=1), context(tmp_path)).set
    shown = digits().train_images[digits().rows_of(made.indices)]
    info = {**made.info, "preprocess": fit("normalise").describe()}
    save_set(path, replace(made, indices=torch.full((10,), NOT_REAL), images=fit("normalise")(shown), info=info))
    facts = json.loads(ltdd("export", path, folder, "--json"))
    assert facts == {"files": [str(folder / f"{name}_best.pt") for name in ("images", "labels")], "clamped": 0.0}
    facts = json.loads(ltdd("import", "mtt_digits", folder, "--ipc", "1", "--save-set", back, "--json"))
    again, _ = load_set(back)
    assert facts["distilled_sha256"] == content_hash(again) and facts["images"] == 10
    torch.testing.assert_close(again.images, fit("zca")(shown))


def test_a_set_of_other_code_must_fit_the_recipe(ltdd, tmp_path, capsys):
    path, folder = tmp_path / "set.safetensors", tmp_path / "theirs"
    ltdd("run", "random_digits", *QUICK, "--save-set", path)
    ltdd("export", path, folder)
    for recipe, message in (
        ("datm_digits", "has 20 images; 10 per class are 100, so another --ipc is needed: say --ipc 2"),
        ("rded_digits", "rded_digits matches no trajectories"),
    ):
        assert main(["import", recipe, str(folder), "--save-set", str(tmp_path / "no.safetensors")]) == 2
        assert message in capsys.readouterr().err and not (tmp_path / "no.safetensors").exists()
    torch.save(torch.zeros(20, dtype=torch.int64), folder / "labels_best.pt")
    cell = ["--ipc", "2", "--save-set", str(tmp_path / "no.safetensors")]
    assert main(["import", "datm_digits", str(folder), *cell]) == 2
    assert "has [20, 0, 0, 0, 0, 0, 0, 0, 0, 0] images of the classes; expected 2 of each" in capsys.readouterr().err
    assert main(["import", "datm_digits", str(folder), "--save-set", str(folder)]) == 2
    assert "is a folder; name a file" in capsys.readouterr().err


def test_table_and_missing(ltdd, tmp_path):
    assert "no published number was run yet" in ltdd("table") and "`ltdd records`" not in ltdd("table")
    before = json.loads(ltdd("missing", "--json"))
    changed = record([(4, 4)], config_id="changed") | {"target": None}
    save_record(tmp_path / "own", changed)
    said = ltdd("table", "--results", str(tmp_path / "own"))
    assert (
        "1 record of other settings or data is here" in said and "`ltdd records`" in said and "`ltdd compare`" in said
    )
    for one in four_records():
        save_record(tmp_path / "results", one)
    after = json.loads(ltdd("missing", "--json"))
    gone = {row["command"] for row in before} - {row["command"] for row in after}
    assert len(gone) == 2 and all("_cifar10 --imbalance-factor 100 --ipc 10" in command for command in gone)
    graphcut = "ltdd run graphcut_cifar10 --imbalance-factor 100 --ipc 10 --scale paper  # a run at scale cpu exists"
    assert graphcut in ltdd("missing").splitlines()
    assert graphcut.split("  #")[0].replace("paper", "cpu") not in ltdd("missing", "--scale", "cpu").splitlines()
    lines = ltdd("missing", "--dataset", "cifar100").splitlines()
    assert lines and all(line.startswith("ltdd run ") and "_cifar100 " in line for line in lines)
    rows = json.loads(ltdd("table", "--json"))
    assert {row["status"] for row in rows} == {"run"} and {row["method"] for row in rows} == {
        "random",
        "kcenter",
        "graphcut",
    }
    assert "34.0 ± 4.2" in ltdd("table", "--dataset", "cifar10")
    assert len(json.loads(ltdd("table", "--all", "--json"))) > 300


def test_records_lists_what_was_run_with_its_settings_and_files(ltdd, tmp_path):
    ltdd("run", "random_digits", *QUICK, "--results", tmp_path / "mine")
    (row,) = json.loads(ltdd("records", "--results", tmp_path / "mine", "--json"))
    record = load_record(row["path"])
    assert row["overall"] == record["metrics"]["overall"]["mean"] and row["students"] == 2
    assert row["changed"] == {"evaluate.train.epochs": 2, "evaluate.network.width": 8}
    text = ltdd("records", "random_digits", "--results", tmp_path / "mine")
    score = f"{100 * row['overall']:.1f} ± {100 * row['std']:.1f} % with 2 students"
    assert "IF 20, IPC 2, dsa-stored, convnet-d3 (8), seed 0: " in text and score in text
    assert "evaluate.train.epochs=2" in text and row["path"] in text
    assert main(["records", "mtt_digit", "--results", str(tmp_path / "mine")]) == 2  # no such recipe
    assert "no record of mtt_digits" in ltdd("records", "mtt_digits", "--results", tmp_path / "mine")
    assert f"{100 * row['overall']:.1f} %" in ltdd("show", "random_digits", *QUICK[:-2], "--results", tmp_path / "mine")


@pytest.mark.parametrize("command", ["records", "table", "missing", "show random_digits"])
def test_a_results_folder_that_is_named_must_exist(command, ltdd, tmp_path, capsys):
    assert main([*command.split(), "--results", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: no such folder" in capsys.readouterr().err
    ltdd(*command.split())  # the usual one may be absent


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert re.fullmatch(r"ltdd \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_a_run_of_code_that_no_commit_holds_is_marked_not_refused(ltdd, tmp_path):
    save_record(tmp_path / "results", {**four_records()[0], "provenance": record(dirty=True)["provenance"]})
    save_record(tmp_path / "results", record(config_id="other"))
    text = ltdd("table")
    assert text.startswith("cifar10, IF 100, IPC 10, convnet-d3, dsa-stored, accuracy\n")
    assert text.count("ours is from uncommitted code") == 1  # both papers print the cell
    assert len(json.loads(ltdd("table", "--json"))) == 4


def test_what_is_missing_can_be_run(ltdd):
    """Every command that is offered names a recipe with settings that exist."""
    for row in json.loads(ltdd("missing", "--json")):
        _, command, *arguments = row["command"].split()
        assert command == "run"
        facts = json.loads(ltdd("show", *arguments, "--json"))
        assert facts["target"] is not None and bool(facts["published_percent"]) == bool(row["paper"]), row["command"]


def test_data_tells_what_is_here(ltdd):
    rows = {row["name"]: row for row in json.loads(ltdd("data", "--json"))}
    assert set(rows) == {"digits", "cifar10", "cifar100", "tiny", "imagenet", "imagenet-224"}
    assert rows["digits"]["present"] and not rows["cifar10"]["present"]
    assert "ltdd data fetch cifar10" in rows["cifar10"]["state"]
    assert ltdd("data", "verify", "digits").startswith("digits") and len(ltdd("data").splitlines()) == 6


def test_the_module_is_the_command(root):
    done = subprocess.run(
        [sys.executable, "-m", "ltdd_utils", "list", "--names"], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.splitlines()[0].startswith("random_digits")


def expert_options(*phases):
    """Two small experts of three epochs; ``phases`` come before what reads fewer epochs."""
    experts = ["count=2", "train.epochs=3", "network.width=4", "classifier_images=40", "classifier_epochs=2"]
    settings = ["window=[0,1,2]", "first.epochs=1", *phases, *(f"experts.{text}" for text in experts)]
    few = ["--set", "data.n_max=20"]
    return [*few, *(part for text in settings for part in ("--set", f"method.{text}"))]


def test_experts_says_what_is_on_disk_and_keeps_more_if_asked(ltdd, tmp_path, capsys):
    call = ["experts", "damed_digits", *expert_options("second.epochs=1")]
    first, second = "representation", "classifier"

    def held(*options):
        told = json.loads(ltdd(*call, "--json", *options))
        files = [path for kind in (first, second) for path in (tmp_path / "work" / kind).rglob("result.safetensors")]
        sizes = {path.stat().st_size for path in files}
        assert {row["bytes"] for row in told["experts"]} <= sizes
        for name in ("bytes", "seconds"):
            assert told[name] == pytest.approx(sum(row[name] for row in told["experts"]))
        return {(row["expert"], row["stage"]): row["epochs"] for row in told["experts"]}

    asked = ["--only", "1", "--keep", "0-1", "--keep-classifier", "0"]
    assert held(*asked) == {(1, first): [0, 1, 3], (1, second): [0]}  # the last one: the classifier stands on it
    assert main([*call, "--quiet"]) == 2
    assert "expert 1 holds the epochs [0, 1, 3], and epoch 2 is asked for: `ltdd experts" in capsys.readouterr().err
    whole = {
        (number, stage): [0, 1, 2, 3] if stage == first else [0, 1, 2] for number in (0, 1) for stage in (first, second)
    }
    assert held("--renew") == whole == held("--keep", "0", "--keep-classifier", "all", "--renew")
    lines = ltdd(*call).splitlines()
    assert len(lines) == 5 and lines[0].startswith(first) and lines[-1].startswith("in all")
    assert all(line.endswith(f"epochs 0-{3 if line.startswith(first) else 2}") for line in lines[:-1])


def test_experts_finds_those_that_a_run_trained(ltdd):
    few = expert_options()
    short = ["--set", "method.iterations=0", "--set", "evaluate.train.epochs=1", "--ipc", "1", "--students", "1"]
    record = json.loads(ltdd("run", "datm_digits", *few, *short, "--json"))
    told = json.loads(ltdd("experts", "datm_digits", *few, "--json"))
    assert told["seconds"] == pytest.approx(record["cost"]["seconds"]["experts"])  # nothing was trained again
    assert [(row["stage"], row["epochs"]) for row in told["experts"]] == [("representation", [0, 1, 2, 3])] * 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


def a_student(watch):
    watch({"epoch": 40, "epochs": 100, "loss": 0.5})
    time.sleep(0.15)
    watch({"epoch": 70, "epochs": 100, "loss": 0.25})
    watch({"epoch": 100, "epochs": 100, "loss": 0.125})


def test_bars_show_the_time_left_on_a_terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    a_student(Bars(quiet=False)("student 1/2"))
    assert "| 0/100" not in stream.getvalue()  # what an earlier call did counts as done
    assert "student 1/2" in stream.getvalue() and "70/100 [00:00<00:" in stream.getvalue()


def test_a_log_gets_a_line_a_minute_and_none_of_what_is_shorter(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    a_student(Bars(quiet=False)("student 1/2"))
    assert sys.stderr.getvalue() == ""
    monkeypatch.setattr("ltdd_utils.cli.progress.EVERY_S", 0.1)
    a_student(Bars(quiet=False)("student 1/2"))
    (line,) = sys.stderr.getvalue().splitlines()
    assert re.fullmatch(r"student 1/2: 70/100, 00:00 so far, 00:0\d left, loss=0.250", line)


def test_a_notebook_gets_bars_although_it_is_no_terminal(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    a_student(Bars(quiet=False)("student 1/2"))
    assert "70/100 [00:00<00:" in sys.stderr.getvalue()


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_quiet_is_quiet(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream())
    monkeypatch.setattr("ltdd_utils.cli.progress.EVERY_S", 0.0)
    a_student(Bars(quiet=True)("student 1/2"))
    assert sys.stderr.getvalue() == ""


def test_a_bar_shows_both_losses_of_matching_and_the_time_left(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    watch = Bars(quiet=False)("matching")
    common = {"iterations": 100, "loss": 0.9871, "lr": 0.01234}
    watch({"iteration": 50, "loss_classifier": 0.75, **common})
    time.sleep(0.15)
    watch({"iteration": 70, "loss_classifier": 0.25, **common})
    text = stream.getvalue()
    assert "matching" in text and "70/100 [00:00<00:" in text and "| 0/100" not in text
    assert "loss=0.987, classifier=0.250, lr=0.012" in text
    watch({"iteration": 100, "loss_classifier": 0.25, **common})
    one = Bars(quiet=False)("matching")
    stream.truncate(stream.seek(0))
    one({"iteration": 1, "loss_classifier": float("nan"), **common})
    time.sleep(0.15)
    one({"iteration": 2, "loss_classifier": float("nan"), **common})
    assert "loss=0.987, lr=0.012" in stream.getvalue() and "nan" not in stream.getvalue()


def test_a_bar_follows_the_parts_of_a_download(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    watch = Bars(quiet=False)("cifar10")
    for done in (0, 5_000_000, 10_000_000):
        watch({"stage": "download x.tar.gz", "done": done, "total": 10_000_000})
    for done in (1, 8):
        watch({"stage": "unpack", "done": done, "total": 8})
    assert "10.0M" in stream.getvalue() and "unpack" in stream.getvalue()


def test_a_warning_of_the_package_is_one_line_and_one_of_a_library_stays(monkeypatch, capsys):
    def warn(options):
        warnings.warn_explicit("two images left out", UserWarning, str(Path(cli.__file__)), 1)
        warnings.warn_explicit("soon gone", UserWarning, "/site-packages/library.py", 7)

    monkeypatch.setattr(cli, "_run", lambda options: warn(options) or 0)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *w: print(warnings.formatwarning(*w[:4]), end="", file=sys.stderr)
        assert main(["list"]) == 0
    first, second, *_ = capsys.readouterr().err.splitlines()
    assert first == "ltdd: warning: two images left out"
    assert second == "/site-packages/library.py:7: UserWarning: soon gone"


def test_an_option_is_written_in_full(capsys):
    with pytest.raises(SystemExit):
        main(["run", "random_digits", "--student", "2"])
    assert "--student" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_parser_of_one_command_is_that_of_all_commands(command):
    whole, alone = (build_parser(only).commands[command] for only in (None, command))
    assert alone.format_help() == whole.format_help() and alone.prog == whole.prog
    assert list(build_parser(command).commands) == [command]
    assert list(build_parser("no command").commands) == list(COMMANDS)
