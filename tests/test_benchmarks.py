"""The benchmarks start, and compare like with like."""

import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
import torch

from ltdd_utils import recipes
from ltdd_utils.augment import AugmentConfig
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.store import Store, load_bundle
from ltdd_utils.methods.trajectory.classifier import match_classifier
from ltdd_utils.methods.trajectory.matching import tesla
from ltdd_utils.methods.trajectory.training import train_experts
from ltdd_utils.runs import start

CPU = torch.device("cpu")


@pytest.fixture
def benchmark(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def printed(benchmark, monkeypatch, capsys):
    """What a benchmark prints for its options, in this process; one test below starts one as a command."""

    def main(name, *options):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *options, "--threads", str(torch.get_num_threads())])
        assert benchmark(name).main() == 0
        return capsys.readouterr().out

    return main


@pytest.fixture
def student(benchmark):
    return benchmark("student")


def test_both_loops_are_the_same_training(student, monkeypatch):
    """Without augmentation and with one batch per epoch nothing is left to chance: the weights must agree."""
    trained, real = [], student.build
    monkeypatch.setattr(student, "build", lambda *arguments: trained.append(real(*arguments)) or trained[-1])
    monkeypatch.setattr(student, "SETTINGS", replace(student.SETTINGS, augment=AugmentConfig("dsa", strategy="none")))
    images, labels = torch.randn(40, 3, 32, 32), torch.arange(40) % 10
    for loop in (student.ours, student.plain):
        loop(images, labels, 4, 6, torch.device("cpu"))
    for ours, plain in zip(*(network.parameters() for network in trained), strict=True):
        torch.testing.assert_close(ours, plain)


def test_a_part_prints_its_rate(root):
    call = [sys.executable, root / "benchmarks" / "student.py", "--part", "ours-default", "--width", "4"]
    call += ["--images", "20", "--seconds", "0.1"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(call, capture_output=True, text=True, check=True, env=environment)
    assert float(done.stdout) > 0


def bench(benchmark, rows):
    """A tiny matching problem in float64 whose steps see mini-batches, or the whole set."""
    made = benchmark("matching").Bench(4, 10, 4, CPU, torch.float64)
    steps = made.first.steps
    if rows is not None:
        few = benchmark("matching").Bench(4, rows, 4, CPU, torch.float64).first.steps
        rng = torch.Generator().manual_seed(0)
        steps = [replace(step, rows=torch.randperm(10, generator=rng)[:rows]) for step in few]
    made.first, made.second = (replace(problem, steps=steps) for problem in (made.first, made.second))
    return made


@pytest.mark.parametrize("rows", [None, 6])
def test_the_released_scheme_gives_the_gradient_of_tesla(benchmark, rows):
    released, made = benchmark("released").released, bench(benchmark, rows)
    for mine, theirs in (
        (tesla(made.set, made.first), released(made.set, made.first)),
        (
            match_classifier(made.set, made.second, made.features, 10, through_weights=False),
            released(made.set, made.second, made.second.part),
        ),
    ):
        assert float(mine.images.norm()) > 0
        for name in ("loss", "images", "logits", "lr"):
            torch.testing.assert_close(getattr(theirs, name), getattr(mine, name), rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("fits", [True, False])
def test_matching_compares_all_gradients(benchmark, monkeypatch, capsys, fits):
    """Its parts in this process; an unroll above the limit is left out, with what it would take."""
    matching = benchmark("matching")

    def part(name, images, steps):
        return {"released": {"images": 0.0}} if name == "accuracy" else measured(name, images, steps)

    def measured(name, images, steps):
        return {"seconds": float(steps * images), "GiB": 0.5 * steps if name == "unroll" else 0.1}

    monkeypatch.setattr(matching, "child", part)
    options = ["matching.py", "--steps", "3", "6", "--width", "4", "--max-gib", "3" if fits else "2.9", "--json"]
    monkeypatch.setattr(sys, "argv", options)
    threads = torch.get_num_threads()
    assert matching.main() == 0
    torch.set_num_threads(threads)
    found = json.loads(capsys.readouterr().out)
    unrolled = {row["steps"]: row["GiB"] for row in found["parts"] if row["gradient"] == "unroll"}
    assert unrolled == {2: 1.0, 4: 2.0, 3: 1.5} | ({6: 3.0} if fits else {})
    assert found["unroll left out, GiB"] == ({} if fits else {"6": 3.0})
    assert {row["images"] for row in found["parts"] if row["gradient"] == "exact"} == {100, 200, 500}
    assert set(found["ratios"].values()) == {1.0}  # every part took as long, by its steps, and as much
    held = next(row for row in found["parts"] if row["gradient"] == "exact" and row["steps"] == 6)
    assert held["stored weights MiB"] == 7 * 4 * found["parameters"] / 2**20


@pytest.mark.float32
def test_a_matching_part_prints_its_cost(printed):
    found = json.loads(printed("matching", "--part", "exact", "--at", "2", "--width", "4", "--images", "10"))
    assert found["seconds"] > 0
    assert found["GiB"] >= 0


def test_the_errors_of_the_gradients(benchmark):
    errors = benchmark("matching").accuracy(4, 10, 3, CPU)
    assert (
        errors["exact float32 to exact float64"]["images"] < 1e-3 < errors["tesla float64 to exact float64"]["images"]
    )


@pytest.mark.float32
@pytest.mark.parametrize("optimiser", ["sgd", "gsam"])
def test_both_loops_train_the_same_expert(benchmark, monkeypatch, optimiser):
    """As for students: one batch per epoch and no augmentation, so the weights must agree."""
    experts = benchmark("experts")
    cfg = replace(experts.settings(optimiser, 4, 4), augment=AugmentConfig("dsa", strategy="none"))
    data = experts.random_data(20)
    ours, plain = experts.ours(data, cfg, CPU), experts.plain(data, cfg, CPU)
    torch.testing.assert_close(ours, plain)
    assert not torch.equal(plain, experts.plain(data, replace(cfg, train=replace(cfg.train, epochs=0)), CPU))


TINY = ("window=[0, 1, 1]", "first.epochs=1", "experts.train.epochs=2", "experts.network.width=2")
TINY += ("experts.classifier_epochs=2", "experts.classifier_images=40")


def tiny(*changes):
    """DAM + ED on Digits-LT with a tiny expert."""
    pairs = dict(pair.split("=") for pair in (*TINY, *changes))
    pairs = {f"method.{key}": value for key, value in pairs.items()} | {"evaluate.preprocess.kind": "normalise"}
    return recipes.with_overrides(recipes.recipe("damed_digits"), pairs)


def train(recipe, folder):
    run, cfg = start(recipe, 0, RunContext(Store(folder), CPU)), recipe.method
    train_experts(cfg.experts, run, cfg.snapshots, cfg.classifier_snapshots, only=[0])


@pytest.mark.float32
@pytest.mark.parametrize("stored", ["fp32", "bf16"])
def test_the_counted_bytes_are_those_of_the_files(benchmark, tmp_path, stored):
    snapshots, recipe = benchmark("snapshots"), tiny(f"experts.stored={stored}")
    train(recipe, tmp_path)
    _, experts = snapshots.experts_of(recipe, tmp_path, 0)
    for stage, size in snapshots.stored_bytes(experts.layout, recipe.method, stored).items():
        (file,) = (tmp_path / stage).glob("*/result.safetensors")
        assert sum(tensor.nbytes for tensor in load_bundle(file).tensors.values()) == size
        assert size < file.stat().st_size < size + 1024


@pytest.mark.float32
def test_the_bytes_of_the_papers_cell(benchmark):
    """The released 14.3 GB of 100 experts, and the shares that are wanted of them."""
    counted = benchmark("snapshots").disk()
    released, fp32, bf16 = counted["per expert"]
    assert counted["parameters"] == 320_010
    assert released["MB"] == pytest.approx(143.4, abs=0.05)
    assert fp32["released / this"] > 4.8
    assert bf16["released / this"] > 9.6


@pytest.mark.float32
def test_a_store_without_the_experts_is_refused_and_left_alone(benchmark, tmp_path):
    with pytest.raises(FileNotFoundError, match="has no such stage 'preprocess'; run its recipe there first"):
        benchmark("snapshots").experts_of(tiny(), tmp_path, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.float32
def test_experts_prints_its_three_tables(benchmark, monkeypatch, capsys):
    """The parts in this process; the bfloat16 snapshots are those of a Digits-LT expert trained here."""
    experts = benchmark("experts")
    monkeypatch.setattr(experts, "child", lambda part: 200.0 if part == "ours-sgd" else 100.0)
    settings = [word for pair in TINY for word in ("--set", f"method.{pair}")]
    monkeypatch.setattr(sys, "argv", ["experts.py", "--json", "--threads", str(torch.get_num_threads()), *settings])
    assert experts.main() == 0
    found = json.loads(capsys.readouterr().out)
    rates = {(row["loop"], row["optimiser"]): row["ratio"] for row in found["training"]}
    assert rates == {part: 1.0 for part in experts.PARTS} | {("ours", "sgd"): 2.0}
    assert [row["phase"] for row in found["bfloat16"]["pairs"]] == ["first", "second"]
    for row in found["bfloat16"]["pairs"]:
        assert 0 < row["moved"] < 1
        assert 0 < row["gradient error"] < 1


@pytest.mark.float32
def test_an_expert_part_prints_its_rate(benchmark):
    assert benchmark("experts").measure("ours", "sgd", 20, 2, 0.01, CPU) > 0


@pytest.mark.float32
@pytest.mark.parametrize("loop", ["ours", "plain"])
def test_a_debiased_part_prints_its_rate(benchmark, loop):
    assert benchmark("experts").measure(loop, "debiased", 20, 2, 0.01, CPU) > 0


@pytest.mark.float32
@pytest.mark.parametrize("what", ["recovery", "statistics"])
def test_plain_and_our_recovery_compute_the_same(benchmark, what):
    assert benchmark("recovery").difference(what, 4) < 1e-3


@pytest.mark.float32
def test_recovery_prints_both_tables_and_saves_the_memory(benchmark, monkeypatch, capsys, tmp_path):
    recovery = benchmark("recovery")
    monkeypatch.setattr(recovery, "child", lambda *arguments: 2.0 if "ours" in arguments[-1] else 1.0)
    monkeypatch.setattr(recovery, "difference", lambda what, width: 0.0)
    saved = tmp_path / "recovery.csv"
    call = ["recovery.py", "--json", "--threads", str(torch.get_num_threads()), "--save", str(saved)]
    monkeypatch.setattr(sys, "argv", call)
    assert recovery.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert pd.read_csv(saved)[["ipc", "peak GiB"]].to_dict("records") == found["memory"]
    assert [row["ratio"] for row in found["speed"]] == [2.0, 2.0]
    assert [row["ipc"] for row in found["memory"]] == [1, 10, 50]


@pytest.mark.float32
def test_a_recovery_part_prints_its_rate(printed):
    assert float(printed("recovery", "--part", "recovery-ours", "--width", "4", "--seconds", "0.1")) > 0


@pytest.mark.float32
def test_what_a_gpu_could_gain_is_checked_and_measured_to_the_end_on_a_cpu(benchmark, monkeypatch, capsys, tmp_path):
    saved = tmp_path / "gpu.csv"
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--tiny", "--save", str(saved)])
    benchmark("gpu").main()
    checks = [line for line in capsys.readouterr().out.splitlines() if line.startswith("check: ")]
    assert len(checks) == 4 and all(float(line.split()[-1]) < 1e-10 for line in checks)
    rows = pd.read_csv(saved)
    assert rows["what"].tolist() == ["students", "experts", "tesla", "exact", "exact"]
    assert (rows["plain / fast"] > 0).all()
    assert rows["difference"].max() == rows[rows.form == "compiled bf16"]["difference"].item()


@pytest.mark.parametrize("equal", [True, False])
def test_jobs_alternates_its_ways_and_refuses_other_scores(benchmark, equal, monkeypatch, capsys, tmp_path):
    jobs, called = benchmark("jobs"), []

    def command(text, words, folder, options):
        called.append(" ".join(words))
        (folder / "work" / "preprocess").mkdir(parents=True, exist_ok=True)
        (folder / "results").mkdir()
        beside = "--jobs 2" in called[-1]
        content = {"metrics": 1 if equal or not beside else 2, "provenance": {"distilled_sha256": []}}
        (folder / "results" / "a.json").write_text(json.dumps(content))
        return 6.0 if beside else 10.0

    monkeypatch.setattr(jobs, "_command", command)
    saved = tmp_path / "jobs.csv"
    if not equal:
        with pytest.raises(SystemExit, match="the scores differ"):
            jobs.main(["digits-students"])
        return
    assert jobs.main(["digits-students", "--rounds", "3", "--json", "--csv", str(saved)]) == 0
    ways = ["--jobs 1 --threads 2", "--jobs 1 --threads 1", "--jobs 2 --threads 1"]
    assert called == ["", *ways, *ways[1:], ways[0], ways[2], *ways[:2]]
    assert [row["ratio"] for row in json.loads(capsys.readouterr().out)] == [1.0, 1.0, 0.6]
    assert pd.read_csv(saved)["n"].tolist() == [3, 3, 3]


@pytest.mark.float32
def test_the_methods_of_condensation_are_measured_on_the_loops_of_their_recipes(benchmark, monkeypatch):
    """More iterations take longer, LADM's images are IDM's loop, and DM's ratio to itself is one."""
    module = benchmark("condensation")
    monkeypatch.setattr(module.Bench, "seconds", lambda self, iterations: 0.5 * iterations)
    for method in module.LOOPS:
        bench = module.Bench(method, "cpu", 100)
        known = recipes.recipe(f"{method}_cifar10", imbalance_factor=100, ipc=10, scale="cpu").method
        assert bench.cfg == getattr(known, "images", known)
        assert [len(rows) for rows in bench.real.rows][::9] == [100, 1] and len(bench.start) == 100
        assert module.measured(method, "cpu", 100)["seconds"] == 0.5
    assert module.LOOPS["ladm"] is module.LOOPS["idm"]
