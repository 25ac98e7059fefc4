"""What happens on Colab: the first cell installs the package, and the chapter's imports then work.

Each chapter stands alone here, as one .ipynb in an empty folder, with a stub in place of ``google.colab``. The install
goes into a temporary folder and needs no network: pip's own environment variables say so, the cell is untouched.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import notebook_pairs
import pytest

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = notebook_pairs.chapters()
# What a clone holds and an install reads; the rest would only be copied.
CLONE = ("pyproject.toml", "README.md", "LICENSE", "ltdd_utils", "results", "workflow", "tools/wheel_records.py")


def code_cells(notebook: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def imports(notebook: Path) -> str:
    """The import statements of a chapter, without the rest of it."""
    nodes = [node for cell in code_cells(notebook) for node in ast.parse(cell.source).body]
    return "\n".join(ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)))


def tree(folder: Path) -> dict[str, int]:
    """Every file of the source tree with the time of its last change, but for what tools write for themselves."""
    own, found = (
        {".git", ".venv", ".venv-snakemake", "_build", "__pycache__", ".pytest_cache", ".ruff_cache", "data", "work"},
        {},
    )
    for place, folders, files in os.walk(folder):
        folders[:] = set(folders) - own  # not entered: an environment has tens of thousands of files
        found |= {path: os.stat(path).st_mtime_ns for path in (os.path.join(place, name) for name in files)}
    return found


def installed() -> dict[str, int]:
    """Every distribution of this environment with the time of its last change."""
    return {
        str(path): path.stat().st_mtime_ns
        for entry in sys.path
        if entry and Path(entry).name in ("site-packages", "dist-packages")
        for path in Path(entry).glob("*.dist-info")
    }


PIP = {
    "PIP_NO_DEPS": "1",
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this one the other way round: 0 builds without isolation
    "PIP_NO_COMPILE": "1",  # Python does it, for the modules that it imports
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="the package is built without a network, so hatchling must be installed")
    folder = tmp_path_factory.mktemp("clone")
    for name in CLONE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip builds of the clone; it would build the same for every chapter."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "-q", "-w", folder, clone], env=os.environ | PIP, check=True)
    (path,) = folder.iterdir()
    return path


def open_chapter(source: Path, folder: Path, package: Path) -> subprocess.CompletedProcess[str]:
    """Copy the .ipynb into an empty folder; run its first cell, then its imports, in a fresh Python."""
    notebook = Path(shutil.copy(source.with_suffix(".ipynb"), folder))
    first = code_cells(notebook)[0].source
    end = "import ltdd_utils\nprint('from', ltdd_utils.__file__)\n"
    script = folder / "session.py"
    script.write_text("\n".join(["import google.colab", first, imports(notebook), end]))
    (folder / "target").mkdir()
    (folder / "stub" / "google" / "colab").mkdir(parents=True)
    (folder / "stub" / "google" / "colab" / "__init__.py").touch()
    environment = (os.environ | PIP) | {
        "PYTHONPATH": os.pathsep.join([str(folder / "target"), str(folder / "stub")]),
        "LTDD_SOURCE": str(package),
        "PIP_TARGET": str(folder / "target"),
    }
    return subprocess.run(
        [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_all_chapters_begin_with_one_cell():
    assert len({code_cells(source.with_suffix(".ipynb"))[0].source for source in CHAPTERS}) == 1


@pytest.mark.parametrize("source", [CHAPTERS[0], CHAPTERS[-1]], ids=["from a clone", "from a wheel"])
def test_a_chapter_opens_on_colab_from_its_notebook_alone(source: Path, clone: Path, wheel: Path, tmp_path: Path):
    before = tree(ROOT), installed()
    done = open_chapter(source, tmp_path, clone if source == CHAPTERS[0] else wheel)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith(f"from {tmp_path / 'target' / 'ltdd_utils' / '__init__.py'}")
    assert (tree(ROOT), installed()) == before, "the install changed the environment or the source tree"


# Each chapter's imports in a process of its own; what takes seconds and is not ours is there before.
EACH = """
import os, sys
import torch, pandas, matplotlib.pyplot, sklearn.datasets
for path in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        exec(open(path, encoding="utf-8").read(), {})
        import ltdd_utils
        print(os.path.basename(path), ltdd_utils.__file__, flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{path} does not open")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_the_imports_of_every_chapter_work_where_only_the_wheel_is_installed(wheel: Path, tmp_path: Path):
    target = tmp_path / "target"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--target", target, wheel], env=os.environ | PIP, check=True
    )
    paths = [tmp_path / source.name for source in CHAPTERS]
    for path, source in zip(paths, CHAPTERS, strict=True):
        path.write_text(imports(source.with_suffix(".ipynb")), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", EACH, *paths],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    package = target / "ltdd_utils" / "__init__.py"
    assert done.stdout.splitlines() == [f"{source.name} {package}" for source in CHAPTERS]


def test_elsewhere_the_cell_does_nothing(tmp_path: Path):
    folder = tmp_path / "session"
    folder.mkdir()
    notebook = CHAPTERS[0].with_suffix(".ipynb")
    script = folder / "session.py"
    script.write_text(code_cells(notebook)[0].source)
    environment = os.environ | {"PIP_TARGET": str(folder / "target"), "LTDD_SOURCE": str(ROOT)}
    subprocess.run([sys.executable, script], cwd=folder, env=environment, check=True, capture_output=True)
    assert [path.name for path in folder.iterdir()] == ["session.py"]
