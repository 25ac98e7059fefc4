"""The supervised loop: it learns what can be learned, repeats itself, and goes on after a kill."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from toy_training import X, Y, cross_entropy, linear

from ltdd_utils.augment import AugmentConfig
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle, Checkpoint, load_bundle, save_bundle
from ltdd_utils.training import TrainConfig, confusion_matrix, label_objective, learning_rate, train


def test_plain_sgd_with_momentum_is_the_textbook_recursion():
    cfg = TrainConfig(
        epochs=6, batch_size=64, lr=0.3, momentum=0.8, weight_decay=0.01, schedule="steps", milestones=(0.5,), gamma=0.1
    )
    trained = train(linear(), 40, cross_entropy, cfg, generator(0))
    reference = linear()
    velocity = [torch.zeros_like(p) for p in reference.parameters()]
    for epoch in range(6):
        gradients = torch.autograd.grad(F.cross_entropy(reference(X), Y), list(reference.parameters()))
        with torch.no_grad():
            for p, g, v in zip(reference.parameters(), gradients, velocity, strict=True):
                v.mul_(0.8).add_(g + 0.01 * p)
                p.sub_((0.3 if epoch < 3 else 0.03) * v)
    for mine, theirs in zip(trained.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_every_epoch_sees_every_image_once():
    seen: list[int] = []

    def objective(forward, indices):
        seen.extend(indices.tolist())
        return cross_entropy(forward, indices)

    train(linear(), 40, objective, TrainConfig(epochs=3, batch_size=7), generator(0))
    epochs = [seen[i : i + 40] for i in (0, 40, 80)]
    assert all(sorted(epoch) == list(range(40)) for epoch in epochs)
    assert epochs[0] != epochs[1] != list(range(40))


def test_the_moving_average_is_the_exponential_mean_of_the_weights():
    history: list[torch.Tensor] = []

    class Spy(nn.Linear):
        def forward(self, x):
            history.append(self.weight.detach().clone())
            return super().forward(x)

    network = Spy(6, 2, dtype=torch.float64)
    averaged = train(network, 40, cross_entropy, TrainConfig(epochs=5, batch_size=64, ema=0.9), generator(0))
    weights = [*history[1:], network.weight.detach()]  # after each of the five steps
    expected = weights[0]
    for weight in weights[1:]:
        expected = 0.9 * expected + 0.1 * weight
    torch.testing.assert_close(averaged.weight.detach(), expected)


class WithNorm(nn.Module):
    """A network with weights, float buffers and a whole number: all that an average has to follow."""

    def __init__(self):
        super().__init__()
        self.norm, self.linear = nn.BatchNorm1d(6, dtype=torch.float64), linear()

    def forward(self, x):
        return self.linear(self.norm(x))


def pytorchs_average(network, decay):
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def test_the_moving_average_is_pytorchs_to_the_last_bit(tmp_path):
    """Buffers too, and on disk: a checkpoint holds what ``AveragedModel`` calls its state."""
    network, cfg, path = WithNorm(), TrainConfig(epochs=60, batch_size=16, lr=0.1, ema=0.9), tmp_path / "state"
    expected, steps = pytorchs_average(network, 0.9), []

    def objective(forward, indices):
        if steps:
            expected.update_parameters(network)  # after the step before
        steps.append(1)
        return cross_entropy(forward, indices)

    averaged = train(network, 40, objective, cfg, generator(0), checkpoint=Checkpoint(path, every_s=0))
    expected.update_parameters(network)
    wanted = expected.state_dict()
    assert 0 < wanted["module.norm.num_batches_tracked"] < network.norm.num_batches_tracked == len(steps) == 180
    for name, tensor in averaged.state_dict().items():
        assert torch.equal(tensor, wanted[f"module.{name}"]), name
    saved = load_bundle(path).tensors
    kept = {name.removeprefix("average."): value for name, value in saved.items() if name.startswith("average.")}
    assert kept.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.equal(kept[name], tensor) and kept[name].dtype == tensor.dtype, name


def test_a_checkpoint_that_pytorchs_average_wrote_goes_on(tmp_path):
    cfg, path = TrainConfig(epochs=4, batch_size=16, lr=0.1, ema=0.9), tmp_path / "state"
    whole = train(WithNorm(), 40, cross_entropy, cfg, generator(0))
    network = WithNorm()
    expected = pytorchs_average(network, 0.9)

    def objective(forward, indices, seen=[]):  # noqa: B006 (counts its calls)
        seen.append(1)
        if len(seen) > 1:
            expected.update_parameters(network)
        if len(seen) == 7:  # the third epoch begins
            raise KeyboardInterrupt
        return cross_entropy(forward, indices)

    with pytest.raises(KeyboardInterrupt):
        train(network, 40, objective, cfg, generator(0), checkpoint=Checkpoint(path, every_s=0))
    saved = load_bundle(path)
    others = {name: value for name, value in saved.tensors.items() if not name.startswith("average.")}
    theirs = {f"average.{name}": value for name, value in expected.state_dict().items()}
    assert others.keys() | theirs.keys() == saved.tensors.keys() and theirs["average.n_averaged"] == 6
    save_bundle(path, Bundle(others | theirs, saved.meta))
    resumed = train(WithNorm(), 40, cross_entropy, cfg, generator(9), checkpoint=Checkpoint(path))
    for mine, wanted in zip(resumed.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(mine, wanted)


@pytest.mark.parametrize(
    "cfg",
    [
        TrainConfig(epochs=8, batch_size=16, ema=0.9),
        TrainConfig(epochs=8, batch_size=16, optimiser="adamw", lr=0.01, decay_norms=False),
    ],
    ids=["sgd", "adamw"],
)
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path, cfg):
    whole = train(linear(), 40, cross_entropy, cfg, generator(0))
    path, calls = tmp_path / "checkpoint.safetensors", []

    def until_killed(forward, indices):
        calls.append(1)
        if len(calls) == 14:  # in the middle of the fifth epoch
            raise KeyboardInterrupt
        return cross_entropy(forward, indices)

    with pytest.raises(KeyboardInterrupt):
        train(linear(), 40, until_killed, cfg, generator(0), checkpoint=Checkpoint(path, every_s=0))
    at = Checkpoint(path).load().meta
    assert (at["epoch"], at["step"]) == (4, 1)
    resumed = train(linear(), 40, cross_entropy, cfg, generator(99), checkpoint=Checkpoint(path))
    for mine, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_training_stops_after_any_step_and_goes_on_to_the_same_weights(tmp_path):
    cfg, calls = TrainConfig(epochs=3, batch_size=8, ema=0.9), 0
    whole = train(linear(), 40, cross_entropy, cfg, generator(0))
    while calls < 100:
        calls += 1
        try:
            checkpoint = Checkpoint(tmp_path / "state", deadline=0.0)
            resumed = train(linear(), 40, cross_entropy, cfg, generator(calls - 1), checkpoint=checkpoint)
            break
        except Stopped:
            continue
    assert calls == 3 * 5 + 1
    assert all(torch.equal(*pair) for pair in zip(resumed.parameters(), whole.parameters(), strict=True))


def test_a_checkpoint_of_whole_epochs_of_an_earlier_version_is_gone_on_from(tmp_path):
    """It has neither the step within the epoch nor the order of its images."""
    cfg, path = TrainConfig(epochs=4, batch_size=16), tmp_path / "state"
    whole, kept = train(linear(), 40, cross_entropy, cfg, generator(0)), []
    earlier = Checkpoint(path, every_s=0)

    def tick(state):
        bundle = state()
        kept.append(Bundle({name: tensor.clone() for name, tensor in bundle.tensors.items()}, bundle.meta))

    earlier.tick = tick
    train(linear(), 40, cross_entropy, cfg, generator(0), checkpoint=earlier)
    (saved,) = (bundle for bundle in kept if bundle.meta["epoch"] == 2 and bundle.meta["step"] == 0)
    assert "visits.order" not in saved.tensors
    del saved.meta["step"], saved.meta["layout"]["visits"]
    save_bundle(path, Bundle(saved.tensors, saved.meta | {"seconds": 1.0}))
    steps = []
    checkpoint = Checkpoint(path)
    checkpoint.tick = lambda state: steps.append(state().meta["epoch"])
    resumed = train(linear(), 40, cross_entropy, cfg, generator(99), checkpoint=checkpoint)
    assert steps == [2, 2, 3, 3, 3, 4]
    assert all(torch.equal(*pair) for pair in zip(resumed.parameters(), whole.parameters(), strict=True))


class Changing:
    """A loss that listens to which epoch begins, and keeps what it heard and when it was asked."""

    def __init__(self, killed_at=None):
        self.alpha, self.heard, self.calls, self.killed_at = None, [], 0, killed_at

    def begin(self, epoch):
        self.alpha = epoch / 8
        self.heard.append((epoch, self.calls))

    def __call__(self, forward, indices):
        self.calls += 1
        if self.calls == self.killed_at:
            raise KeyboardInterrupt
        return (1 + self.alpha) * cross_entropy(forward, indices)


def test_a_loss_hears_which_epoch_begins_before_its_first_batch():
    loss = Changing()
    train(linear(), 40, loss, TrainConfig(epochs=4, batch_size=16), generator(0), before_epoch=loss.begin)
    assert loss.heard == [(0, 0), (1, 3), (2, 6), (3, 9)]  # three batches an epoch


def test_a_loss_that_changes_with_the_epochs_goes_on_after_a_kill(tmp_path):
    """It is new in the resumed call: what it needs to know of the epoch, it is told again."""
    cfg, path, whole = TrainConfig(epochs=8, batch_size=16, ema=0.9), tmp_path / "state", Changing()
    wanted = train(linear(), 40, whole, cfg, generator(0), before_epoch=whole.begin)
    killed, again = Changing(killed_at=14), Changing()  # in the middle of the fifth epoch
    with pytest.raises(KeyboardInterrupt):
        train(
            linear(), 40, killed, cfg, generator(0), before_epoch=killed.begin, checkpoint=Checkpoint(path, every_s=0)
        )
    found = train(linear(), 40, again, cfg, generator(9), before_epoch=again.begin, checkpoint=Checkpoint(path))
    assert [epoch for epoch, _ in again.heard] == [4, 5, 6, 7]
    for mine, theirs in zip(found.parameters(), wanted.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_loss_that_is_not_finite_stops_with_its_step():
    def objective(forward, indices):
        return cross_entropy(forward, indices) * (math.nan if len(steps) == 3 or steps.append(1) else 1)

    steps: list[int] = []
    with pytest.raises(FloatingPointError, match="the loss is nan at step 4; try a smaller lr"):
        train(linear(), 40, objective, TrainConfig(epochs=9, batch_size=64), generator(0))


def test_a_broken_training_is_not_kept_and_does_not_pass_the_second_time(tmp_path):
    """Neither by a checkpoint of the last epoch, nor where the very last step overflows."""

    def exploding(forward, indices):
        return cross_entropy(forward, indices) * 1e30

    cfg, path = TrainConfig(epochs=3, batch_size=64, lr=1e300), tmp_path / "state"
    for _ in range(2):
        with pytest.raises(FloatingPointError, match="try a smaller lr"):
            train(linear(), 40, exploding, cfg, generator(0), checkpoint=Checkpoint(path, every_s=0))
    with pytest.raises(FloatingPointError, match="a weight is not finite after the last step"):
        train(linear(), 40, exploding, TrainConfig(epochs=1, batch_size=64, lr=1e300), generator(0))


@pytest.mark.parametrize("decay_norms", [True, False])
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_without_a_gradient_a_step_shrinks_what_is_decayed_and_nothing_else(optimiser, decay_norms):
    """By 1 - lr wd: AdamW's decay is decoupled too. Biases and norms stay if asked to."""
    network, rng = WithNorm(), generator(3, "w")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    cfg = TrainConfig(1, 64, 0.3, optimiser=optimiser, weight_decay=0.2, decay_norms=decay_norms)
    train(network, 40, lambda forward, rows: 0 * cross_entropy(forward, rows), cfg, generator(0))
    for old, new in zip(before, network.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old * (1 - 0.3 * 0.2) if decay_norms or old.ndim > 1 else old)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_trained_network_answers_alike_whatever_else_is_in_the_batch(ema, training):
    """It comes in eval mode, so that batch norm takes the statistics it has kept; while it learns, it gathers them."""
    modes, network = [], WithNorm().train(training)

    def objective(forward, indices):
        modes.append(forward.training)
        return cross_entropy(forward, indices)

    trained = train(network, 40, objective, TrainConfig(epochs=3, batch_size=16, ema=ema), generator(0))
    assert modes == [True] * 9 and not any(module.training for module in trained.modules())
    whole = confusion_matrix(trained, X, Y, 2)
    for batch_size in (1, 3, 16):
        assert torch.equal(confusion_matrix(trained, X, Y, 2, batch_size), whole)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_precision_is_that_of_the_forward_pass_alone(precision):
    seen = []

    def objective(forward, indices):
        logits = forward(X[indices].float())
        seen.append((torch.is_autocast_enabled("cpu"), logits.dtype))
        return F.cross_entropy(logits.float(), Y[indices])

    cfg = TrainConfig(epochs=1, batch_size=16, precision=precision)
    trained = train(linear().float(), 40, objective, cfg, generator(0))
    half = precision == "bf16"
    assert seen == [(half, torch.bfloat16 if half else torch.float32)] * 3
    assert trained.weight.dtype == trained.weight.grad.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match="0 images"):
        train(linear(), 0, cross_entropy, TrainConfig(epochs=1), generator(0))


def test_schedules_start_at_lr_and_end_where_they_say():
    def ends(schedule: str) -> tuple[float, float]:
        cfg = TrainConfig(epochs=1000, lr=2.0, schedule=schedule)
        return learning_rate(cfg, 0), learning_rate(cfg, 1000)

    assert ends("constant") == (2.0, 2.0)
    assert ends("steps") == pytest.approx((2.0, 0.2))
    assert ends("cosine") == pytest.approx((2.0, 0.0))
    assert ends("cosine-half") == pytest.approx((2.0, 1.0))
    assert ends("cosine-half-drop") == pytest.approx((2.0, 0.0))
    assert learning_rate(TrainConfig(epochs=1000, lr=2.0), 499) == 2.0


def test_the_dropping_half_cosine_is_the_published_one():
    """Until 5/6 of the epochs the half cosine, then 0.6294 lr (E - e) / E: from 0.629 to 0.105 in one epoch."""
    cfg = TrainConfig(epochs=600, lr=1.0, schedule="cosine-half-drop")
    half = TrainConfig(epochs=600, lr=1.0, schedule="cosine-half")
    assert learning_rate(cfg, 499) == learning_rate(half, 499) == pytest.approx(0.630, abs=1e-3)
    assert learning_rate(cfg, 500) == pytest.approx(0.6294 / 6, abs=1e-4)
    assert learning_rate(cfg, 550) == pytest.approx(0.6294 / 12, abs=1e-4)


def test_the_confusion_matrix_counts_pairs_whatever_the_batch_size():
    network = linear()
    expected = torch.zeros(2, 2, dtype=torch.int64)
    for label, prediction in zip(Y, network(X).argmax(dim=1), strict=True):
        expected[label, prediction] += 1
    for batch_size in (1, 7, 100):
        assert torch.equal(confusion_matrix(network, X, Y, 2, batch_size), expected)


def test_a_bundle_of_scalars_is_enough_for_a_checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path / "c.safetensors", every_s=0)
    checkpoint.tick(lambda: Bundle({}, {"epoch": 3}))
    assert Checkpoint(tmp_path / "c.safetensors").load().meta["epoch"] == 3


def test_an_answer_that_is_not_finite_is_no_class():
    """``argmax`` would count it as class 0, and the network as right on a part of the images."""

    class Broken(nn.Module):
        def forward(self, images):
            answers = images.flatten(1)[:, :3].clone()
            answers[2] = torch.nan
            return answers

    with pytest.raises(FloatingPointError, match="answer to image 2 is not finite"):
        confusion_matrix(Broken(), torch.rand(6, 1, 2, 2), torch.zeros(6, dtype=torch.long), 3)


def test_running_statistics_that_overflowed_stop_the_training():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    network.register_buffer("statistic", torch.tensor(torch.inf))
    objective = label_objective(torch.rand(4, 1, 2, 2), torch.tensor([0, 1, 0, 1]), AugmentConfig("none"), generator(0))
    with pytest.raises(FloatingPointError, match="a weight is not finite after the last step"):
        train(network, 4, objective, TrainConfig(epochs=1, batch_size=4), generator(0))
