"""Records: whole or absent, honest about themselves, and refused when they are not."""

import errno
import json
import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from torch import backends
from toy_records import four_records, record

from ltdd_utils.core import files
from ltdd_utils.core.provenance import code, machine, peak_ram_gib, provenance
from ltdd_utils.records import (
    committed,
    is_tracked,
    load,
    load_record,
    refuse_fewer_students,
    results_root,
    save_record,
    summary,
    validate_record,
)


def test_fewer_students_do_not_replace_more(tmp_path):
    path = save_record(tmp_path, record([(4, 2), (4, 3), (4, 4)]))
    refuse_fewer_students(tmp_path, record(), 3)
    refuse_fewer_students(tmp_path, record(seed=1), 1)  # another run
    with pytest.raises(ValueError, match=rf"students is 2, but {path} has 3, .*; ask for 3 or more, or name another"):
        refuse_fewer_students(tmp_path, record(), 2)


def test_round_trip(tmp_path):
    saved = record(seed=3)
    path = save_record(tmp_path, saved)
    assert path == tmp_path / "random_cifar10" / "0123456789ab-s3.json"
    assert load_record(path) == saved


def test_norms_of_a_students_classifier_are_kept_and_may_be_absent(tmp_path):
    saved = record()
    saved["students"][1]["classifier_norms"] = [2, 0.5]  # the other student is of an earlier version
    assert load_record(save_record(tmp_path, saved)) == saved


def test_a_run_replaces_its_own_record(tmp_path):
    save_record(tmp_path, record())
    path = save_record(tmp_path, record([(5, 5)]))
    assert load_record(path)["metrics"]["overall"]["mean"] == 0.5
    assert list(path.parent.iterdir()) == [path]


def without(key):
    def change(value):
        del value[key]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(schema=2), "its schema is 2, not 1"),
        (without("metrics"), "the record has no metrics"),
        (lambda r: r.update(score=1), "the record has an unknown key: score"),
        (lambda r: r.update(seed=-1), "seed is -1"),
        (lambda r: r.update(recipe="../x"), "no '/' in them"),
        (lambda r: r["target"].update(ipcs=3), "target has an unknown key: ipcs"),
        (lambda r: r["target"].update(protocol="online-stored"), "two protocols"),
        (lambda r: r.update(students=[]), "no students"),
        (lambda r: r["metrics"]["overall"].update(mean=0.5), "overall is given as 0.5, its parts give 0.325"),
        (lambda r: r["metrics"]["overall"].update(std=0.5), "the std over students is given as 0.5"),
        (lambda r: r["metrics"]["overall"].update(std=None), "null for one student, and only then"),
        (lambda r: r["metrics"]["overall"].update(mean=32.5), r"overall is \[32.5\]; it must be fractions"),
        (lambda r: r["metrics"]["per_class"].__setitem__(0, float("nan")), "per_class is .*nan"),
        (lambda r: r["metrics"]["confusion"][1].__setitem__(1, 9.0), "row 1 of confusion"),
        (lambda r: r["metrics"]["confusion"].pop(), "not a table of 2 x 2"),
        (lambda r: r["students"][1].update(per_class=[0.4, 0.2]), "class 1 is given as 0.25, its parts give 0.2"),
        (lambda r: r["students"][0].update(classifier_norms=[1.0]), r"classifier_norms is \[1.0\]; it must be 2 norms"),
        (lambda r: r["students"][1].update(classifier_norms=[1.0, -1.0]), "it must be 2 norms"),
        (lambda r: r["students"][1].update(norms=[1.0, 1.0]), "a student has an unknown key: norms"),
        (lambda r: r["cost"]["seconds"].update(expert=-1.0), "stage 'expert' took -1.0 seconds"),
        (lambda r: r["provenance"].update(distilled_sha256=["a"]), "one for each of the 2 students"),
        (lambda r: r["provenance"].pop("commit"), "provenance has no commit"),
    ],
)
def test_a_wrong_record_is_not_written(tmp_path, change, message):
    wrong = record()
    validate_record(wrong)
    change(wrong)
    with pytest.raises(ValueError, match=message):
        save_record(tmp_path, wrong)
    assert not any(tmp_path.iterdir())


def test_a_record_of_another_schema_is_refused_by_name(tmp_path):
    path = save_record(tmp_path, record())
    path.write_text(json.dumps({**record(), "schema": 7}))
    with pytest.raises(ValueError, match=r"0123456789ab-s0.json: its schema is 7, not 1; use the version"):
        load(tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_half_cut_file_is_refused(tmp_path, part):
    path = save_record(tmp_path, record())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(ValueError, match=r"is not a whole record.*delete it") as caught:
        load_record(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"[1, 2]", b"null"])
def test_json_that_is_no_record_is_refused(tmp_path, text):
    path = save_record(tmp_path, record())
    path.write_bytes(text)
    with pytest.raises(ValueError, match="its schema is None"):
        load_record(path)


def test_a_record_under_another_name_is_refused(tmp_path):
    path = save_record(tmp_path, record(seed=0))
    path.rename(path.with_name("0123456789ab-s1.json"))
    with pytest.raises(ValueError, match=r"holds the record of random_cifar10/0123456789ab-s0.json"):
        load(tmp_path)


def test_no_space_leaves_nothing_half_written_and_the_old_record_whole(tmp_path, monkeypatch):
    path = save_record(tmp_path, record())
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "replace", full)
    for seed in (0, 1):
        with pytest.raises(OSError, match=f"0123456789ab-s{seed}.json: No space left on device"):
            save_record(tmp_path, record([(5, 5)], seed=seed))
    assert path.read_bytes() == before
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_a_folder_below_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(OSError, match=r"cannot write .*0123456789ab-s0.json"):
        save_record(tmp_path / "results", record())


def test_load_gives_one_row_per_record(tmp_path):
    for one in four_records():
        save_record(tmp_path, one)
    (tmp_path / "distilled").mkdir()
    frame = load(tmp_path).set_index(["method", "seed"]).sort_index()
    assert len(frame) == 4
    row = frame.loc[("kcenter", 1)]
    assert row["overall"] == pytest.approx(0.2)
    assert row["many"] == pytest.approx(0.2)
    assert pd.isna(row["medium"])
    assert (row["students"], row["seconds"], row["ipc"], row["imbalance_factor"]) == (2, 30.0, 10, 100.0)
    assert row["student_sets"] == ["one set of seed 1"] * 2
    assert frame.loc[("random", 0), "student_sets"] == [f"draw {number}" for number in range(5)]


def test_a_whole_set_has_no_ipc(tmp_path):
    save_record(tmp_path, record(method="full", ipc=None))
    assert load(tmp_path)["ipc"].isna().all()


def test_a_run_with_changed_settings_stands_for_no_cell(tmp_path):
    for config_id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
        save_record(tmp_path, {**record(config_id=config_id), "target": None})
    frame = load(tmp_path)
    assert not frame["in_table"].any() and list(frame["method"]) == ["random"] * 2  # it says what was run all the same
    assert list(frame["protocol"]) == ["dsa-stored"] * 2


def test_no_folder_is_no_records(tmp_path):
    assert load(tmp_path / "nothing").empty


def test_a_cell_that_mixes_settings_is_refused(tmp_path):
    save_record(tmp_path, record(config_id="aaaaaaaaaaaa"))
    save_record(tmp_path, record(config_id="aaaaaaaaaaaa", seed=1))
    save_record(tmp_path, record(config_id="bbbbbbbbbbbb", scale="cpu"))  # another scale is another cell
    assert len(load(tmp_path)) == 3
    save_record(tmp_path, record(config_id="cccccccccccc", seed=2))
    with pytest.raises(ValueError, match=r"aaaaaaaaaaaa-s0.json and .*cccccccccccc-s2.json stand for one cell"):
        load(tmp_path)
    assert len(load(tmp_path, allow_mixed=True)) == 4


def test_dirty_records_are_refused_unless_asked_for(tmp_path):
    save_record(tmp_path, record(dirty=None))  # no git: nothing is known against it
    assert len(load(tmp_path)) == 1
    save_record(tmp_path, record(dirty=True, seed=1))
    with pytest.raises(ValueError, match=r"0123456789ab-s1.json comes from uncommitted code"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"or read it with allow_dirty=True"):
        load(tmp_path)
    assert len(load(tmp_path, allow_dirty=True)) == 2


def test_summary_in_percent():
    assert summary(record([(4, 2), (4, 3)])) == (
        "random_cifar10  paper  dsa-stored\n"
        "overall 32.5 ± 3.5 %  (2 students, 30 s)\n"
        "many (over 100 images) 40.0  medium (20 to 100) n/a  few (under 20) 25.0\n"
        "thirds of the classes: head 40.0  mid n/a  tail 25.0"
    )
    assert "(2 students, 30 s of work, 12 s now)" in summary(record([(4, 2), (4, 3)]), 12.0)  # some of it was there
    assert "(2 students, 30 s)" in summary(record([(4, 2), (4, 3)]), 31.0)
    scores = {"protocol": "dsa-stored", "metrics": record([(4, 1)])["metrics"], "seconds": [7.0]}
    assert summary(scores).splitlines()[1] == "overall 25.0 %  (1 student, 7 s)"


def test_results_root_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LTDD_RESULTS", str(tmp_path))
    assert results_root() == tmp_path
    monkeypatch.delenv("LTDD_RESULTS")
    assert results_root() == Path(__file__).resolve().parent.parent / "results"


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_a_readers_own_records_are_not_the_books(tmp_path):
    folder = tmp_path / "results"
    books = save_record(folder, record())
    assert committed(folder) == [books] and not is_tracked(books)  # no repository: all of them, and nothing brings back
    git(tmp_path, "init")
    assert committed(folder) == []
    git(tmp_path, "add", "results")
    own = save_record(folder, record(seed=1, dirty=True))
    assert committed(folder) == [books]
    assert is_tracked(books) and not is_tracked(own)
    assert list(load(folder, committed_only=True)["seed"]) == [0]  # dirty as it is, the other one is not in the way
    assert list(load(folder, allow_dirty=True)["committed"]) == [True, False]
    own.write_text("{")
    assert len(load(folder, committed_only=True)) == 1
    books.unlink()
    assert load(folder, committed_only=True).empty


def test_records_of_an_installed_package_are_the_books_in_anybodys_repository(tmp_path):
    git(tmp_path, "init")
    path = save_record(tmp_path / "venv" / "ltdd_utils" / "_results", record())
    assert committed(path.parents[1]) == [path]
    assert committed(tmp_path / "nothing") == []


def test_provenance_knows_the_commit_and_what_differs_from_it(tmp_path):
    def now():
        code.cache_clear()  # as in a new process
        return provenance(tmp_path)

    git(tmp_path, "init")
    package = tmp_path / "ltdd_utils"
    package.mkdir()
    (package / "code.py").write_text("1")
    assert now()["commit"] is None  # no commit yet
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    clean = now()
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    assert clean["started_utc"].endswith("Z")
    assert {"python", "torch", "numpy", "cuda", "cudnn"} <= set(clean["versions"])
    assert clean["versions"]["cudnn"] == backends.cudnn.version() and clean["tf32"] is False
    for folder in ("results", "mine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "new.json").write_text("{}")
    assert now()["dirty"] is False  # an earlier run's record changes no code
    (package / "code.py").write_text("2")
    assert provenance(tmp_path)["dirty"] is False  # what this process has loaded is still the commit's
    assert now()["dirty"] is True


def test_a_folder_inside_somebody_elses_repository_has_no_commit(tmp_path):
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "theirs")
    inner = tmp_path / "site-packages"
    inner.mkdir()
    origin = provenance(inner)
    assert (origin["commit"], origin["dirty"]) == (None, None)


def test_the_machine_in_words():
    assert machine("cpu").endswith(("core", "cores"))


def test_peak_memory_is_the_kernels_high_water_mark():
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("no /proc on this machine")
    kib = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    assert peak_ram_gib() >= 0.99 * kib / 2**20
    assert peak_ram_gib() < 1024
