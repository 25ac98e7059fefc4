"""A student's passes as functions of values, traced in one graph and in bf16, against those on PyTorch's tape."""

from dataclasses import replace

import pytest
import torch
from test_matching import ALL, CLASSES, DAM, IMAGES, SIZE, assert_same, convnet
from toy_matching import COUNTS, experts, known, run, settings
from toy_matching import network as toy_network

from ltdd_utils.augment import DSA_OPERATIONS as OPERATIONS
from ltdd_utils.augment import AugmentConfig, draw
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.settings import config_id, to_dict
from ltdd_utils.methods.trajectory.matching import GRADIENTS, Step, Synthetic, match
from ltdd_utils.methods.trajectory.passes import Passes, eager, functional, functional_pull, in_precision
from ltdd_utils.methods.trajectory.phases import LEARNED, Phases
from ltdd_utils.methods.trajectory.settings import DAMConfig, MatchConfig, TrajectoryConfig
from ltdd_utils.methods.trajectory.student import student
from ltdd_utils.networks import Layout, NetworkConfig, build, flat_parameters, traceable

NAMES = ("loss", "images", "logits", "lr")


def network():
    return build(NetworkConfig(depth=2, width=3), CLASSES, SIZE, 3, generator(0, "convnet")).requires_grad_(False)


def forms(gradient, compiler=lambda function: function, precision="fp32"):
    plain = traceable(network())
    made = functional(in_precision(Layout.of(plain).apply(plain), precision, "cpu"), DAM, gradient != "tesla")
    return Passes(compiler(made.gradient), compiler(made.adjoint))


def apart(found, expected):
    """Relative errors."""
    pairs = ((getattr(found, name).double(), getattr(expected, name).double()) for name in NAMES)
    return [float((one - other).norm() / other.norm()) for one, other in pairs]


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("gradient", ["exact", "tesla"])
def test_functions_of_values_give_the_gradient_of_the_tape(gradient, steps):
    synthetic, problem = convnet(steps)
    found = match(synthetic, problem, gradient, forms(gradient))
    assert_same(found, match(synthetic, problem, gradient), rtol=1e-8, atol=1e-10)
    if gradient == "exact":
        assert_same(found, match(synthetic, problem, "unroll"), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("operation", ["none", *OPERATIONS])
def test_they_do_so_through_every_augmentation(operation):
    synthetic, problem = convnet(2, operation)
    found = match(synthetic, problem, "exact", forms("exact"))
    assert_same(found, match(synthetic, problem, "unroll"), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("gradient", ["exact", "tesla"])
def test_both_passes_are_traced_in_one_graph_each(gradient):
    """By the tracer of ``torch.compile``: no break, no second graph for another draw or other rows."""
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    def compiler(function):
        return torch.compile(function, fullgraph=True, dynamic=False, backend=backend)

    synthetic, problem = convnet(3)
    rng = generator(5, "steps")
    plan = [Step(torch.randperm(IMAGES, generator=rng)[:4], draw(ALL, 4, SIZE, rng)) for _ in range(4)]
    problem = replace(problem, steps=plan)
    found = match(synthetic, problem, gradient, forms(gradient, compiler))
    assert_same(found, match(synthetic, problem, gradient), rtol=1e-8, atol=1e-10)
    assert len(graphs) == 2


@pytest.mark.float32
def test_in_float32_both_forms_are_as_close_to_float64():
    synthetic, problem = convnet(4)
    doubled = replace(problem, start=problem.start.double(), target=problem.target.double())
    truth = match(Synthetic(*(tensor.double() for tensor in synthetic.tensors())), doubled, "unroll")
    assert truth.images.dtype == torch.float64
    errors = [apart(match(synthetic, problem, "exact", passes), truth) for passes in (None, forms("exact"))]
    assert all(0 < error < 2e-5 for both in errors for error in both), errors


@pytest.mark.float32
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_bf16_is_the_gradient_to_the_rounding_of_bf16(gradient):
    """Its unit roundoff is 2^-9; a gradient of a gradient passes a dozen roundings, and signs that flip."""
    synthetic, problem = convnet(4)
    halved = replace(problem, network=in_precision(problem.network, "bf16", "cpu"))
    expected = match(synthetic, problem, gradient)
    for passes in (None, forms(gradient, precision="bf16")):
        found = match(synthetic, halved, gradient, passes)
        assert all(getattr(found, name).dtype == torch.float32 for name in NAMES)
        errors = apart(found, expected)
        assert max(errors) > 1e-4, "nothing was rounded to bf16"
        assert all(error < 64 * 2**-9 for error in errors), errors


@pytest.mark.parametrize("size", [8, 12])
@pytest.mark.parametrize("name", ["convnet", "vgg11", "resnet32"])
def test_a_traceable_network_is_the_same_function_with_the_same_derivatives(name, size):
    made = build(NetworkConfig(name, norm="instance", width=4), CLASSES, size, 3, generator(0, name))
    plain, layout = traceable(made), Layout.of(made)
    assert Layout.of(plain) == layout
    images = torch.randn(3, 3, size, size, generator=generator(0, "images"))
    along = torch.randn(layout.size, generator=generator(0, "along"))
    targets = torch.eye(CLASSES)
    values = [form.adjoint(flat_parameters(made), images, targets, along) for form in (
        eager(layout.apply(made), DAM, True), functional(layout.apply(plain), DAM, True))]  # fmt: skip
    for one, other in zip(*values, strict=True):
        assert other.norm() > 1e-6
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_a_traceable_network_leaves_the_given_one_as_it_was():
    made = network()
    before = [type(layer) for layer in made.modules()]
    traceable(made)
    assert [type(layer) for layer in made.modules()] == before


def test_the_pull_is_the_derivative_of_the_features():
    plain = traceable(network())
    features, flat = Layout.of(plain).features(plain), flat_parameters(plain)
    images = torch.randn(2, 3, SIZE, SIZE, generator=generator(0, "images")).requires_grad_()
    rows = features(flat, images)
    along = torch.randn(rows.shape, generator=generator(0, "along"))
    (expected,) = torch.autograd.grad(rows, images, along)
    torch.testing.assert_close(functional_pull(features)(flat, images.detach(), along), expected)


def both_phases(**changes):
    second = {"second": MatchConfig(weight=0.3, steps=2, epochs=1), "match": "backbone"}
    return settings(**second, dam=DAMConfig("mean", 0.5), **changes)


class Traced:
    """A compiler that compiles nothing, and keeps what it is asked for; "off" refuses."""

    def __init__(self, choice="on"):
        self.choice, self.asked, self.worth = choice, [], []

    def compiled(self, function, what, trial, *, saving, cost, instead):
        trial(function)
        self.asked.append(what.split()[0])
        self.worth.append(saving > cost)
        return function if self.choice == "on" else instead


@pytest.mark.float32
@pytest.mark.parametrize("gradient", ["exact", "tesla"])
def test_an_iteration_with_a_compiler_is_the_one_without(gradient):
    found, compiler = [], Traced()
    for given in (None, compiler):
        cfg, device = both_phases(gradient=gradient), torch.device("cpu")
        phases = Phases(cfg, COUNTS, experts(), toy_network(), device, compiler=given, shape=known().images.shape)
        found.append(phases.gradients(known(), 0, generator(0, "iteration")))
    assert compiler.asked == ["gradient", "adjoint", "features", "pull"]
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4, abs=1e-9)
    for name in LEARNED:
        torch.testing.assert_close(found[0][1][name], found[1][1][name], rtol=1e-3, atol=1e-5)


@pytest.mark.float32
def test_a_run_without_what_it_could_compile_is_the_one_on_the_tape_to_the_bit():
    """All passes are compiled or none: the first that is not ends the asking."""
    compiler = Traced("off")
    made, expected = run(both_phases(), compiler=compiler)[0], run(both_phases())[0]
    assert torch.equal(made.images, expected.images) and torch.equal(made.targets, expected.targets)
    assert compiler.asked == ["gradient"]


@pytest.mark.float32
def test_a_full_unroll_is_never_compiled_and_a_phase_that_is_left_out_neither():
    for cfg, expected in ((both_phases(gradient="unroll"), []), (settings(), ["gradient", "adjoint"])):
        compiler = Traced()
        run(cfg, compiler=compiler)
        assert compiler.asked == expected


@pytest.mark.parametrize(("precision", "iterations"), [("fp32", 10**6), ("bf16", 3)])
def test_compiling_pays_in_bf16_where_the_work_is_long(precision, iterations):
    cfg = settings(precision=precision, iterations=iterations)
    for changes, expected in (({}, False), ({"iterations": 10**7}, precision == "bf16")):
        compiler = Traced()
        student(replace(cfg, **changes), toy_network(), DAM, known().images.shape, compiler=compiler)
        assert set(compiler.worth) == {expected}


@pytest.mark.float32
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_bf16_is_another_result_and_its_weights_stay_float32(precision):
    made, history, _ = run(both_phases(precision=precision))
    plain, expected, _ = run(both_phases())
    assert made.images.dtype == torch.float32
    assert torch.equal(made.images, plain.images) == (precision == "fp32")
    torch.testing.assert_close(history["first"], expected["first"], rtol=0.05, atol=0.01)


def test_settings_of_before_keep_their_name_and_bf16_has_its_own():
    plain = TrajectoryConfig()
    assert "precision" not in to_dict(plain) and to_dict(replace(plain, precision="bf16"))["precision"] == "bf16"
    assert config_id(plain) != config_id(replace(plain, precision="bf16"))
    with pytest.raises(ValueError, match=r"precision is 'fp16'.*; choose one of fp32, bf16"):
        TrajectoryConfig(precision="fp16")


@pytest.mark.float32
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_what_is_compiled_at_the_start_serves_all_iterations(precision):
    """One graph per pass, whatever is drawn: the trial before the work calls each pass as the work does."""
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    class Counting(Traced):
        def compiled(self, function, what, trial, *, saving, cost, instead):
            made = torch.compile(function, fullgraph=True, dynamic=False, backend=backend)
            trial(made)
            return made

    teachers = replace(settings().experts, augment=AugmentConfig("dsa"))
    run(both_phases(precision=precision, experts=teachers, iterations=8), compiler=Counting())
    assert len(graphs) == 4
