"""Compiled functions: the same numbers, the same decision whatever the clock says, and a way back where it fails."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Checkpoint
from ltdd_utils.networks import Network, NetworkConfig, build
from ltdd_utils.training import Compiler, TrainConfig, compiling, cpp_compiler, fused, train
from ltdd_utils.training.fused import eager_seconds

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
    compiler = Compiler("on", "cpu", cache=tmp_path / "compiled", watch=watch)
    x = torch.randn(64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    ours = compiler.compiled(cube, "a cube", lambda f: f(torch.zeros(64, requires_grad=True)).backward())
    assert lines == ["compiled: a cube"] and ours is not cube and compiler.facts == {"compiled": True}
    (found,), (known,) = torch.autograd.grad(ours(x), x), torch.autograd.grad(cube(x), x)
    assert torch.allclose(found, known, rtol=1e-6) and torch.allclose(found, 3 * x.detach().square(), rtol=1e-6)


@pytest.mark.parametrize(
    ("choice", "device", "saving", "worth"),
    [
        ("auto", "cpu", 2.1, True),
        ("auto", "cpu", 1.9, False),
        ("auto", "cuda", 1e9, False),  # nothing was measured there
        ("on", "cpu", 0.0, True),
        ("off", "cpu", 1e9, False),
    ],
)
def test_the_amount_of_work_decides(choice, device, saving, worth):
    assert Compiler(choice, device).worth(saving, cost=2.0 * compiling.USUAL) == worth


def test_without_a_cpp_compiler_a_function_stays_as_it_is_and_one_line_says_so(monkeypatch):
    monkeypatch.setattr(compiling, "cpp_compiler", lambda: None)
    lines, watch = told()
    compiler = Compiler("on", "cpu", watch=watch)
    assert compiler.compiled(cube, "a cube", pytest.fail) is cube and not compiler.facts
    assert len(lines) == 1 and lines[0].startswith("not compiled: a cube; no C++ compiler") and "$CXX" in lines[0]


def test_a_trial_that_fails_leaves_the_function_as_it_is_and_one_line_says_why(monkeypatch, fresh):
    monkeypatch.setattr(compiling, "cpp_compiler", lambda: "c++")
    lines, watch = told()
    compiler = Compiler("on", "cpu", watch=watch)

    def untraceable(x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x

    assert compiler.compiled(untraceable, "a branch", lambda f: f(torch.ones(2))) is untraceable
    assert not compiler.facts and len(lines) == 1 and lines[0].startswith("not compiled: a branch; "), lines
    assert "\n" not in lines[0]


def small(norm: str) -> Network:
    return build(NetworkConfig(depth=1, width=8, norm=norm), 3, 8, 3, generator(0, "weights"))


X, Y = torch.randn(40, 3, 8, 8, generator=generator(1, "images")), torch.arange(40) % 3


def trained(compiler: Compiler | None, cfg: TrainConfig, norm: str = "batch", **more) -> tuple[Network, list[float]]:
    losses: list[float] = []

    def objective(network, indices):
        loss = F.cross_entropy(network(X[indices]).float(), Y[indices])
        losses.append(loss.item())
        return loss

    return train(small(norm), 40, objective, cfg, generator(0, "batches"), compiler=compiler, **more), losses


CFG = TrainConfig(epochs=3, batch_size=16, lr=0.05)  # two full batches of an epoch, and one of 8 images


@NEEDED
def test_a_compiled_training_is_the_same_to_rounding_and_its_state_serves_both(tmp_path):
    plain, known = trained(None, CFG)
    compiler = Compiler("on", "cpu")
    path = tmp_path / "state.safetensors"
    with pytest.raises(Stopped):  # after the first step, which was compiled
        trained(compiler, CFG, checkpoint=Checkpoint(path, deadline=0.0))
    assert compiler.facts == {"compiled": True}
    resumed = Checkpoint(path)
    network, losses = trained(None, CFG, checkpoint=resumed)
    assert len(losses) == len(known) - 1 and losses == pytest.approx(known[1:], rel=1e-4)
    for (name, mine), theirs in zip(network.state_dict().items(), plain.state_dict().values(), strict=True):
        assert mine.dtype == theirs.dtype, name
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-5)


@NEEDED
def test_bf16_keeps_weights_and_statistics_in_single_precision():
    network, losses = trained(Compiler("on", "cpu"), replace(CFG, precision="bf16"))
    _, known = trained(None, CFG)
    floats = [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
    assert {tensor.dtype for tensor in floats} == {torch.float32}
    # Statistics that went through bf16 would be multiples of 2^-8 of their size.
    mean = network.backbone[1].running_mean
    assert not torch.equal(mean, mean.bfloat16().float())
    assert losses == pytest.approx(known, rel=0.03) and losses != known


def test_the_work_of_a_backbone_is_that_of_its_convolutions():
    backbone = small("instance").backbone
    operations = 2 * 8 * 8 * 9 * 3 * 8  # a multiplication and an addition for each weight and pixel
    assert eager_seconds(backbone, (3, 8, 8), 10) == pytest.approx(3 * operations * 10 / fused.RATE)


def test_auto_compiles_long_trainings_alone(monkeypatch):
    def offered(compiler, function, what, trial, *, saving, cost, instead):
        offers.append((saving, cost))
        return instead

    monkeypatch.setattr(Compiler, "compiled", offered)
    for epochs, precision in ((3, "bf16"), (30, "bf16"), (3, "fp32")):
        offers: list[tuple[float, float]] = []
        trained(Compiler("auto", "cpu"), replace(CFG, epochs=epochs, precision=precision), "instance")
        if precision == "fp32":
            assert not offers  # nothing is gained there
        else:
            ((saving, cost),) = offers
            assert saving == pytest.approx(epochs * 32 * 2 * 8 * 8 * 9 * 24 * 3 / fused.RATE / 3)
            assert cost == 11.0
