"""The order of the modules: each imports only what stands before it in ``[tool.ltdd]`` of pyproject.toml."""

import ast
import tomllib
from pathlib import Path

import pytest

import ltdd_utils

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ltdd_utils"
RULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ltdd"]
LAYERS: list[str] = RULES["layers"]
BELOW_ALL = {PACKAGE / "__init__.py", PACKAGE / "_torchvision.py"}
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
    return {part[1] for part in parts if part[0] == "ltdd_utils" and len(part) > 1}


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
def test_packages_kept_apart_do_not_import_each_other(path: Path):
    for group in RULES["apart"]:
        if layer(path) in group:
            others = set(group) - {layer(path)}
            assert not others & imported_layers(path.read_text())


@pytest.mark.parametrize("name", RULES["without_torch"])
def test_settings_do_not_import_torch(name: str):
    files = [path for path in FILES if layer(path) == name]
    tops = {module.split(".")[0] for path in files for module in imported_modules(path.read_text())}
    assert files and not tops & {"torch", "torchvision"}


def test_the_map_names_every_module():
    assert ltdd_utils.__doc__
    missing = [name for name in {layer(path) for path in FILES} if f"``{name}``" not in ltdd_utils.__doc__]
    assert not missing, f"add {missing} to the map in ltdd_utils/__init__.py"


@pytest.mark.parametrize(
    "source",
    [
        "import ltdd_utils.results",
        "from ltdd_utils import results",
        "from ltdd_utils.results import load",
        "from . import results",
        "from .results import load",
        "def f():\n    from ltdd_utils.results import load",
    ],
)
def test_the_check_sees_every_way_to_import(source: str):
    assert violations("losses", imported_layers(source)) == ["results"]


def test_the_check_sees_an_import_from_inside_a_package():
    source = "from ..results import load\nfrom .other import f"
    assert imported_layers(source, ("ltdd_utils", "networks")) == {"results", "networks"}
