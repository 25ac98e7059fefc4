"""Teachers that are logit-adjusted: in their loss, or after training."""

from dataclasses import replace

import pytest
import torch
from toy_sets import digits, quick, toy_run

from ltdd_utils import recipes
from ltdd_utils.core.settings import config_id, to_dict
from ltdd_utils.presets import teacher
from ltdd_utils.teachers import TeacherConfig, train_teacher

pytestmark = pytest.mark.float32


def small(**changes):
    return replace(quick(protocol="online-teacher").evaluate.teacher, **changes)


def test_settings_of_earlier_teachers_keep_their_names():
    usual = TeacherConfig()
    assert not {"logit_adjustment", "tau"} & set(to_dict(usual))
    assert config_id(usual) != config_id(replace(usual, logit_adjustment=1.0)) != config_id(replace(usual, tau=1.0))


def test_tau_shifts_the_logits_of_the_plain_teacher_by_the_log_of_the_prior(tmp_path):
    run = toy_run(tmp_path, digits(), kind="normalise")
    plain, adjusted = (train_teacher(small(tau=tau), run) for tau in (0.0, 1.5))
    images = run.test_images()[:7]
    shift = (adjusted(images) - plain(images)).detach()
    torch.testing.assert_close(shift, shift[:1].expand(7, -1), rtol=1e-4, atol=1e-4)
    logs = digits().prior.log().float()
    torch.testing.assert_close(shift[0] - shift[0, 0], -1.5 * (logs - logs[0]), rtol=1e-4, atol=1e-4)
    assert len(list((tmp_path / "work" / "expert").iterdir())) == 1  # trained once for both


def test_an_adjusted_loss_of_balanced_data_is_cross_entropy(tmp_path):
    run = toy_run(tmp_path, digits(), kind="normalise")
    flat = replace(run, data=replace(run.data, counts=(9,) * 10))
    first, second = (train_teacher(small(logit_adjustment=tau), flat) for tau in (0.0, 1.0))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)  # softmax does not see a common shift


def test_an_adjusted_loss_moves_answers_to_the_rare_classes(tmp_path):
    run = toy_run(tmp_path, digits(), kind="normalise")
    usual, adjusted = (train_teacher(small(logit_adjustment=tau), run) for tau in (0.0, 1.0))
    rare, images = int(digits().prior.argmin()), run.test_images()
    share = [network(images).softmax(dim=1)[:, rare].mean().item() for network in (usual, adjusted)]
    assert share[1] > share[0]


@pytest.mark.parametrize(("name", "key"), [("unilevel_digits", "observer"), ("herding_digits", "expert")])
def test_a_network_whose_features_are_read_has_no_tau(name, key):
    with pytest.raises(ValueError, match=rf"{key}\.tau is 1\.0, which moves answers alone"):
        recipes.with_overrides(recipes.recipe(name), {f"method.{key}.tau": "1.0"})


def test_a_debiased_teacher_has_losses_of_its_own():
    with pytest.raises(ValueError, match="a debiased network has losses of its own; use kind 'plain', or tau"):
        replace(teacher("digits", "tiny", "debiased"), logit_adjustment=1.0)
    assert replace(teacher("digits", "tiny", "debiased"), tau=1.0).tau == 1.0
    with pytest.raises(ValueError, match="tau"):
        small(tau=-1.0)
