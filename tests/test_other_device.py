"""Runs on a device that is not the CPU: nothing is forgotten on the CPU, and the numbers are the same."""

from contextlib import nullcontext

import pytest
import torch
from pretended_device import DEVICE, PretendedDevice
from toy_recipes import small_trajectory, small_trajectory_elsewhere, small_unilevel
from toy_sets import CPU, context, result_of

from ltdd_utils import recipes
from ltdd_utils.runs import run

pytestmark = pytest.mark.float32

FEW = {"data.n_max": "20", "data.imbalance_factor": "5", "evaluate.train.epochs": "1", "evaluate.network.width": "8"}


def few(name, **changes):
    made = recipes.recipe(f"{name}_digits", ipc=2)
    return recipes.with_overrides(made, FEW | {key.replace("__", "."): value for key, value in changes.items()})


EXPERT = {"method__expert__train__epochs": "1", "method__expert__network__width": "4"}
NETWORK = {"method__network__width": "4", "method__iterations": "1"}
RECIPES = {
    "coreset": few("herding", **EXPERT),
    "whole set": few("full_logit_adjusted"),
    "gradient matching": few("dc", **NETWORK, method__updates="2", method__network_steps="1", method__batch="4"),
    "distribution matching": few("dm", **NETWORK),
    "spectral matching": few("csdm", **NETWORK, method__frequencies="16"),
    "improved distribution matching": few("idm", **NETWORK, method__batch="4", method__network_batch="8"),
    "representative matching": few(
        # no clusters: a rounding would choose other images
        "dream",
        **NETWORK,
        method__updates="2",
        method__batch="100",
        method__initial="real",
    ),
    "trajectories, exact": small_trajectory(),
    "trajectories, TESLA, debiased teacher": small_trajectory_elsewhere(
        "online-teacher", **{"method.gradient": "tesla"}
    ),
    "uni-level": small_unilevel("unilevel"),
    "random images at the start, ADSA": small_unilevel("edc_adsa"),
    "from noise": small_unilevel("sre2l"),
    "answers stored once": small_unilevel("rded", "online-stored"),
}


@pytest.mark.filterwarnings("ignore:for .*copying from a non-meta parameter")  # the pretended device can copy
@pytest.mark.parametrize("name", RECIPES)
def test_a_whole_run_leaves_nothing_on_the_cpu_and_ends_where_the_cpu_ends(name, tmp_path):
    """Images to rounding (the CPU has kernels of its own); so a prediction may flip, of 500, but not many."""
    recipe, found = RECIPES[name], []
    for device, mode in ((DEVICE, PretendedDevice()), (CPU, nullcontext())):
        here = context(tmp_path / device.type, device=device)
        with mode:
            found.append((run(recipe, 0, 1, here)["metrics"], result_of(recipe, here).set))
    (metrics, there), (expected, here) = found
    assert metrics["overall"]["mean"] == pytest.approx(expected["overall"]["mean"], abs=0.02)
    if here.images is None:
        assert torch.equal(there.indices, here.indices)
    else:
        torch.testing.assert_close(there.images, here.images, rtol=1e-3, atol=1e-3)


def test_the_pretended_device_refuses_what_a_gpu_refuses():
    """Else the runs above would prove nothing."""
    with PretendedDevice():
        here, there = torch.ones(3), torch.ones(3, device=DEVICE)
        assert there.device == DEVICE and (there + torch.tensor(1.0)).tolist() == [2.0] * 3
        assert there[torch.tensor([0, 2])].tolist() == [1.0] * 2  # places may come from the CPU
        for refused in (
            lambda: there + here,
            lambda: here.add_(there),
            lambda: torch.stack([there[0], torch.tensor(1.0)]),
            lambda: torch.rand(3, generator=torch.Generator(), device=DEVICE),
            lambda: torch.nn.Linear(3, 2)(there),
            lambda: here[torch.tensor([0], device=DEVICE)],
        ):
            with pytest.raises(RuntimeError, match=r"on the CPU|of the CPU"):
                refused()
    assert torch.autocast("cpu").device == "cpu"


def test_gradients_flow_on_the_pretended_device_and_back_to_the_cpu():
    with PretendedDevice():
        here = torch.arange(3.0, requires_grad=True)
        there = here.to(DEVICE)
        (slope,) = torch.autograd.grad((there**3).sum(), here, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), here)
    assert slope.device == CPU and curvature.tolist() == [0.0, 6.0, 12.0]
