"""The order of the modules: each imports only what stands before it in ``[tool.ltdd]`` of pyproject.toml."""

import ast
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ltdd_utils

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ltdd_utils"
RULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ltdd"]
LAYERS: list[str] = RULES["layers"]
BELOW_ALL = {PACKAGE / name for name in ("__init__.py", "_torchvision.py", "_exports.py")}
FILES = sorted(set(PACKAGE.rglob("*.py")) - BELOW_ALL)


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(source: str, package: tuple[str, ...] = ("ltdd_utils",)) -> set[str]:
    """Dotted names of everything that a file imports, also inside functions; ``from a import b`` counts as ``a.b``."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def imported_layers(source: str, package: tuple[str, ...] = ("ltdd_utils",)) -> set[str]:
    parts = (name.split(".") for name in imported_modules(source, package))
    return {part[1] for part in parts if part[0] == "ltdd_utils" and len(part) > 1} - {"_exports"}


def violations(own: str, layers: set[str]) -> list[str]:
    allowed = {own, *LAYERS[: LAYERS.index(own)]}
    return sorted(name for name in layers if name not in allowed)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_stands_above_it(path: Path):
    own = layer(path)
    assert own in LAYERS, f"{own} is in no layer: add it to [tool.ltdd] layers in pyproject.toml"
    package = ("ltdd_utils", *path.relative_to(PACKAGE).parts[:-1])
    assert not violations(own, imported_layers(path.read_text(), package)), f"{own} stands above what it imports"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_kept_apart_do_not_import_each_other(path: Path):
    own = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for group in RULES["apart"]:
        if any(own.startswith(f"{room}.") for room in group):
            others = tuple(f"ltdd_utils.{room}." for room in group if not own.startswith(f"{room}."))
            assert not [name for name in imported_modules(path.read_text()) if f"{name}.".startswith(others)]


def file_graph() -> dict[str, set[str]]:
    """Every file of the package but the faces of its rooms, and the files that it imports."""
    files = {
        ".".join(("ltdd_utils", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in FILES
        if path.name != "__init__.py"
    }
    graph = {}
    for name, path in files.items():
        package = ("ltdd_utils", *path.relative_to(PACKAGE).parts[:-1])
        seen = {
            module
            for found in imported_modules(path.read_text(), package)
            for module in (found, found.rpartition(".")[0])
        }
        graph[name] = seen & set(files) - {name}
    return graph


def test_no_files_import_each_other_in_a_circle():
    graph = file_graph()
    assert sum(map(len, graph.values())) > 300
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def test_the_check_of_circles_sees_one():
    with pytest.raises(CycleError):
        list(
            TopologicalSorter(
                file_graph() | {"ltdd_utils.core.settings": {"ltdd_utils.methods.registry"}}
            ).static_order()
        )


def test_the_map_names_every_module():
    assert ltdd_utils.__doc__
    missing = [name for name in {layer(path) for path in FILES} if f"``{name}``" not in ltdd_utils.__doc__]
    assert not missing, f"add {missing} to the map in ltdd_utils/__init__.py"


@pytest.mark.parametrize(
    "source",
    [
        "import ltdd_utils.analysis",
        "from ltdd_utils import analysis",
        "from ltdd_utils.analysis import load",
        "from . import analysis",
        "from .analysis import load",
        "def f():\n    from ltdd_utils.analysis import load",
    ],
)
def test_the_check_sees_every_way_to_import(source: str):
    assert violations("training", imported_layers(source)) == ["analysis"]


def test_the_check_sees_an_import_from_inside_a_package():
    source = "from ..analysis import load\nfrom .other import f"
    assert imported_layers(source, ("ltdd_utils", "networks")) == {"analysis", "networks"}
