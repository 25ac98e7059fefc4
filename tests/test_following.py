"""Following a run: lines at once where nothing can be drawn, an event log, trackers that nobody imports unasked."""

import io
import json
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from ltdd_utils.campaign.forecast import Expected
from ltdd_utils.cli import sinks
from ltdd_utils.cli.following import Following
from ltdd_utils.cli.forecasts import sums
from ltdd_utils.cli.progress import Bars
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.progress import told

pytestmark = pytest.mark.float32

SMALL = ["--set", "evaluate.train.epochs=2", "--set", "evaluate.network.width=8", "--ipc", "2", "--students", "1"]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_log_has_every_begin_and_end_and_the_numbers_of_the_bars(ltdd, tmp_path):
    log = tmp_path / "logs" / "events.jsonl"
    ltdd("run", "random_digits", *SMALL, "--log", log)
    facts = lines(log)
    assert all(fact["time"] and fact["run"].startswith("random_digits/") for fact in facts)
    stages = [(fact["stage"], fact["event"]) for fact in facts if "stage" in fact and fact["event"] != "progress"]
    names = ("preprocess", "selection", "students")
    assert stages == [(name, event) for name in names for event in ("begin", "end")]
    last = [fact for fact in facts if fact["event"] == "progress"][-1]
    assert (last["part"], last["done"], last["total"]) == ("student 1/1", 2, 2) and last["loss"] > 0
    assert facts[0]["stages"] == list(names) and facts[-1]["event"] == "end" and 0 <= facts[-1]["overall"] <= 1
    ltdd("run", "random_digits", *SMALL, "--log", log)
    assert len(lines(log)) > len(facts)  # appended


def test_a_stopped_run_says_so_in_the_log(ltdd, tmp_path):
    log = tmp_path / "events.jsonl"
    ltdd("run", "random_digits", *SMALL, "--log", log, "--stop-after", "0", status=75)
    assert [fact["event"] for fact in lines(log)] == ["begin", "begin", "stop", "stop"]
    assert "seconds" in lines(log)[-1]


def test_an_evaluation_is_logged_too(ltdd, tmp_path):
    log, made = tmp_path / "events.jsonl", tmp_path / "set.safetensors"
    ltdd("run", "random_digits", *SMALL, "--save-set", made)
    ltdd("evaluate", made, "--students", "1", "--set", "train.epochs=1", "--log", log)
    facts = lines(log)
    assert facts[0]["run"] == "evaluate/set-s0" and facts[-1]["overall"] > 0
    assert {fact.get("stage") for fact in facts} >= {"preprocess", "students"}


def test_a_log_gets_a_line_per_stage_at_once(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    following = Following(Bars(quiet=False))
    following.plan_of = lambda run: [Expected("a", 60.0, "recorded"), Expected("b", 2340.0, "scaled")]
    with told(following.announce, run="x"), told(following.announce, stage="b"):
        assert sys.stderr.getvalue() == "stage 2 of 2, about 40 min in all: b (39 min)\n"
    following.plan_of = lambda run: [Expected("preprocess", 540.0, "scaled"), Expected("b", 60.0, "recorded")]
    with told(following.announce, run="x"), told(following.announce, stage="preprocess"):
        assert sys.stderr.getvalue().endswith("stage 1 of 2, about 10 min in all: preprocess\n")  # ZCA times itself
    silent = Following(Bars(quiet=True))
    silent.plan_of = following.plan_of
    with told(silent.announce, run="x"), told(silent.announce, stage="b"):
        pass
    assert sys.stderr.getvalue().count("\n") == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ((0.5, None, None), "time unknown"),
        ((600.0, None, None), "time unknown"),
        ((0.5, None), "time unknown"),
        ((600.0, 60.0, None), "more than 11 min (c: unknown) in all"),
        ((600.0, 60.0), "about 11 min in all"),
    ],
)
def test_a_sum_without_most_of_its_parts_is_unknown(seconds, words):
    plan = [Expected(name, value, "recorded") for name, value in zip("abc", seconds, strict=False)]
    assert sums(plan) == words


def test_a_dry_run_writes_no_log_and_refuses_what_the_run_would(ltdd, tmp_path):
    log, fewer = tmp_path / "logs" / "events.jsonl", ["--students", "1"]
    ltdd("run", "random_digits", *SMALL, "--students", "2")
    ltdd("run", "random_digits", *SMALL, "--students", "2", "--dry-run", "--log", log)
    assert not log.parent.exists()
    said = [ltdd("run", "random_digits", *SMALL, *fewer, *dry, status=2).err for dry in ((), ("--dry-run",))]
    assert said[0] == said[1] and "has 2, which would be lost" in said[0]


def test_images_that_a_look_decodes_are_told_and_the_log_names_the_record(ltdd, tmp_path):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                Image.new("RGB", (16, 16), (40 * number, 90, 10)).save(folder / f"{number}.png")
    own = ["--set", f"data.name=folder:{tmp_path / 'photos'}@16", "--set", "data.profile=natural"]
    (tmp_path / "work").mkdir()
    assert "6 train (3 a class), 6 test" in ltdd("run", "random_digits", *SMALL, *own, "--dry-run").err
    log = tmp_path / "events.jsonl"
    ltdd("run", "random_digits", *SMALL, *own, "--log", log)
    facts = lines(log)
    assert all(fact["run"].startswith("random_digits/") for fact in facts)
    assert (tmp_path / "results" / facts[-1]["record"]).is_file()
    assert facts[-1]["record"].startswith(f"{facts[-1]['run']}-d")


def test_work_ends_as_it_ended():
    events = []
    for error in (None, Stopped("later"), ValueError("no")):
        try:
            with told(events.append, stage="a"):
                if error:
                    raise error
        except (Stopped, ValueError):
            pass
    assert [event["event"] for event in events] == ["begin", "end", "begin", "stop", "begin", "fail"]


def test_what_is_not_finite_is_null_in_the_log(tmp_path):
    sinks.JsonLines(tmp_path / "a").tell({"event": "progress", "loss": float("nan")})
    assert lines(tmp_path / "a") == [{"event": "progress", "loss": None}]


class Writer:
    """TensorBoard's, as far as it is used."""

    def __init__(self, folder):
        self.folder, self.scalars, self.closed = folder, [], False
        Writer.last = self

    def add_scalar(self, name, value, step):
        self.scalars.append((name, step))

    def close(self):
        self.closed = True


class Runs:
    """W&B and MLflow, as far as they are used: what was called."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *a, **k: self.calls.append((name, a, k)) or self


def follow(sink):
    following = Following(Bars(quiet=True), [sink])
    with told(following.announce, run="a/b-s0") as further:
        with told(following.announce, stage="matching"):
            following.watch("matching")({"iteration": 3, "iterations": 3, "loss": 0.5, "loss_classifier": float("nan")})
        further["overall"] = 0.25


def test_tensorboard_gets_losses_and_scores(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    follow(sinks.tracker(f"tensorboard:{tmp_path}"))
    assert Writer.last.folder == str(tmp_path / "a/b-s0") and Writer.last.closed
    assert Writer.last.scalars == [("matching/loss", 3), ("overall", 0)]


CALLS = {
    "wandb": ["init", "log", "log", "finish"],
    "mlflow": ["set_experiment", "start_run", "log_metrics", "log_metrics", "end_run"],
}


@pytest.mark.parametrize("name", CALLS)
def test_other_trackers_get_them_too(name, monkeypatch):
    module = Runs()
    monkeypatch.setitem(sys.modules, name, module)
    follow(sinks.tracker(name))
    assert [call[0] for call in module.calls] == CALLS[name]
    assert any("matching/loss" in str(call) for call in module.calls)


def test_a_missing_or_unknown_tracker_is_one_line(ltdd, monkeypatch):
    for name in ("tensorboardX", "torch.utils.tensorboard", "mlflow"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "pip install mlflow" in ltdd("run", "random_digits", "--track", "mlflow", status=2).err
    assert "pip install tensorboard" in ltdd("run", "random_digits", "--track", "tensorboard", status=2).err
    assert "choose one of tensorboard, wandb, mlflow" in ltdd("run", "random_digits", "--track", "x", status=2).err


def test_no_tracker_is_imported_unasked(ltdd, monkeypatch, tmp_path):
    for name in ("tensorboard", "tensorboardX", "torch.utils.tensorboard", "wandb", "mlflow"):
        monkeypatch.setitem(sys.modules, name, None)  # an import of it fails
    ltdd("run", "random_digits", *SMALL, "--log", tmp_path / "events.jsonl")
