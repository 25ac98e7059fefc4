"""A stranger's methods: the files of the page "Your own method", by --plugin and as an installed package."""

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from toy_tables import tables_kept

from ltdd_utils import recipes
from ltdd_utils.cli import main
from ltdd_utils.core.settings import to_dict
from ltdd_utils.distilled import load_set, save_set
from ltdd_utils.evaluation import PROTOCOLS, register_protocol
from ltdd_utils.methods import CORESETS, METHODS, CoresetConfig, Family, Method, register, register_rule
from ltdd_utils.recipes import Recipe, load_plugin
from ltdd_utils.recipes.origins import plugins_of

pytestmark = pytest.mark.float32  # as users run it

PAGE = Path(__file__).resolve().parent.parent / "book" / "own_method.md"
QUICK = ["--students", "1", "--ipc", "2", "--quiet", "--set", "evaluate.train.epochs=1"]
FEW = {
    "margin": ["--set", "method.expert.train.epochs=1"],
    "mean_features": ["--set", "method.iterations=4"],
    "dm_from_noise": ["--set", "method.iterations=2", "--set", "method.network.width=4"],
}


def files() -> dict[str, str]:
    """The Python files that the page shows, by name."""
    return dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S))


@pytest.fixture
def forgotten():
    """Whatever is registered or loaded meanwhile is forgotten afterwards."""
    modules = set(sys.modules)
    with tables_kept():
        yield
    for name in set(sys.modules) - modules:
        if name.startswith("ltdd_plugin_"):
            del sys.modules[name]


@pytest.fixture
def page(tmp_path, monkeypatch, forgotten):
    """The page's files in a folder, and tables that forget them afterwards."""
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name: str, folder: Path, *more: str) -> dict:
    """The record of a run of a method of the page."""
    options = [*QUICK, *FEW[name], "--results", str(folder / "mine"), "--work", str(folder / "work"), *more]
    assert main(["run", f"{name}_digits", "--plugin", f"{name}.py", *options]) == 0
    (path,) = (folder / "mine" / f"{name}_digits").glob("*.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize("name", FEW)
def test_a_method_of_the_page_has_a_record_that_reads_back_and_says_where_it_is_from(page, name, capsys):
    record = run(name, page)
    assert Recipe.from_dict(record["config"]).config_id == record["config_id"]
    assert record["provenance"]["plugins"][0]["module"] == f"ltdd_plugin_{name}"
    stages = [stage.name for stage in recipes.stages(Recipe.from_dict(record["config"]))]
    assert list(record["cost"]["seconds"]) == stages
    assert main(["records", "--plugin", f"{name}.py", "--results", "mine"]) == 0
    assert f"{name}_digits" in capsys.readouterr().out
    assert main(["list", "--names", "--plugin", f"{name}.py"]) == 0
    assert f"{name}_cifar100" in capsys.readouterr().out


def test_the_page_says_how_long_its_files_are():
    told = re.findall(r"\| `(\w+\.py)` \| (\d+) \|", PAGE.read_text(encoding="utf-8"))
    assert told == [
        (name, str(sum(bool(line.strip()) for line in text.splitlines()))) for name, text in files().items()
    ]


def test_a_variant_differs_in_what_it_says_alone(page):
    settings = run("dm_from_noise", page)["config"]["method"]
    few = {"method.iterations": 2, "method.network.width": 4, "method.initial": "noise"}
    assert settings == to_dict(recipes.with_overrides(recipes.recipe("dm_digits", ipc=2), few).method)
    variant, base = METHODS["dm_from_noise"], METHODS["dm"]
    assert (variant.family, variant.protocol, variant.teacher) == (base.family, base.protocol, base.teacher)


def test_the_network_and_the_data_set_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("stripes", "mlp")
    plugins = []
    for name in names:
        Path(f"page_{name}.py").write_text(files()[f"{name}.py"], encoding="utf-8")
        plugins += ["--plugin", f"page_{name}.py"]
    with tables_kept():
        command = ["run", "random_stripes", "--network", "mlp", *plugins, *QUICK, "--results", "mine", "--work", "work"]
        assert main(command) == 0
    for name in names:
        sys.modules.pop(f"ltdd_plugin_page_{name}")
    (path,) = Path("mine/random_stripes").glob("*.json")
    content = json.loads(path.read_text())
    config, origins = content["config"], content["provenance"]["plugins"]
    assert (config["data"]["name"], config["evaluate"]["network"]["name"]) == ("stripes", "mlp")
    assert [one["module"] for one in origins] == ["ltdd_plugin_page_mlp", "ltdd_plugin_page_stripes"]
    assert all(len(one["sha256"]) == 64 for one in origins)


PROTOCOL = """
from ltdd_utils.evaluation import PROTOCOLS, Protocol, protocol, register_protocol, stored_labels
from dataclasses import replace

def settings(name, dataset, scale, teacher_kind):
    return replace(protocol("dsa-stored", dataset, scale), protocol=name)

register_protocol("mine-stored", Protocol(settings, stored_labels))
"""


def test_a_protocol_of_a_file_scores_like_the_one_that_it_is_made_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("page_protocol.py").write_text(PROTOCOL, encoding="utf-8")
    run = ["run", "random_digits", *QUICK, "--results", "mine", "--work", "work"]
    with tables_kept():
        assert main([*run, "--protocol", "mine-stored", "--plugin", "page_protocol.py"]) == 0
    sys.modules.pop("ltdd_plugin_page_protocol")
    assert main(run) == 0
    one, two = (json.loads(path.read_text()) for path in Path("mine/random_digits").glob("*.json"))
    assert {one["protocol"], two["protocol"]} == {"mine-stored", "dsa-stored"} and one["metrics"] == two["metrics"]


def test_the_table_of_the_page_has_columns_and_a_row_that_its_first_commands_print(page, capsys):
    run("margin", page)
    assert main(["run", "random_digits", *QUICK, "--results", "mine", "--work", "work"]) == 0
    capsys.readouterr()
    compare = ["compare", "random_digits", "margin_digits", "--ipc", "2", "--plugin", "margin.py"]
    assert main([*compare, "--results", "mine"]) == 0
    printed = capsys.readouterr().out
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("| run |"))
    columns = re.findall(r"[\w ]+\w", lines[at])
    assert set(map(str.strip, columns)) <= set(
        next(row for row in printed.splitlines() if row.startswith("run")).split()
    )
    assert re.search(rf"^{lines[at + 2].split()[1]} ", printed, flags=re.M)


def students_of(*words: str) -> list:
    """What the students of one ``ltdd evaluate`` or ``run`` scored, class by class."""
    before = set(Path("mine").rglob("*.json"))
    assert main([*words, "--quiet", "--results", "mine", "--work", "work"]) == 0
    (path,) = set(Path("mine").rglob("*.json")) - before
    return json.loads(path.read_text())["metrics"]["per_class"]


def test_the_protocol_of_the_page_leaves_out_soft_labels_and_nothing_else(page, root):
    """A set scores under it as the same set without soft labels does under the protocol that it is made of."""
    whole = root / "results" / "distilled" / "damed_digits_if20_ipc10.safetensors"
    soft, _ = load_set(whole)
    assert soft.targets is not None
    facts = {name: fact for name, fact in soft.info.items() if name != "targets"}
    save_set(Path("hard.safetensors"), replace(soft, targets=None, info=facts))
    few = ["--students", "1", "--set", "train.epochs=20", "--set", "network.width=8"]
    hard = ["--protocol", "hard-labels", "--plugin", "hard_labels.py"]
    left = students_of("evaluate", str(whole), *few, *hard)
    assert left == students_of("evaluate", "hard.safetensors", *few)
    assert left != students_of("evaluate", str(whole), *few)
    random = ["run", "random_digits", *QUICK]
    assert students_of(*random, *hard) == students_of(*random)


@pytest.mark.parametrize("protocol", ["online-teacher", "online-stored"])
def test_every_evaluator_takes_it(page, protocol):
    teacher = [f"evaluate.teacher.{key}" for key in ("train.epochs=1", "network.width=4")]
    record = run("margin", page, "--protocol", protocol, *(part for one in teacher for part in ("--set", one)))
    assert record["protocol"] == f"{protocol}/plain"


def test_a_method_with_iterations_goes_on_to_the_same_bits(page, monkeypatch):
    whole = run("mean_features", page)
    ticks = iter(range(100))
    from ltdd_utils.core.store import Checkpoint

    real = Checkpoint.tick

    def interrupted(checkpoint, state):
        checkpoint.every_s = 0
        real(checkpoint, state)
        if next(ticks) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "tick", interrupted)
    options = [*QUICK, *FEW["mean_features"], "--results", "again", "--work", "other"]
    assert main(["run", "mean_features_digits", "--plugin", "mean_features.py", *options]) == 130
    monkeypatch.setattr(Checkpoint, "tick", real)
    assert main(["run", "mean_features_digits", "--plugin", "mean_features.py", *options]) == 0
    (path,) = (page / "again" / "mean_features_digits").glob("*.json")
    assert json.loads(path.read_text())["provenance"]["distilled_sha256"] == whole["provenance"]["distilled_sha256"]


PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "strangers-methods"
version = "1.0"
[project.entry-points."ltdd.methods"]
margin = "strangers_methods.margin"
mean_features = "strangers_methods.mean_features"
dm_from_noise = "strangers_methods.dm_from_noise"
"""


def test_an_installed_package_needs_no_option(tmp_path, root):
    pytest.importorskip("hatchling")
    package = tmp_path / "project" / "strangers_methods"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    for name, text in files().items():
        (package / name).write_text(text, encoding="utf-8")
    (tmp_path / "project" / "pyproject.toml").write_text(PYPROJECT)
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(site), str(tmp_path / "project")], check=True, cwd=tmp_path)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(root)])}
    ltdd = [sys.executable, "-m", "ltdd_utils"]
    listed = subprocess.run(
        [*ltdd, "list", "--names"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "margin_digits" in listed.stdout and "mean_features_tiny" in listed.stdout
    commands = [["run", f"{name}_digits", *QUICK, *few, "--results", "mine"] for name, few in FEW.items()]
    each = f"from ltdd_utils.cli import main\nfor command in {commands!r}:\n    assert main(command) == 0"
    subprocess.run([sys.executable, "-c", each], env=environment, cwd=tmp_path, check=True, capture_output=True)
    for name in FEW:
        (path,) = (tmp_path / "mine" / f"{name}_digits").glob("*.json")
        assert json.loads(path.read_text())["provenance"]["plugins"][0]["module"] == f"strangers_methods.{name}"


BAD = {
    "a file that fails": ("1 / 0", "ZeroDivisionError: division by zero"),
    "a taken name": (
        "from ltdd_utils.methods import *\nfrom ltdd_utils.methods import METHODS, CORESETS, Method, register\n"
        "def mine(cell): ...\nregister(Method('random', mine, CORESETS))",
        "there is a method 'random' already",
    ),
    "a bad name": (
        "from ltdd_utils.methods import CORESETS, Method, register\ndef mine(cell): ...\n"
        "register(Method('My Method', mine, CORESETS))",
        "a method cannot be called 'My Method'",
    ),
    "a class, no family": (
        "from ltdd_utils.methods import Method, register\ndef mine(cell): ...\nregister(Method('mine', mine, int))",
        "register takes a Method with a Family",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_a_plugin_is_one_line(tmp_path, case, capsys):
    text, message = BAD[case]
    file = tmp_path / f"bad_{list(BAD).index(case)}.py"
    file.write_text(text)
    assert main(["list", "--plugin", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("ltdd: error: --plugin") and message in line


@pytest.mark.parametrize(
    "options",
    [
        ["margin_digits"],
        ["random_birds"],
        ["random_digits", "--network", "mlp"],
        ["random_digits", "--set", "evaluate.network.name=mlp"],
    ],
)
def test_a_name_without_its_plugin_says_what_it_needs(options, capsys):
    assert main(["run", *options]) == 2
    assert capsys.readouterr().err.rstrip().endswith("; a name from a file of your own needs --plugin FILE.py")


def test_a_plugin_that_is_no_file_is_refused(tmp_path, capsys):
    assert main(["list", "--plugin", str(tmp_path / "nowhere.py")]) == 2
    assert "no such file" in capsys.readouterr().err
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ValueError, match="must be a Python file"):
        load_plugin(tmp_path / "notes.txt")


def test_a_rule_keeps_its_name_to_itself():
    with pytest.raises(ValueError, match="there is a rule 'kcenter' already"):
        register_rule("kcenter", lambda seen, count, rng: [])


def test_a_record_of_a_method_that_is_not_here_says_so():
    config = to_dict(recipes.recipe("random_digits")) | {"name": "unheard_digits"}
    with pytest.raises(ValueError, match="unknown recipe 'unheard_digits'"):
        Recipe.from_dict(config)


def test_a_family_without_stages_is_an_error():
    class Empty(Family):
        name, settings = "empty", dict

    with pytest.raises(NotImplementedError, match="the family empty declares no stages"):
        Empty().stages(None, 1)
    with pytest.raises(TypeError, match="register takes a Method"):
        register("random")
    assert METHODS["random"].family is CORESETS
    assert Method("x", METHODS["random"].settings, CORESETS).summary.startswith("Random:")


NAMED = """
from ltdd_utils.methods import CORESETS, CoresetConfig, Method, register
def mine(cell):
    '''{0}.'''
    return CoresetConfig("random")
register(Method("{0}", mine, CORESETS))
"""


def test_two_files_of_one_name_are_two_plugins(tmp_path, forgotten):
    """Each keeps its module, and with it the SHA-256 in its records; a method of the first is not replaced unseen."""
    paths = [tmp_path / folder / "mine.py" for folder in ("a", "b")]
    for path, name in zip(paths, ("first", "second"), strict=True):
        path.parent.mkdir()
        path.write_text(NAMED.format(name))
        load_plugin(path)
    for path, name in zip(paths, ("first", "second"), strict=True):
        assert (
            plugins_of(recipes.recipe(f"{name}_digits"))["plugins"][0]["sha256"]
            == hashlib.sha256(path.read_bytes()).hexdigest()
        )
    before = METHODS["first"]
    load_plugin(paths[0])  # both are known by now
    load_plugin(paths[1])
    assert METHODS["first"] is before
    (tmp_path / "c").mkdir()
    again = tmp_path / "c" / "mine.py"
    again.write_text(NAMED.format("first") + "# of another file\n")
    with pytest.raises(ValueError, match="there is a method 'first' already"):
        load_plugin(again)


def test_a_record_names_the_plugin_whatever_part_of_the_method_is_from_it(tmp_path, forgotten):
    file = tmp_path / "parts.py"
    file.write_text(
        "import functools\n"
        "from ltdd_utils.methods import CORESETS, METHODS, CoresetConfig, Method, register\n"
        "def mine(cell, how):\n    return CoresetConfig(how)\n"
        "class Mine(type(CORESETS)):\n    '''Another way to select.'''\n"
        "register(Method('bound', functools.partial(mine, how='random'), CORESETS))\n"
        "register(Method('selected', METHODS['random'].settings, Mine()))\n"
    )
    load_plugin(file)
    for name in ("bound", "selected"):
        assert [one["module"] for one in plugins_of(recipes.recipe(f"{name}_digits"))["plugins"]] == [
            "ltdd_plugin_parts"
        ]
    assert plugins_of(recipes.recipe("random_digits")) == {}


ODD = """
from ltdd_utils.methods import CoresetConfig, Family, Method, Stage, register
class Odd(Family):
    name, settings = "odd", CoresetConfig
    def stages(self, cfg, ipc):
        return {stages}
def odd(cell):
    '''Odd: wrong somewhere.'''
    {settings}
register(Method("odd", odd, Odd()))
"""
FINE = 'return CoresetConfig("random")'
ODDITIES = {
    "no stages": ("[]", FINE, "the last stage of the family 'odd' gave a NoneType; let it return the set"),
    "nonsense": (
        '[Stage("pick", lambda job: 42)]',
        FINE,
        "the last stage of the family 'odd' gave a int; let it return the set",
    ),
    "no list": ("None", FINE, "declares None as its stages; give a list of Stage"),
    "two of one name": ('[Stage("a", len), Stage("a", len)]', FINE, "a stage 'a', which is taken"),
    "a run's own name": ('[Stage("students", len)]', FINE, "a stage 'students', which is taken"),
    "a need of nothing": (
        '[Stage("a", len, needs=("b",)), Stage("b", len)]',
        FINE,
        "'a' of the family 'odd' needs 'b'",
    ),
    "settings that fail": (
        "[]",
        "return {}[cell.dataset]",
        "the settings of odd fail in Cell(dataset='digits', scale=",
    ),
    "other settings": ("[]", "return None", "method is None; the settings of odd_digits are a CoresetConfig"),
}


@pytest.mark.parametrize("case", ODDITIES)
def test_what_is_wrong_with_a_plugins_method_is_one_line_when_it_is_run(case, tmp_path, forgotten, monkeypatch, capsys):
    stages, settings, message = ODDITIES[case]
    monkeypatch.chdir(tmp_path)
    Path("odd.py").write_text(ODD.format(stages=stages, settings=settings))
    assert main(["run", "odd_digits", "--plugin", "odd.py", *QUICK, "--results", "mine", "--work", "work"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    for command in (["list"], ["table", "--results", str(tmp_path)], ["missing", "--results", str(tmp_path)]):
        assert main([*command, "--plugin", "odd.py"]) == 0


def test_a_family_that_declares_no_stages_is_one_line_too(tmp_path, forgotten, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = ODD.replace("def stages(self, cfg, ipc)", "def others(self)")
    Path("odd.py").write_text(text.format(stages="[]", settings=FINE))
    assert main(["show", "odd_digits", "--plugin", "odd.py"]) == 2
    assert capsys.readouterr().err == "ltdd: error: the family odd declares no stages\n"


def test_settings_that_are_no_function_are_refused():
    with pytest.raises(TypeError, match="the settings of method 'mine' are None; give a function of a cell"):
        register(Method("mine", None, CORESETS))


def test_a_method_of_a_protocol_that_is_not_there_leaves_the_other_commands_alone(tmp_path, forgotten, capsys):
    register(Method("lost", METHODS["random"].settings, CORESETS, protocol="nowhere"))
    assert main(["missing", "--results", str(tmp_path)]) == 0
    assert "ltdd run lost_cifar10" in capsys.readouterr().out
    assert main(["show", "lost_digits", "--results", str(tmp_path)]) == 2
    assert "unknown protocol 'nowhere'" in capsys.readouterr().err


def test_a_rule_and_a_protocol_from_outside_are_named_beside_a_method_of_the_package(forgotten):
    def always_first(seen, count, rng):
        return list(range(count))

    plain = recipes.recipe("random_digits")
    with tables_kept():
        register_rule("always_first", always_first, reads_features=False)
        register_protocol("again", PROTOCOLS["dsa-stored"])
        ruled = replace(plain, method=CoresetConfig("always_first"))
        scored = replace(plain, evaluate=replace(plain.evaluate, protocol="again"))
        for recipe in (ruled, scored):
            (origin,) = plugins_of(recipe)["plugins"]
            assert (origin["module"], len(origin["sha256"])) == (__name__, 64)
    assert plugins_of(plain) == {}
