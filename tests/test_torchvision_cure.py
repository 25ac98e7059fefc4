"""The cure for a torchvision whose compiled library does not load beside this torch; each case in its own process."""

import subprocess
import sys
from pathlib import Path

import pytest

# A torchvision of three lines: it tries its library, then registers kernels for what the library should have declared.
EXTENSION = """
import torch
loads = {loads}
if loads:
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("own() -> Tensor")
def _has_ops():
    return loads
"""
REGISTRATIONS = """
import torch
@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, iou_threshold):
    return dets.new_empty(0)
"""


def run(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parent.parent
    environment = {"PYTHONPATH": f"{path}:{root}", "PATH": "/usr/bin:/bin"}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(params=[True, False], ids=["library loads", "library does not load"])
def imitation(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[bool, Path]:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from torchvision import extension\nfrom torchvision import _meta_registrations\n"
    )
    (package / "extension.py").write_text(EXTENSION.format(loads=request.param))
    (package / "_meta_registrations.py").write_text(REGISTRATIONS)
    return request.param, tmp_path


def test_the_cure_acts_only_where_the_library_does_not_load(imitation: tuple[bool, Path]):
    loads, path = imitation
    assert (run("import torchvision", path).returncode == 0) is loads
    code = "import ltdd_utils, torchvision, torch; print(hasattr(torch.ops.torchvision, 'qnms'))"
    cured = run(code, path)
    assert cured.returncode == 0, cured.stderr
    # qnms comes from the cure alone: where the library loads, nothing may be added.
    assert cured.stdout.strip() == str(not loads)


def test_the_real_torchvision_imports_after_the_package(tmp_path: Path):
    code = """
import ltdd_utils, torch
from torchvision.transforms.v2 import functional
print(functional.invert(torch.zeros(3, 2, 2)).sum())
"""
    done = run(code, tmp_path)
    assert done.stdout.strip() == "tensor(12.)", done.stderr


def test_importing_the_package_imports_neither(tmp_path: Path):
    code = "import sys, ltdd_utils; print({'torch', 'torchvision'} & set(sys.modules))"
    assert run(code, tmp_path).stdout.strip() == "set()"
