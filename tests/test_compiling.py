"""Compiled functions: the same numbers, the same decision whatever the clock says, and a way back where it fails."""

import pytest
import torch

from ltdd_utils.training import Compiler, compiling, cpp_compiler

pytestmark = pytest.mark.float32
NEEDED = pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler")


@pytest.fixture
def fresh(monkeypatch) -> None:
    """The environment without what is set for PyTorch, and again without it afterwards."""
    for name in (compiling.CACHE, compiling.THREADS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def told() -> tuple[list[str], object]:
    lines: list[str] = []
    return lines, lambda event: lines.append(event["note"])


def cube(x: torch.Tensor) -> torch.Tensor:
    return (x * x * x).sum()


@NEEDED
def test_a_compiled_function_is_the_same_with_the_same_gradient(tmp_path, fresh):
    lines, watch = told()
    compiler = Compiler("on", "cpu", tmp_path / "compiled", watch)
    x = torch.randn(64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    ours = compiler.compiled(cube, "a cube", lambda f: f(torch.zeros(64, requires_grad=True)).backward())
    assert lines == ["compiled: a cube"] and ours is not cube and compiler.used == ["a cube"]
    (found,), (known,) = torch.autograd.grad(ours(x), x), torch.autograd.grad(cube(x), x)
    assert torch.allclose(found, known, rtol=1e-6) and torch.allclose(found, 3 * x.detach().square(), rtol=1e-6)


@pytest.mark.parametrize(
    ("choice", "device", "saving", "worth"),
    [
        ("auto", "cpu", 11.0, True),
        ("auto", "cpu", 9.0, False),
        ("auto", "cuda", 1e9, False),  # nothing was measured there
        ("on", "cpu", 0.0, True),
        ("off", "cpu", 1e9, False),
    ],
)
def test_the_amount_of_work_decides(choice, device, saving, worth):
    assert Compiler(choice, device).worth(saving, cost=10.0) == worth


def test_without_a_cpp_compiler_a_function_stays_as_it_is_and_one_line_says_so(monkeypatch):
    monkeypatch.setattr(compiling, "cpp_compiler", lambda: None)
    lines, watch = told()
    compiler = Compiler("on", "cpu", watch=watch)
    assert compiler.compiled(cube, "a cube", pytest.fail) is cube and not compiler.used
    assert len(lines) == 1 and lines[0].startswith("not compiled: a cube; no C++ compiler") and "$CXX" in lines[0]


def test_a_trial_that_fails_leaves_the_function_as_it_is_and_one_line_says_why(monkeypatch, fresh):
    monkeypatch.setattr(compiling, "cpp_compiler", lambda: "c++")
    lines, watch = told()
    compiler = Compiler("on", "cpu", watch=watch)

    def untraceable(x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x

    assert compiler.compiled(untraceable, "a branch", lambda f: f(torch.ones(2))) is untraceable
    assert not compiler.used and len(lines) == 1 and lines[0].startswith("not compiled: a branch; "), lines
    assert "\n" not in lines[0]
