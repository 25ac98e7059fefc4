"""A network from outside: registered in one call, it is a student, a teacher and an observer like all others."""

import pytest
import torch
from torch import nn
from toy_recipes import small_unilevel
from toy_sets import context, quick
from toy_tables import tables_kept

from ltdd_utils import recipes
from ltdd_utils.cli import main
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.settings import from_dict, to_dict
from ltdd_utils.networks import ARCHITECTURES, Architecture, NetworkConfig, build, register_network
from ltdd_utils.recipes import recipe, with_overrides
from ltdd_utils.runs import run

pytestmark = pytest.mark.float32  # as users run it


@pytest.fixture(autouse=True)
def _tables():
    with tables_kept():
        yield


def mlp(cfg, image_size, channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, cfg.width or 20), nn.ReLU())


def small_cnn(cfg, image_size, channels):
    width = cfg.width or 8
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.AdaptiveAvgPool2d(4), nn.Flatten()
    )


MLP = Architecture(mlp, norm="none", narrow=6)


def test_a_recipe_takes_it_by_name_narrow_at_the_reduced_scales():
    register_network("mlp", MLP)
    assert recipe("random_digits", network="mlp").evaluate.network == NetworkConfig("mlp", width=6, norm="none")
    widths = [recipe("random_cifar10", scale=scale, network="mlp").evaluate.network.width for scale in ("cpu", "paper")]
    assert widths == [6, None]
    changed = with_overrides(recipe("random_digits"), {"evaluate.network.name": "mlp"})
    assert from_dict(NetworkConfig, to_dict(changed)["evaluate"]["network"]).name == "mlp"
    assert recipe("random_digits", network="mlp").target["network"] == "mlp"


def test_it_is_built_from_the_generator_alone():
    register_network("mlp", MLP)
    one, other = (build(NetworkConfig("mlp"), 10, 8, 1, generator(0, "weights")) for _ in range(2))
    assert one.features_size == 20 and one(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert all(map(torch.equal, one.parameters(), other.parameters()))


def test_it_is_a_student(tmp_path):
    register_network("mlp", MLP)
    made = quick("random_digits", epochs=2, **{"evaluate.network.name": "mlp", "evaluate.network.norm": "none"})
    assert run(made, 0, 1, context(tmp_path))["config"]["evaluate"]["network"]["name"] == "mlp"


def test_it_is_an_observer(tmp_path):
    register_network("small-cnn", Architecture(small_cnn, norm="batch", narrow=4, projection=12))
    made = small_unilevel("unilevel_no_init", **{"method.observer.network.name": "small-cnn"})
    record = run(made, 0, 1, context(tmp_path))
    assert record["config"]["method"]["observer"]["network"]["name"] == "small-cnn"


def test_the_commands_know_it(capsys):
    register_network("mlp", MLP)
    assert main(["show", "random_digits", "--network", "mlp"]) == 0
    assert '"name": "mlp"' in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "mlp" in capsys.readouterr().out
    assert main(["show", "random_digits", "--set", "evaluate.network.name=mpl"]) == 2
    said = "name is 'mpl' (did you mean mlp?); choose one of convnet, vgg11, resnet18, alexnet, resnet32, resnet50,"
    assert f"{said} resnext50, mlp" in capsys.readouterr().err


def test_a_name_of_the_table_is_needed_and_a_word():
    for name in ("vgg11", "resnext50"):
        assert with_overrides(recipe("random_digits"), {"evaluate.network.name": name}).evaluate.network.name == name
    with pytest.raises(ValueError, match=r"^name is 'mlp'; choose one of convnet, vgg11"):
        NetworkConfig("mlp")
    with pytest.raises(ValueError, match=r"evaluate.network.name is 3; it must be a word"):
        with_overrides(recipe("random_digits"), {"evaluate.network.name": 3})
    with pytest.raises(ValueError, match="unknown network 'mlp'; choose one of convnet, vgg11"):
        recipe("random_digits", network="mlp")


class Scaled(nn.Module):
    """A layer with a parameter and a buffer of its own, which says how they begin."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(5))
        self.register_buffer("steps", torch.arange(5.0))

    def forward(self, x):
        return x * self.scale + self.steps


class Careful(Scaled):
    def initialise(self, rng):
        self.scale.normal_(2, 0.1, generator=rng)
        self.steps.copy_(torch.arange(5.0))


def ending(layer):
    return lambda cfg, image_size, channels: nn.Sequential(
        nn.Flatten(), nn.Linear(channels * image_size**2, 5), nn.LayerNorm(5), layer()
    )


def test_a_layer_of_its_own_begins_as_it_says():
    register_network("careful", Architecture(ending(Careful), norm="none", narrow=None))
    network = build(NetworkConfig("careful"), 3, 4, 1, generator(0, "weights"))
    *_, norm, layer = network.backbone
    assert layer.steps.tolist() == [0, 1, 2, 3, 4] and 1 < layer.scale.mean() < 3 and layer.scale.std() > 0
    assert norm.weight.tolist() == [1] * 5 and norm.bias.tolist() == [0] * 5
    register_network("careless", Architecture(ending(Scaled), norm="none", narrow=None))
    with pytest.raises(
        TypeError, match=r"no initial values are known of Scaled; give it a method initialise\(generator"
    ):
        build(NetworkConfig("careless"), 3, 4, 1, generator(0, "weights"))


def test_maps_are_no_features():
    register_network("maps", Architecture(lambda cfg, size, channels: nn.Identity(), norm="none", narrow=None))
    with pytest.raises(ValueError, match=r"the backbone of maps maps 2 images to shape \(2, 3, 8, 8\); let it end in"):
        build(NetworkConfig("maps"), 3, 8, 3, generator(0, "weights"))


WRONG = {
    "a name that is taken": (lambda: register_network("vgg11", MLP), "network 'vgg11' exists already; choose another"),
    "a path": (lambda: register_network("my/net", MLP), "network name 'my/net' is invalid; use letters, digits and"),
    "no builder": (lambda: Architecture("mlp.py", "none", 6), "backbone is 'mlp.py'; give a function, or 'module:fun"),
    "a norm of its own": (
        lambda: Architecture(mlp, "layer", 6),
        "norm is 'layer'; choose one of instance, batch, none",
    ),
    "no width": (lambda: Architecture(mlp, "none", 0), "narrow is 0; it must be a finite number, at least 1"),
    "a class": (lambda: register_network("mlp", mlp), "the entry of network 'mlp' is <function mlp .*; give Arch"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused(case):
    act, message = WRONG[case]
    with pytest.raises(ValueError, match=message) as caught:
        act()
    assert "\n" not in str(caught.value) and "mlp" not in ARCHITECTURES


def test_the_recipes_of_other_networks_stay(tmp_path):
    before = recipes.recipe("edc_several_digits").config_id
    register_network("mlp", MLP)
    assert recipes.recipe("edc_several_digits").config_id == before
