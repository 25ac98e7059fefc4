"""A wheel outside of a clone: what it carries is read, beside the user's own, and never written."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from toy_records import record

from ltdd_utils.records import find_set, save_record

ROOT = Path(__file__).resolve().parent.parent
# Several commands in one process, in an empty folder; the last ones after a run of one's own.
SESSION = """
import io, json, sys
from contextlib import redirect_stdout
from pathlib import Path
from ltdd_utils.cli import main
from ltdd_utils.records import find_set, load, default_records_dir

def told(*words):
    out = io.StringIO()
    with redirect_stdout(out):
        assert main(list(words)) == 0, words
    return out.getvalue()

answers = {" ".join(words): told(*words) for words in (
    ("table", "--dataset", "cifar10"), ("records", "random_digits"),
    ("compare", "random_digits", "damed_digits"))}
answers["set"] = str(find_set("damed_cifar10"))
answers["made"] = sorted(map(str, Path().rglob("*")))
own = Path("results/random_cifar10/0123456789ab-s0.json")
own.parent.mkdir(parents=True)
own.write_text(Path(sys.argv[1]).read_text())
answers["mine"] = told("records", "random_cifar10", "--json")
answers["campaign"] = told("campaign", "--plan", "tiny", "--json")
answers["book"] = str(default_records_dir())
answers["exported"] = told("campaign", "export", "cluster", "--plan", "tiny", "--only", "random", "--results", "none")
answers["engine"] = sorted(str(path) for path in Path("cluster").rglob("*") if path.is_file())
answers["committed"] = [bool(value) for value in load(default_records_dir(), allow_mixed=True)["committed"]]
print(json.dumps(answers))
"""


KEPT = {"targets.csv", "campaigns", "distilled", "random_digits", "damed_digits", "random_cifar10"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """An environment that has the wheel, unpacked."""
    builder = pytest.importorskip("hatchling.builders.wheel", reason="hatchling builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = builder.WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        parts = [name.partition("_results/")[2].partition("/")[0] for name in archive.namelist()]
        assert len(set(parts)) > 40 and set(parts) >= KEPT
        names = [name for name, part in zip(archive.namelist(), parts, strict=True) if part in {"", *KEPT}]
        archive.extractall(folder / "site", names)  # all records, read by each command, would take half a minute
    return folder / "site"


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file()}


def test_outside_of_a_clone_the_records_sets_and_campaigns_of_the_wheel_are_read(site, tmp_path):
    before, here = files(site), tmp_path / "empty"
    here.mkdir()
    mine = save_record(tmp_path / "elsewhere", record())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LTDD_")}
    done = subprocess.run(
        [sys.executable, "-c", SESSION, mine],
        cwd=here,
        env=environment | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    carried = site / "ltdd_utils" / "_results"
    assert "zhao2025 T1" in told["table --dataset cifar10"] and str(carried) in told["records random_digits"]
    assert {run["state"] for run in json.loads(told["campaign"])} >= {"done"}  # found behind a folder of one's own
    assert "\ndamed " in told["compare random_digits damed_digits"]
    assert Path(told["set"]) == carried / "distilled" / "damed_cifar10_if100_ipc10.safetensors"
    assert told["made"] == []  # these commands only read
    rows = json.loads(told["mine"])
    places = [Path(row["path"]).parents[1] for row in rows]
    assert {*places} == {carried, here / "results"} and places.count(here / "results") == 1
    assert Path(told["book"]) == carried and all(told["committed"])  # not the user's own folder
    assert {"cluster/Snakefile", "cluster/profiles/slurm/config.yaml", "cluster/stages.json"} <= set(told["engine"])
    assert files(site) == before


def test_an_editable_install_carries_no_copy_of_the_records():
    pytest.importorskip("hatchling", reason="the hook is one of hatchling's")
    from wheel_records import WheelRecords

    whole = {"results": "ltdd_utils/_results", "workflow": "ltdd_utils/_workflow"}
    for version, carried in (("standard", whole), ("editable", {})):
        data = {"force_include": {}}
        WheelRecords(str(ROOT), {}, None, None, "", "wheel").initialize(version, data)
        assert data["force_include"] == carried


def test_a_set_has_a_short_name_and_one_that_is_not_clear_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("LTDD_RESULTS", str(tmp_path))
    (tmp_path / "distilled").mkdir()
    for name in ("mine_birds_ipc1", "mine_birds_ipc10", "other_birds"):
        (tmp_path / "distilled" / f"{name}.safetensors").touch()
    assert find_set("other_birds") == find_set("other") == tmp_path / "distilled" / "other_birds.safetensors"
    assert find_set("mine_birds_ipc1").name == "mine_birds_ipc1.safetensors"
    for begin in ("damed_cifar10", "damed_cifar"):  # of the book
        assert find_set(begin).stem == "damed_cifar10_if100_ipc10"
    for path in ("a/other", "gone.safetensors", str(tmp_path)):
        assert find_set(path) == Path(path)
    with pytest.raises(
        ValueError, match="2 sets begin with 'mine_birds'; name a file, or one of mine_birds_ipc1, mine"
    ):
        find_set("mine_birds")
    with pytest.raises(ValueError, match=r"no set 'nothing'; name a file, or one of .*other_birds"):
        find_set("nothing")
