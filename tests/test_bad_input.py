"""Bad input: one line on standard error with the value and the remedy, exit status 2, nothing half-written."""

import errno
import json
import os
import tarfile
from dataclasses import replace

import pytest
import torch
from toy_records import record
from toy_sets import synthetic

from ltdd_utils.cli import main
from ltdd_utils.core.store import Bundle, load_bundle, save_bundle
from ltdd_utils.data.sources import downloads
from ltdd_utils.data.sources.digits import source_dataset
from ltdd_utils.distilled import save_set, to_bundle
from ltdd_utils.records import save_record

pytestmark = pytest.mark.float32

QUICK = ["--set", "evaluate.train.epochs=1", "--set", "evaluate.network.width=8", "--students", "1"]


@pytest.fixture(autouse=True)
def _apart(tmp_path, monkeypatch):
    for name in ("WORK", "RESULTS", "DATA"):
        monkeypatch.setenv(f"LTDD_{name}", str(tmp_path / name.lower()))


@pytest.fixture
def refused(capsys):
    """Run a command that must fail; its one line."""

    def call(*arguments, status=2):
        capsys.readouterr()  # what came before
        try:
            found = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            found = stop.code
        out, err = capsys.readouterr()
        assert (found, out) == (status, ""), (found, out, err)
        err = "".join(line for line in err.splitlines(keepends=True) if not line.startswith("stage "))  # begun before
        assert err.startswith("ltdd: error: ") and err.count("\n") == 1
        return err

    return call


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


EXPERT = "method.expert.train.epochs=1"
RUNS = {
    "unknown recipe": (
        ["rondom_digits"],
        "unknown recipe 'rondom_digits' (did you mean random_digits?)",
    ),
    "unknown scale": (["random_digits", "--scale", "huge"], "unknown scale 'huge'; choose tiny"),
    "scale it does not have": (["random_digits", "--scale", "paper"], "random_digits has no scale 'paper'"),
    "unknown protocol": (
        ["random_digits", "--protocol", "dsa"],
        "unknown protocol 'dsa' (did you mean dsa-stored?); choose",
    ),
    "unknown network": (["random_digits", "--network", "vit"], "unknown network 'vit'; choose one of convnet"),
    "unknown key": (
        ["random_digits", "--set", "train.epochs=1"],
        "'train.epochs' (did you mean evaluate.train.epochs",
    ),
    "key without a value": (["random_digits", "--set", "epochs"], "--set 'epochs' has no value; write KEY=VALUE"),
    "wrong type": (["random_digits", "--set", "evaluate.train.epochs=x"], "evaluate.train.epochs is 'x'; it must be a"),
    "unknown device": (
        ["random_digits", "--device", "tpu9"],
        "unknown device 'tpu9'; choose auto, cpu, cuda or cuda:N",
    ),
    "device that is not here": (["random_digits", "--device", "cuda:99"], "try --device auto or cpu"),
    "IF below 1": (["random_digits", "--imbalance-factor", "0.5"], "imbalance_factor is 0.5; it must be a finite"),
    "IF that is no number": (["random_digits", "--imbalance-factor", "nan"], "imbalance_factor is nan"),
    "IF that is a word": (["random_digits", "--imbalance-factor", "big"], "invalid float value: 'big'"),
    "IF that empties the tail": (["random_digits", "--imbalance-factor", "500"], "imbalance_factor 500 leaves the"),
    "IPC below 1": (["random_digits", "--ipc", "0"], "ipc is 0; a distilled set needs at least 1 image per class"),
    "IPC above the policy": (
        ["random_digits", "--set", "method.policy=inherent"],
        "ipc is 10, but class 9 (9), the smallest, has 6 images; use the policy 'duplicate' or 'noise', or ipc up to 6",
    ),
    "IPC above the whole set": (
        ["kcenter_digits", "--ipc", "100", "--set", "method.method=kcenter-unbalanced", "--set", EXPERT],
        "ipc is 100, but the whole set has 405 images; use ipc up to 40",
    ),
    "no student": (["random_digits", "--students", "0"], "students is 0; at least 1 is needed"),
    "negative seed": (["random_digits", "--seed", "-1"], "seed is -1; it must be 0 or more"),
    "negative time": (["random_digits", "--stop-after", "-1"], "--stop-after is -1.0; give minutes, 0 or more"),
    "unknown data": (["random_digits", "--set", "data.name=mnist"], "data set 'mnist' is unknown: use digits"),
    "absent data": (["random_cifar10"], "no cifar10 in"),
    "preprocessing without a file": (["random_digits", "--with-preprocessing"], "give --save-set FILE too"),
    "n_max above the data": (
        ["random_digits", "--set", "data.n_max=1000"],
        "images, but 1000 were requested: change n_max",
    ),
    "network that does not fit": (["random_digits", "--set", "evaluate.network.depth=9"], "set depth to at most 4"),
    "unknown teacher": (
        ["random_digits", "--protocol", "online-teacher", "--teacher", "biased"],
        "unknown teacher 'biased' (did you mean debiased?); choose one of plain, debiased",
    ),
    "teacher where none labels": (
        ["random_digits", "--teacher", "plain"],
        "teacher is 'plain', but dsa-stored uses no teacher; use the protocol online-teacher",
    ),
    "no image of a class": (["unilevel_digits", "--ipc", "0"], "ipc is 0; a distilled set needs at least 1 image per"),
    "whitened images": (
        ["sre2l_digits", "--set", "method.preprocess.kind=zca"],
        "leaves them no range; use 'normalise'",
    ),
    "noise that a teacher scores": (
        ["unilevel_digits", "--set", "method.initial.images=noise"],
        "teacher is set; initial images 'noise' need no scoring teacher: leave it out",
    ),
    "blocks of no convolution": (
        ["unilevel_digits", "--set", "method.statistics.patch=4"],
        "patch is 4, but blocks are those of convolution inputs: set layers='bn+conv'",
    ),
    "share of an area above 1": (
        ["unilevel_digits", "--set", "method.recover.crop_scale=[0.5, 2]"],
        "crop_scale is [0.5, 2]; give (min, max) area fractions with 0 < min <= max <= 1",
    ),
    "crops that fall": (
        ["rded_digits", "--set", "method.initial.scale=[0.9, 0.1]"],
        "scale is [0.9, 0.1]; give (min, max)",
    ),
    "average that never moves": (["edc_digits", "--set", "method.recover.ema=1"], "ema is 1; it must be below 1"),
    "no step": (
        ["sre2l_adsa_digits", "--set", "evaluate.adsa.step=0"],
        "step is 0; the search for tau needs one above 0",
    ),
    "kind of an expert alone": (
        ["unilevel_digits", "--set", "method.observer.kind=plain"],
        "kind is 'plain', but debias is set; leave debias out",
    ),
    "unknown option": (["random_digits", "--epochs", "3"], "unknown option --epochs; see `ltdd run --help`"),
    "nothing": ([], "the following arguments are required: RECIPE; see `ltdd run --help`"),
}


@pytest.mark.parametrize("case", RUNS)
def test_run(case, refused, tmp_path):
    arguments, message = RUNS[case]
    quick = [] if "--students" in arguments else QUICK
    assert message in refused("run", *quick, *arguments)
    assert not [name for name in files(tmp_path) if name.startswith("results") or name.endswith(".part")]


DEPTH = "images of at least 512x512 pixels, got 16x16; set depth to at most 4, not 9"
ADSA = "evaluate.adsa is {'largest': 3.0, 'step': 0.1}: ADSA calibrates soft labels, and the sets of"
EARLY = {  # of the students and of what comes late: refused before anything is trained or stored
    "student that does not fit": ("rded_digits", ["evaluate.network.depth=9"], DEPTH),
    "teacher that does not fit": ("rded_digits", ["evaluate.teacher.network.depth=9"], DEPTH),
    "observer that does not fit": ("unilevel_digits", ["method.observer.network.depth=9"], DEPTH),
    "unknown operation": (
        "herding_digits",
        ["evaluate.augment.strategy=crop_colour"],
        "augmentation 'colour' in 'crop_colour' is unknown; join any of color, crop, cutout, flip, scale, rotate by",
    ),
    "views of a teacher": (
        "rded_digits",
        ["evaluate.teacher.augment.kind=mixed-views"],
        "augment.kind is 'mixed-views', which only students of the online protocols see",
    ),
    "hard labels": (
        "mtt_digits",
        ["evaluate.adsa.step=0.1"],
        f"{ADSA} mtt_digits store none; leave evaluate.adsa out, or use a protocol with a teacher",
    ),
    "real images": ("herding_digits", ["evaluate.adsa.step=0.1"], f"{ADSA} herding_digits store none"),
    "odd width": (
        "herding_digits",
        ["evaluate.network.name=alexnet", "evaluate.network.norm=none", "evaluate.network.width=33"],
        "width of alexnet is 33; its layers are 1, 1.5 and 2 times that, so give an even number",
    ),
    "norm of alexnet": ("herding_digits", ["evaluate.network.name=alexnet"], "set norm to 'none'"),
}


@pytest.mark.parametrize("case", EARLY)
def test_what_comes_last_is_looked_at_first(case, refused, tmp_path):
    recipe, settings, message = EARLY[case]
    line = refused("run", recipe, *QUICK, *(part for text in settings for part in ("--set", text)))
    assert message in line
    assert not [name for name in files(tmp_path) if not name.startswith("work/preprocess")]


def test_soft_labels_of_a_teacher_and_of_experts_can_be_calibrated(tmp_path):
    """The positive control: hard labels alone have nothing to calibrate."""
    assert main(["run", *matched(), "--set", "evaluate.adsa.step=0.1", "--ipc", "1", "--quiet"]) == 0
    quick = ["--set", "evaluate.teacher.train.epochs=1", "--set", "evaluate.adsa.step=0.1", "--ipc", "1", "--quiet"]
    assert main(["run", "random_digits", "--protocol", "online-stored", *QUICK, *quick]) == 0


EXPERTS = {
    "recipe without experts": (["random_digits"], "random_digits matches no experts; mtt, datm, dam_only, ed_only and"),
    "coreset with another expert": (["kcenter_digits"], "kcenter_digits matches no experts"),
    "epoch that is never trained": (
        ["damed_digits", "--keep", "0,900"],
        "--keep '0,900': '900' is not a number or range",
    ),
    "range that falls": (["damed_digits", "--keep", "3-1"], "'3-1' is not a number or range from 0 to"),
    "no number": (["damed_digits", "--keep-classifier", "last"], "'last' is not a number or range from 0 to"),
    "nothing": (["damed_digits", "--keep", ""], "'' is not a number or range from 0 to"),
    "expert that there is not": (["damed_digits", "--only", "0,99"], "--only '0,99': '99' is not a number or range"),
    "negative expert": (["damed_digits", "--only=-1"], "'-1' is not a number or range from 0 to"),
    "negative seed": (["damed_digits", "--seed", "-1"], "seed is -1; it must be 0 or more"),
    "window beyond the epochs": (
        ["damed_digits", "--set", "method.window=[0,10,900]"],
        "the window [0, 10, 900] asks for epoch 901, but experts train",
    ),
    "network that keeps statistics": (
        ["damed_digits", "--set", "method.experts.network.norm=batch"],
        "the network keeps statistics (",
    ),
    "network that does not fit": (
        ["damed_digits", "--set", "method.experts.network.depth=9"],
        "set depth to at most 4",
    ),
}


@pytest.mark.parametrize("case", EXPERTS)
def test_experts(case, refused, tmp_path):
    arguments, message = EXPERTS[case]
    assert message in refused("experts", *arguments, "--device", "cpu")
    work = [name for name in files(tmp_path) if not name.startswith("work/preprocess")]
    assert not [name for name in work if name.endswith((".safetensors", ".part"))]  # refused before any training


def matched(*settings):
    """Options of a run of DATM without iterations: one expert of two epochs."""
    common = ["first.epochs=1", "iterations=0", "experts.count=1", "experts.network.width=4"]
    chosen = [*settings, "window=[0,1,1]", *common, "experts.train.epochs=2"]
    return ["datm_digits", *QUICK, *(part for text in chosen for part in ("--set", f"method.{text}"))]


def test_snapshots_that_are_absent_or_damaged(refused, tmp_path):
    assert main(["experts", *matched()[:1], *matched()[7:], "--keep", "0", "--quiet"]) == 0
    line = refused("run", *matched())
    assert "representation expert 0 holds the epochs [0], and epoch 1 is asked for: `ltdd experts RECIPE" in line
    (expert,) = (tmp_path / "work" / "representation").rglob("result.safetensors")
    expert.write_bytes(expert.read_bytes()[:-50])
    line = refused("run", *matched())
    assert str(expert) in line and "is damaged or cut short" in line and "delete it and make it again" in line
    expert.unlink()
    assert main(["run", *matched(), "--ipc", "1", "--quiet"]) == 0  # and then it goes on


def test_more_images_than_a_class_has_under_inherent(refused):
    own = matched("initial.policy=inherent", "initial.images=real")
    line = refused("run", *own, "--ipc", "9")
    assert "class '9' has 6 images to start from, fewer than ipc=9, and 'inherent' adds none: use the policy" in line
    assert "or ipc up to 6" in line


def aligned(recipe, *settings):
    """Options of a run of paper 2's family with one epoch of everything and one iteration."""
    chosen = ["recover.iterations=1", "observer.train.epochs=1", "observer.network.width=4", *settings]
    few = ["--set", "data.n_max=20", "--set", "data.imbalance_factor=5", "--set", "evaluate.teacher.train.epochs=1"]
    return [recipe, *QUICK, "--ipc", "1", *few, *(part for text in chosen for part in ("--set", f"method.{text}"))]


def test_an_observer_without_batch_norm(refused):
    line = refused("run", *aligned("sre2l_digits", "observer.network.norm=instance"))
    assert "norm 'instance', which has no BatchNorm layer, so there are no statistics to align; set observer" in line


def test_recovery_that_diverges(refused, tmp_path):
    """The request was in order, and the work failed: another exit code."""
    line = refused("run", *aligned("sre2l_digits", "recover.alignment=1e300", "recover.iterations=2"), status=1)
    assert "the loss is nan at iteration 2 of batch 1; try a smaller recover.lr" in line
    assert not [name for name in files(tmp_path) if name.startswith(("results", "work/recovery")) and "key" not in name]


def test_labels_that_cannot_be_calibrated(refused, tmp_path):
    path = tmp_path / "set.safetensors"
    main(["run", "random_digits", *QUICK, "--ipc", "1", "--save-set", str(path), "--quiet"])
    line = refused("evaluate", path, "--set", "adsa.step=0.1")
    assert "ADSA calibrates soft labels, and this set stores none; leave evaluate.adsa out" in line


def test_an_unknown_command(refused):
    assert "invalid choice: 'rum'" in refused("rum") and "list" in refused("rum")
    assert "COMMAND" in refused()


def test_a_class_without_images(refused, monkeypatch):
    whole = source_dataset()
    keep = whole.labels != 4

    without_class_four = replace(whole, labels=whole.labels[keep])
    monkeypatch.setattr("ltdd_utils.data.sources.digits.source_dataset", lambda root: without_class_four)
    assert "class '4' of digits has no train image: add some, or remove the class" in refused("run", "random_digits")


@pytest.fixture
def own_folder(tmp_path):
    """Images of the user's own, two classes of which one has no file."""
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "data" / "pets" / split / name).mkdir(parents=True)
    return tmp_path / "data" / "pets"


def test_a_class_of_the_users_own_data_without_images(refused, own_folder):
    own = ["--set", "data.name=folder:pets", "--set", "data.profile=natural"]
    message = refused("run", "random_digits", *own)
    assert "cat holds no image: add some, or remove the class from both splits" in message


def test_files_of_wrong_content_are_not_data(refused, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in [*(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"]:
        (folder / name).write_bytes(b"not a batch")
    assert "has MD5" in (line := refused("data", "verify", "cifar10")) and "run `ltdd data fetch cifar10`" in line
    assert "incomplete or altered" in refused("run", "random_cifar10", *QUICK)
    seen = []
    monkeypatch.setattr(downloads, "md5_of", lambda path: seen.append(path.name) or "wrong")
    assert "has MD5 wrong" in refused("data", "verify")  # all that are here, each file looked at once
    assert len(seen) == 1 and main(["data", "status"]) == 0  # which only tells


def test_a_truncated_archive_is_not_unpacked(refused, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "x").write_bytes(os.urandom(5000))
    with tarfile.open(data / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(data / "x", "cifar-10-batches-py/data_batch_1")
    archive = data / "cifar-10-python.tar.gz"
    archive.write_bytes(archive.read_bytes()[:2000])
    line = refused("data", "fetch", "cifar10")
    assert "cifar-10-python.tar.gz has MD5" in line and "delete it and run `ltdd data fetch cifar10`" in line
    assert files(data) == ["cifar-10-python.tar.gz", "x"] and not (data / "cifar-10-batches-py").exists()


def test_data_that_cannot_be_fetched(refused):
    assert "get it at image-net.org" in refused("data", "fetch", "imagenet")
    assert "data set 'mnist'" in refused("data", "fetch", "mnist")
    assert "data set 'mnist' is unknown" in refused("data", "verify", "mnist")
    assert "data set 'foo' is unknown: use digits" in refused("data", "status", "foo")
    assert "fetch what?" in refused("data", "fetch")
    assert "invalid choice: 'get'" in refused("data", "get")


IMAGES = torch.zeros(20, 1, 16, 16)
SETS = {
    "nan": ({"images": IMAGES + float("nan")}, "5120 values of the set's images are not finite; make the set again"),
    "wrong shape": ({"images": torch.zeros(20, 256)}, "images have shape [20, 256]; expected [20, channels"),
    "labels out of range": (
        {"labels": torch.arange(20)},
        "labels run from 0 to 19; expected 0 to 9: give each image the number",
    ),
    "negative labels": ({"labels": torch.arange(20) // 2 - 1}, "labels run from -1 to 8; expected 0 to 9"),
    "targets": ({"targets": torch.zeros(20, 3)}, "targets have shape [20, 3]; expected [20, 10]"),
}


@pytest.mark.parametrize("case", SETS)
def test_evaluate_a_set_with_bad_contents(case, refused, tmp_path):
    changes, message = SETS[case]
    bundle = to_bundle(synthetic())
    save_bundle(tmp_path / "set.safetensors", Bundle({**bundle.tensors, **changes}, bundle.meta))
    line = refused("evaluate", tmp_path / "set.safetensors")
    assert message in line and "set.safetensors: " in line
    assert files(tmp_path) == ["set.safetensors"]


def test_evaluate_a_file_that_is_no_set(refused, tmp_path):
    path, bundle = tmp_path / "set.safetensors", to_bundle(synthetic())
    assert "no file" in refused("evaluate", path)
    assert "no file" in refused("evaluate", tmp_path)
    assert r"two\nlines" in refused("evaluate", "two\nlines")
    save_bundle(path, Bundle(bundle.tensors, {**bundle.meta, "schema": 99}))
    assert "not a distilled set of schema 1 (found 99); use the version that wrote it" in refused("evaluate", path)
    save_bundle(path, Bundle({}, {"epoch": 3}))
    assert "not a distilled set of schema 1 (found None)" in refused("evaluate", path)
    save_set(path, synthetic())
    whole = path.read_bytes()
    for share in (0, 0.01, 0.5, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        line = refused("evaluate", path)
        assert (
            "is not a distilled set, or is damaged or cut short" in line and "copy it again, or make it again" in line
        )
    path.write_bytes(whole)
    assert "does not say what it was made for: fill in info['recipe']" in refused("evaluate", path)


def test_evaluate_with_bad_options(refused, tmp_path):
    path = tmp_path / "set.safetensors"
    main(["run", "random_digits", *QUICK, "--ipc", "1", "--save-set", str(path), "--quiet"])
    assert "unknown network 'vit'" in refused("evaluate", path, "--network", "vit")
    assert "unknown protocol 'dsa'" in refused("evaluate", path, "--protocol", "dsa")
    assert "drop the leading 'evaluate.'" in refused("evaluate", path, "--set", "evaluate.train.epochs=1")
    assert "unknown key 'train.epoch'" in refused("evaluate", path, "--set", "train.epoch=1")
    assert "students is 0" in refused("evaluate", path, "--students", "0")
    assert "seed is -3" in refused("evaluate", path, "--seed", "-3")
    online = ["--protocol", "online-teacher"]
    assert DEPTH in refused("evaluate", path, *online, "--set", "network.depth=9")
    assert DEPTH in refused("evaluate", path, *online, "--set", "teacher.network.depth=9")
    assert not (tmp_path / "work" / "expert").exists()  # no teacher was trained before the student was looked at


@pytest.mark.parametrize("command", ["table", "missing"])
def test_records_that_cannot_be_read(command, refused, tmp_path):
    path = save_record(tmp_path / "results", record())
    whole = json.loads(path.read_text())
    path.write_text(json.dumps({**whole, "schema": 2}))
    assert "its schema is 2, not 1; use the version of ltdd_utils that wrote it" in refused(command)
    path.write_text(path.read_text()[:100])
    assert "is not a whole record" in refused(command)
    assert "invalid choice: 'mnist'" in refused(command, "--dataset", "mnist")


@pytest.mark.parametrize("part", ["results", "work"])
def test_no_space_leaves_nothing_half_written(part, refused, tmp_path, monkeypatch):
    real = os.replace

    def full(source, target):
        if f"/{part}/" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("ltdd_utils.core.files.os.replace", full)
        line = refused("run", "random_digits", *QUICK)
    assert "cannot write" in line and "No space left on device; free some space or name another folder" in line
    assert not [name for name in files(tmp_path) if name.endswith(".part") or name.startswith(part)]
    assert main(["run", "random_digits", *QUICK, "--quiet"]) == 0  # and then it goes on
    assert len(list((tmp_path / "results").rglob("*.json"))) == 1


@pytest.mark.parametrize("option", ["--results", "--work", "--save-set"])
def test_a_folder_below_a_file_is_refused_before_the_work(option, refused, tmp_path):
    (tmp_path / "file").write_text("")
    line = refused("run", "random_digits", *QUICK, option, tmp_path / "file" / "sub" / "x")
    assert "cannot write to" in line and "file: it is a file; name another folder" in line
    assert files(tmp_path) == ["file"]


def test_a_folder_is_no_file_for_a_set(refused, tmp_path):
    line = refused("run", "random_digits", *QUICK, "--save-set", tmp_path)
    assert f"--save-set {tmp_path} is a folder; name a file" in line and not files(tmp_path)


def test_a_set_that_does_not_fit_the_data_is_named(refused, tmp_path):
    path = tmp_path / "set.safetensors"
    main(["run", "random_digits", *QUICK, "--ipc", "1", "--save-set", str(path), "--quiet"])
    bundle = load_bundle(path)
    foreign = {**bundle.tensors, "indices": bundle.tensors["indices"] + 100_000}
    save_bundle(path, Bundle(foreign, bundle.meta))
    assert "set.safetensors: training image 10" in (line := refused("evaluate", path)) and "not in this long" in line
    for key, value in {"recipe": "foo_bar", "scale": 3, "data": {"name": 3}, "data_sha256": "0"}.items():
        save_bundle(path, Bundle(bundle.tensors, {**bundle.meta, "info": {**bundle.meta["info"], key: value}}))
        assert "set.safetensors: " in refused("evaluate", path)


def test_a_damaged_stage_is_named_and_not_used(refused, tmp_path):
    main(["run", "random_digits", *QUICK, "--quiet"])
    (student,) = (tmp_path / "work" / "student").rglob("result.safetensors")
    student.write_bytes(student.read_bytes()[:50])
    line = refused("run", "random_digits", *QUICK)
    assert str(student) in line and "is damaged or cut short" in line and "delete it and make it again" in line
