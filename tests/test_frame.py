"""The files around the package agree with each other: requirements, pins, address, commands."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import notebook_pairs
import pytest
import readme
import render
import set_repository
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from torchvision.datasets import CIFAR10, CIFAR100

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
CORE = [Requirement(text) for text in PROJECT["dependencies"]]
ALL = [*CORE, *(Requirement(text) for extra in EXTRAS.values() for text in extra)]
PINS = {
    re.sub(r"[-_.]+", "-", name).lower(): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
}


@pytest.mark.parametrize("requirement", ALL, ids=lambda r: r.name)
def test_every_requirement_is_pinned_to_a_version_that_it_allows(requirement: Requirement):
    assert Version(PINS[requirement.name.lower()]) in requirement.specifier


def test_pins_exist_on_every_index():
    """A local version such as 2.13.0+cpu is on no registry, and a machine without a GPU wants no CUDA package."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == len(PINS), "each line is name==version"
    assert not [name for name, version in PINS.items() if "+" in version or name.startswith("nvidia")]


@pytest.mark.parametrize("name", PINS)
def test_a_pinned_version_runs_on_the_lowest_python(name: str):
    """Debian 12 has Python 3.11.2; a pin that needs 3.11.5 would stop the set-up there."""
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed here")
    if package.version.split("+")[0] != PINS[name]:
        pytest.skip(f"{name} {package.version} is installed here, not the pinned {PINS[name]}")
    assert "3.11.0" in SpecifierSet(package.metadata.get("Requires-Python") or "")


def test_torch_and_torchvision_are_a_pair():
    assert (PINS["torch"], PINS["torchvision"]) == ("2.13.0", "0.28.0")


def test_core_requirements_are_lower_bounds():
    """An exact pin or an upper bound would make an install on Colab replace the torch that is there."""
    assert {r.name for r in CORE} == {
        "filelock", "matplotlib", "numpy", "pandas", "safetensors", "scikit-learn", "scipy", "torch", "torchvision",
        "tqdm",
    }  # fmt: skip
    assert all(spec.operator == ">=" for requirement in CORE for spec in requirement.specifier)


def test_the_conda_environment_is_the_one_of_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge"]
    *conda, by_pip = environment["dependencies"]
    assert conda == [f"python{PROJECT['requires-python']}", "pip"]
    constraint, package = by_pip["pip"]
    assert (ROOT / constraint.removeprefix("-c ")).is_file()
    assert package == f"-e .[{','.join(EXTRAS)}]"
    assert f"'{package.removeprefix('-e ')}'" in (ROOT / "Makefile").read_text(), "make installs the same extras"


def test_the_makefile_and_the_linter_agree_on_the_lowest_python():
    assert PROJECT["requires-python"] == ">=3.11"
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["target-version"] == "py311"
    assert "sys.version_info < (3, 11)" in (ROOT / "Makefile").read_text()


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests hands its own settings down; they are not meant for this one.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k != "MFLAGS"}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=inherited | environment, capture_output=True, text=True, check=False)


def test_help_is_the_default_and_lists_every_target():
    text = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)[1].split())
    listed = set(re.findall(r"^  make (\w+)", make().stdout, flags=re.MULTILINE))
    assert listed == phony
    assert make().stdout == make("help").stdout


def test_every_make_command_that_a_page_names_exists():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / ".ci" / "run", *(ROOT / "book").glob("*.md")]
    named = {
        name for page in pages for name in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(), flags=re.MULTILINE)
    }
    phony = set(re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1].split())
    assert {"book", "test", "pages"} <= named <= phony


def test_ci_runs_the_two_commands_and_then_the_pages_and_a_cluster():
    text = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^make (\w+)$", text, flags=re.MULTILINE) == ["test", "book", "pages", "slurm"]
    assert "set -euo pipefail" in text
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    if shutil.which("bash"):
        subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


def test_the_workflow_calls_the_same_targets_and_publishes_what_they_built():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text())
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert [step["run"] for step in build["steps"] if "run" in step] == ["make test", "make book"]
    assert build["steps"][-1]["uses"].startswith("actions/upload-pages-artifact@")
    html = (render.OUT / "_build" / "html").relative_to(ROOT)
    assert build["steps"][-1]["with"]["path"] == html.as_posix()
    assert workflow["permissions"] == {"contents": "read"}
    assert publish["needs"] == "build" and publish["permissions"]["pages"] == "write"
    assert "refs/heads/main" in publish["if"]
    assert workflow[True]["push"]["branches"] == ["main"]  # YAML 1.1 reads the key `on` as true


def test_pre_commit_hooks_are_local():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    assert all(hook["language"] == "system" for hook in hooks[0]["hooks"])


def test_checksums_are_those_of_torchvision():
    known = json.loads((ROOT / "data" / "checksums.json").read_text())
    for name, source in (("cifar10", CIFAR10), ("cifar100", CIFAR100)):
        assert known[name]["archive"] == {source.filename: source.tgz_md5}
        files = dict([*source.train_list, *source.test_list, [source.meta["filename"], source.meta["md5"]]])
        assert known[name]["files"] == files
        assert known[name]["folder"] == source.base_folder


def test_data_are_ignored_by_git_but_for_the_two_pages():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"data/*", "!data/README.md", "!data/checksums.json", "_build/", ".venv/"} <= set(ignored)


# The address of the repository


def test_the_citation_has_the_address_the_version_and_the_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["repository-code"] == notebook_pairs.repository_url()
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_the_readme_lists_every_chapter_and_no_address_that_does_not_exist():
    text = (ROOT / "README.md").read_text()
    assert readme.updated(text) == text, "run `make sync`"
    for source in notebook_pairs.chapters():
        assert f"](notebooks/{source.stem}.ipynb)" in text
        assert (notebook_pairs.colab_url(source.stem) in text) == notebook_pairs.is_known()
    assert notebook_pairs.PLACEHOLDER not in text
    assert not any(notebook_pairs.PLACEHOLDER in page.read_text() for page in (ROOT / "book").rglob("*.md"))


def test_no_command_of_the_readme_runs_out_of_sight():
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) > 30 and not [line for line in lines if len(line) > 110]


def test_an_address_that_is_not_set_says_so_and_can_be_nobodys():
    """A name of GitHub has no two hyphens in a row: nobody can put a package where Colab's cell would look for it."""
    assert "--" in notebook_pairs.PLACEHOLDER and notebook_pairs.PLACEHOLDER.endswith("not-set")


def test_the_colab_link_is_the_address_in_colabs_form():
    assert notebook_pairs.colab_url("00_x") == notebook_pairs.repository_url().replace(
        "https://github.com/", "https://colab.research.google.com/github/"
    ) + "/blob/main/notebooks/00_x.ipynb"  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for pattern in (*set_repository.HOLDERS, "book/*.yml"):
        for path in ROOT.glob(pattern):
            target = tmp_path / path.relative_to(ROOT)
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
    return tmp_path


def test_one_command_sets_the_address_everywhere(copy: Path):
    old = set_repository.slug(notebook_pairs.repository_url())
    set_repository.set_repository("https://github.com/a-lab/a.book.git", copy)
    assert notebook_pairs.repository_url(copy) == "https://github.com/a-lab/a.book"
    left = [path for path in copy.rglob("*.*") if path.is_file() and old in path.read_text()]
    assert not left
    holders = [path.name for path in copy.rglob("*.*") if path.is_file() and "a-lab/a.book" in path.read_text()]
    assert {"pyproject.toml", "README.md", "CITATION.cff", "00_how_to_read.py", "00_how_to_read.ipynb"} <= set(holders)
    assert all(notebook_pairs.in_step(source) for source in notebook_pairs.chapters(copy))
    text = (copy / "README.md").read_text()
    assert readme.updated(text, copy) == text
    assert text.count("colab.research.google.com/github/a-lab/a.book") == len(notebook_pairs.chapters())
    assert "https://a-lab.github.io/a.book/" in text and "git clone https://github.com/a-lab/a.book" in text
    set_repository.set_repository(f"https://github.com/{old}", copy)
    assert (copy / "README.md").read_text() == (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    "url", ["", "github.com/a/b", "https://github.com/a", "https://example.org/a/b", "https://github.com/a/b/c"]
)
def test_another_kind_of_address_is_refused(url: str, copy: Path):
    with pytest.raises(ValueError, match=r"run make repository URL=https://github\.com/OWNER/NAME"):
        set_repository.set_repository(url, copy)


def test_the_address_stands_in_no_other_committed_file():
    """Everything else derives it, so a new address cannot leave a stale copy behind."""
    old = set_repository.slug(notebook_pairs.repository_url())
    holders = {path for pattern in set_repository.HOLDERS for path in ROOT.glob(pattern)}
    folders = ("book", "notebooks", "ltdd_utils", "tools", "tests", "benchmarks", "data", ".github", ".ci")
    files = [
        p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".md", ".yml", ".json", "")
    ]
    files = [p for p in [*files, *ROOT.glob("*.*"), ROOT / "Makefile"] if p.is_file() and p not in holders]
    assert not [path for path in files if old.encode() in path.read_bytes()]
