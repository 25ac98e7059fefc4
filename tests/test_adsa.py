"""ADSA: what the calibration is, which tau is found, and that students are told it."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from toy_sets import NAMES, digits, fit, synthetic, toy_run

from ltdd_utils.core.seeds import generator
from ltdd_utils.data import DataConfig, load
from ltdd_utils.evaluation import (
    ADSAConfig,
    Calibrated,
    calibration,
    class_confidence,
    find_tau,
    gather,
    protocol,
    student,
    whole_image_logits,
)
from ltdd_utils.evaluation import objectives as objectives_module

CFG = ADSAConfig()


def tail(classes, factor):
    """Class shares of an exponential long tail, float64 ``[C]``."""
    counts = factor ** -(torch.arange(classes, dtype=torch.float64) / (classes - 1))
    return counts / counts.sum()


def planted(classes, tau, prior, noise=1.0):
    """Logits and labels that are alike for all classes up to their names, plus tau log prior."""
    rows = noise * torch.randn(20, classes, dtype=torch.float64, generator=generator(0, "rows"))
    rows[:, 0] += 3.0  # of the own class
    logits = torch.cat([rows.roll(label, dims=1) for label in range(classes)])
    return logits + tau * prior.log(), torch.arange(classes).repeat_interleave(20)


def test_no_strength_changes_nothing_and_the_shift_sums_to_zero():
    prior = tail(5, 100)
    assert bool((calibration(prior, 0.0) == 0).all())
    for tau in (0.5, 1.0, 3.0):
        shift = calibration(prior, tau).double()
        assert shift.sum().item() == pytest.approx(0, abs=1e-5)
        wanted = tau * (prior[:, None] / prior).log()  # log-odds of two classes move by tau times the log of the ratio
        torch.testing.assert_close(shift - shift[:, None], wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(calibration(7 * prior, 1.0), calibration(prior, 1.0))  # counts would do as well
    assert bool((calibration(torch.full((5,), 0.2), 2.0).abs() < 1e-6).all())


def test_the_softmax_does_not_see_the_centring():
    prior, logits = tail(4, 50), torch.randn(6, 4, generator=generator(0, "logits"))
    found = (logits + calibration(prior, 0.7)).softmax(dim=1)
    powers = logits.exp() / prior**0.7
    torch.testing.assert_close(found, powers / powers.sum(dim=1, keepdim=True), rtol=1e-6, atol=1e-6)


def test_confidences_are_mean_probabilities_of_the_own_class():
    prior, labels = tail(3, 20), torch.tensor([2, 0, 1, 0, 2, 2])
    logits = torch.randn(6, 3, generator=generator(0, "logits"))
    for tau in (0.0, 0.4, 2.0):
        found = class_confidence(logits, labels, prior, tau)
        for label in range(3):
            own = []
            for row in logits[labels == label].tolist():
                powers = [torch.tensor(value - tau * prior[k].log().item()).exp() for k, value in enumerate(row)]
                own.append((powers[label] / sum(powers)).item())
            assert found[label].item() == pytest.approx(sum(own) / len(own), abs=1e-6)


@pytest.mark.parametrize("tau", [0.0, 0.37, 1.0, 1.5])
@pytest.mark.parametrize(("classes", "factor"), [(10, 100), (10, 20), (4, 50)])
def test_a_planted_prior_is_found(tau, classes, factor):
    prior = tail(classes, factor)
    found, curve = find_tau(*planted(classes, tau, prior), prior, CFG)
    assert found == pytest.approx(tau, abs=CFG.step)
    assert dict(curve)[found] < 1e-3


def test_the_order_of_images_and_of_classes_does_not_matter():
    prior, (logits, labels) = tail(6, 30), planted(6, 0.8, tail(6, 30), noise=2.0)
    logits = logits + torch.randn(logits.shape, generator=generator(0, "more"))
    tau, curve = find_tau(logits, labels, prior, CFG)
    rows = torch.randperm(len(labels), generator=generator(0, "order"))
    assert find_tau(logits[rows], labels[rows], prior, CFG)[0] == tau
    backwards, again = find_tau(logits.flip(1), 5 - labels, prior.flip(0), CFG)
    assert backwards == tau and [value for _, value in again] == pytest.approx([value for _, value in curve])


def test_the_curve_is_the_spread_over_the_whole_range():
    prior, (logits, labels) = tail(4, 20), planted(4, 0.5, tail(4, 20))
    _, curve = find_tau(logits, labels, prior, ADSAConfig(largest=0.7, step=0.1))
    assert [tau for tau, _ in curve] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    for tau, value in curve:
        confidence = class_confidence(logits, labels, prior, tau).tolist()
        mean = sum(confidence) / 4
        assert value == pytest.approx((sum((one - mean) ** 2 for one in confidence) / 4) ** 0.5)


def test_the_first_minimum_is_taken_and_not_the_collapse_onto_the_rarest_class():
    """With many classes the criterion falls again, to sqrt(C - 1) / C: only the first minimum means anything."""
    classes = 60
    prior = tail(classes, 50)
    ease = torch.linspace(-2, 2, classes)[torch.randperm(classes, generator=generator(0, "ease"))]
    logits, labels = planted(classes, 1.0, prior)
    logits[torch.arange(len(labels)), labels] += ease[labels]  # some classes are hard, whatever tau is
    found, curve = find_tau(logits, labels, prior, ADSAConfig(largest=60.0, step=0.1))
    values = [value for _, value in curve]
    at = [tau for tau, _ in curve].index(found)
    assert 0 < found < 3 and values[at + 1] > values[at]
    assert all(values[step + 1] <= values[step] for step in range(at))
    assert min(values) < 0.9 * values[at]  # further on it is lower
    assert values[-1] == pytest.approx((classes - 1) ** 0.5 / classes, rel=0.05)


def test_the_search_ends_at_the_end_of_its_range():
    prior = tail(4, 20)
    assert find_tau(*planted(4, 5.0, prior), prior, CFG)[0] == 3.0
    logits, labels = planted(4, 1.0, prior)
    at_zero = class_confidence(logits, labels, prior, 0.0).std(correction=0).item()
    assert find_tau(logits, labels, prior, ADSAConfig(largest=0.0)) == (0.0, [(0.0, pytest.approx(at_zero))])
    assert find_tau(*planted(4, -1.0, prior), prior, CFG)[0] == 0.0


def test_a_calibrated_teacher_answers_with_shifted_logits():
    teacher, shift = nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.tensor([1.0, -2.0, 1.0])
    images = torch.randn(5, 1, 2, 2, generator=generator(0, "images"))
    torch.testing.assert_close(Calibrated(teacher, shift)(images), teacher(images) + shift)
    calibrated = Calibrated(teacher, shift)
    assert "shift" in dict(calibrated.named_buffers()) and len(list(calibrated.parameters())) == 2  # the shift is fixed


def test_what_has_no_calibration_is_refused():
    logits, labels = torch.zeros(3, 3), torch.tensor([0, 2, 0])
    with pytest.raises(ValueError, match=r"^class 1 has no distilled image, so it has no confidence to calibrate$"):
        find_tau(logits, labels, tail(3, 10), CFG)
    with pytest.raises(ValueError, match=r"^prior must hold 3 shares above 0, got \[0.5, 0.5, 0.0\]$"):
        calibration(torch.tensor([0.5, 0.5, 0.0]), 1.0)


# Students.


class Biased(nn.Module):
    """A teacher that sees brightness alone, and has learned the long tail's prior; its norm keeps statistics."""

    def __init__(self, prior, tau=1.0):
        super().__init__()
        self.norm, self.flat = nn.BatchNorm2d(1), nn.Linear(256, 10)
        with torch.no_grad():
            self.flat.weight.copy_(torch.randn(10, 256, generator=generator(0, "teacher")) / 16)
            self.flat.bias.copy_(tau * prior.log())

    def forward(self, images):
        return self.flat(self.norm(images).flatten(1))


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_a_label_does_not_depend_on_the_batch_it_was_given_in(batch, monkeypatch):
    monkeypatch.setattr(objectives_module, "TEACHER_BATCH", batch)
    teacher, pictures = Biased(digits().prior.double()).eval(), digits().test_images[:20]
    preprocess = fit("normalise")
    found = whole_image_logits(teacher.float(), pictures, preprocess)
    alone = torch.cat([teacher(preprocess(picture[None])) for picture in pictures]).detach()
    torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-5)
    assert not found.requires_grad


def cfg(name, **changes):
    base = protocol(name, "digits", "tiny")
    small = {"train": replace(base.train, epochs=1), "network": replace(base.network, width=8)}
    return replace(base, **small, **changes)


def trained(folder, settings, teacher=None, data=None, **changes):
    kind = settings.preprocess.kind
    run = replace(toy_run(folder, kind=kind), data=digits() if data is None else data)
    return student(synthetic(kind=kind, **changes), run, settings, 0, teacher)


@pytest.mark.float32
@pytest.mark.parametrize("name", ["online-teacher", "online-stored"])
def test_an_online_student_learns_from_its_teacher_without_the_prior_and_is_told_the_tau(tmp_path, monkeypatch, name):
    teacher, seen, real = Biased(digits().prior.float()).eval(), [], objectives_module.view_objective
    monkeypatch.setattr(
        "ltdd_utils.evaluation.objectives.view_objective",
        lambda *parts, **named: seen.append(parts[3]) or real(*parts, **named),
    )
    found = trained(tmp_path, cfg(name, adsa=CFG), teacher)
    pictures = fit("normalise").inverse(synthetic(kind="normalise").images).clamp(0, 1).mul(255).round().to(torch.uint8)
    logits = whole_image_logits(teacher, pictures, fit("normalise"))
    wanted = find_tau(logits, synthetic().labels, digits().prior, CFG)[0]
    assert found.meta["adsa_tau"] == wanted > 0
    images, logs = fit("normalise")(pictures), digits().prior.float().log()
    torch.testing.assert_close(seen[0](images), teacher(images) - wanted * (logs - logs.mean()), rtol=1e-4, atol=1e-5)
    assert not seen[0].training
    kept = gather([found], digits().counts)
    assert kept.taus == (wanted,) and kept.each_student()[0]["adsa_tau"] == wanted
    assert "adsa_tau" not in trained(tmp_path, cfg(name), teacher).meta and seen[1] is teacher


@pytest.mark.float32
def test_students_of_two_teachers_are_two_students(tmp_path):
    """The same settings and seed, but other weights: such as a teacher that was trained again on a GPU."""
    first, second = Biased(digits().prior.float()).eval(), Biased(digits().prior.float().flip(0)).eval()
    told = [trained(tmp_path / name, cfg("online-teacher"), teacher) for name, teacher in (("a", first), ("a", second))]
    alone = trained(tmp_path / "b", cfg("online-teacher"), second)
    assert torch.equal(told[1].tensors["confusion"], alone.tensors["confusion"])
    assert not torch.equal(told[0].tensors["confusion"], alone.tensors["confusion"])


def soft(tau):
    rows = torch.randn(20, 10, dtype=torch.float32, generator=generator(0, "soft labels"))
    rows[torch.arange(20), torch.arange(10).repeat_interleave(2)] += 3
    return rows + tau * digits().prior.float().log()


@pytest.mark.float32
def test_stored_soft_labels_lose_the_prior(tmp_path, monkeypatch):
    """The student of labels with a planted prior is trained on the labels without it."""
    seen, real = [], objectives_module.stored_objective
    monkeypatch.setattr(
        "ltdd_utils.evaluation.objectives.stored_objective",
        lambda images, targets, *rest, **named: seen.append(targets) or real(images, targets, *rest, **named),
    )
    info = {"class_names": NAMES, "targets": "logits", "preprocess": fit("zca").describe()}
    found = trained(tmp_path, cfg("dsa-stored", adsa=CFG), targets=soft(1.0), info=info)
    tau = found.meta["adsa_tau"]
    assert tau == find_tau(soft(1.0), synthetic().labels, digits().prior, CFG)[0] > 0.3
    torch.testing.assert_close(seen[0], soft(1.0 - tau).softmax(dim=1), rtol=1e-4, atol=1e-5)


@pytest.mark.float32
def test_on_balanced_data_there_is_nothing_to_calibrate(tmp_path):
    data = load(DataConfig("digits", imbalance_factor=1, n_max=20))
    info = {"class_names": NAMES, "targets": "logits", "preprocess": fit("zca").describe()}
    parts = {"targets": soft(0.0), "info": info, "data": data}
    plain, calibrated = (trained(tmp_path, cfg("dsa-stored", **more), **parts) for more in ({}, {"adsa": CFG}))
    assert torch.equal(plain.tensors["confusion"], calibrated.tensors["confusion"])


@pytest.mark.float32
def test_probabilities_are_calibrated_as_the_logits_that_they_are_the_softmax_of(tmp_path, monkeypatch):
    taus, seen, real = [], [], objectives_module.stored_objective

    def watched(images, targets, *rest, **named):
        seen.append(targets)
        return real(images, targets, *rest, **named)

    monkeypatch.setattr(objectives_module, "stored_objective", watched)
    for kind, targets in {"logits": soft(1.0), "probabilities": soft(1.0).softmax(dim=1)}.items():
        info = {"class_names": NAMES, "targets": kind, "preprocess": fit("zca").describe()}
        found = trained(tmp_path, cfg("dsa-stored", adsa=CFG), targets=targets, info=info)
        taus.append(found.meta["adsa_tau"])
    assert taus[0] == taus[1] > 0.3
    torch.testing.assert_close(seen[1], seen[0], rtol=1e-4, atol=1e-5)


@pytest.mark.float32
def test_a_set_without_soft_labels_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^ADSA calibrates soft labels, .* leave evaluate\.adsa out$"):
        trained(tmp_path, cfg("dsa-stored", adsa=CFG))
