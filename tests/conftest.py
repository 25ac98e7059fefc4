import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: threads that spin slow a shared machine down
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the networks of the tests are too small to share
os.environ["LTDD_JOBS"] = "1"  # a test that wants processes side by side says so
if "PYTEST_XDIST_WORKER" in os.environ:  # each core has its own process, whatever the shell says
    os.environ["OMP_NUM_THREADS"] = "1"

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ltdd_utils  # noqa: F401 (before torchvision, wherever a test imports that)

# torch is imported late: the process that hands the tests to the others does without.

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _precision(request: pytest.FixtureRequest) -> Iterator[None]:
    """Laws are checked in double precision, so that a tolerance is about the formula and not about rounding.

    Networks train in single precision, as users run them, where the mark ``float32`` says so.
    """
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32 if request.node.get_closest_marker("float32") else torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def ltdd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., Any]:
    """Run a command in folders of the test's own; what it printed. It must end with ``status``."""
    for name in ("work", "results", "data"):
        monkeypatch.setenv(f"LTDD_{name.upper()}", str(tmp_path / name))

    def call(*arguments: object, status: int = 0) -> Any:
        from ltdd_utils.cli import main

        assert main([str(argument) for argument in arguments]) == status
        return capsys.readouterr()

    return call


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    import torch

    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with the real CIFAR-10; the test is skipped where it is absent."""
    folder = Path(os.environ.get("LTDD_DATA") or ROOT / "data")
    if not (folder / "cifar-10-batches-py").is_dir():
        pytest.skip(f"no CIFAR-10 in {folder} (set LTDD_DATA, or run `ltdd data fetch cifar10`)")
    return folder
