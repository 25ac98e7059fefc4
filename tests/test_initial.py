"""Initial sets: which real images are chosen, what fills the tail, and whose logits become the labels."""

import pytest
import torch
from toy_sets import digits, fit, toy_run

from ltdd_utils.core.store import Bundle
from ltdd_utils.distilled import NOT_REAL, content_hash
from ltdd_utils.methods.trajectory.initial import initial_set, soft_labels
from ltdd_utils.methods.trajectory.settings import InitialConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.networks import Layout

pytestmark = pytest.mark.float32

IPC = 10
NEVER = 3  # a class that no expert ever predicts
LAST, LAST_CLASSIFIER = 5, 2
PIXELS = 16 * 16


def apply(weights, images):
    """A linear classifier: quick, and right about some images of every class but one."""
    return images.flatten(1) @ weights.view(10, PIXELS).T


def expert(number):
    """Class means with errors of its own."""
    data, images = digits(), fit("zca")(digits().train_images).flatten(1)
    means = torch.stack([images[data.train_labels == label].mean(dim=0) for label in range(10)])
    weights = means / means.norm(dim=1, keepdim=True)
    weights += 0.03 * torch.randn(10, PIXELS, generator=torch.Generator().manual_seed(number))
    weights[NEVER] = 0  # a logit of zero: that of some other class is always above
    return weights.flatten()


@pytest.fixture(scope="module")
def experts():
    """Three; their first epochs are noise, and their classifier experts are others than the representation experts."""
    first, second = [], []
    for number in range(3):
        rows = torch.stack([torch.randn(10 * PIXELS), expert(number)])
        first.append(Bundle({"snapshots": rows}, {"epochs": [0, LAST]}))
        rows = torch.stack([torch.randn(10 * PIXELS), expert(10 + number)])
        second.append(Bundle({"snapshots": rows}, {"epochs": [0, LAST_CLASSIFIER]}))
    layout = Layout(("classifier.weight",), ((10, PIXELS),), 0)
    return Experts(layout, LAST, LAST_CLASSIFIER, first, second)


def make(asked, ipc=IPC, seed=0, **changes):
    return initial_set(InitialConfig(**changes), toy_run(seed=seed), ipc, asked, apply, lr=0.01)


def train_rows(indices):
    """Positions in the long tail of real images."""
    where = {int(position): row for row, position in enumerate(digits().indices)}
    return torch.tensor([where[int(position)] for position in indices])


def preprocessed(made):
    """The images of a set that are all real."""
    return fit("zca")(digits().train_images[train_rows(made.indices)])


def right_about(experts, label):
    """Positions in the long tail of a class's images that expert 0 predicts correctly."""
    mine = (digits().train_labels == label).nonzero().flatten()
    images = fit("zca")(digits().train_images[mine])
    return mine[apply(experts.snapshot(0, LAST), images).argmax(dim=1) == label]


def test_the_experts_are_right_about_some_images_and_wrong_about_others(experts):
    """What the tests below stand on."""
    right = [len(right_about(experts, label)) for label in range(10)]
    assert right[NEVER] == 0 and right[0] > IPC and 0 < right[9] < IPC
    assert all(count < total for count, total in zip(right[:2], digits().counts, strict=False))


def test_every_chosen_image_is_predicted_correctly_and_of_its_class(experts):
    made = make(experts)
    assert made.labels.tolist() == [label for label in range(10) for _ in range(IPC)] and made.lr == 0.01
    for label in set(range(10)) - {NEVER}:
        chosen = train_rows(made.indices[made.labels == label])
        right = set(right_about(experts, label).tolist())
        assert set(chosen.tolist()) <= right
        times = chosen.bincount()
        times = times[times > 0]
        assert times.max() - times.min() <= 1 and len(times) == min(IPC, len(right))  # repeated in turn
        if len(right) < IPC:
            assert chosen.tolist() == [chosen[k % len(right)].item() for k in range(IPC)]


def test_a_class_without_any_right_image_is_noise_with_uniform_labels(experts):
    made = make(experts)
    mine = made.labels == NEVER
    assert (made.indices[mine] == NOT_REAL).all() and (made.indices[~mine] != NOT_REAL).all()
    assert made.images.shape == (IPC, 1, 16, 16)
    assert abs(made.images.mean()) < 0.1 and abs(made.images.std() - 1) < 0.1
    assert (made.targets[mine] == 0).all()
    torch.testing.assert_close(made.target_probabilities()[mine], torch.full((IPC, 10), 0.1))


def test_noise_fills_what_the_right_images_leave(experts):
    made = make(experts, policy="noise")
    for label in range(10):
        mine = made.indices[made.labels == label]
        count = min(IPC, len(right_about(experts, label)))
        assert (mine[:count] != NOT_REAL).all() and (mine[count:] == NOT_REAL).all()
        assert len(mine[:count].unique()) == count
    assert len(made.images) == int((made.indices == NOT_REAL).sum())


def test_inherent_adds_nothing_and_names_the_class_that_is_too_small(experts):
    with pytest.raises(
        ValueError, match=r"class '3' has 0 images to start from, fewer than ipc=1.*'duplicate' or 'noise'$"
    ):
        make(experts, ipc=1, policy="inherent")
    smallest = min(digits().counts)
    with pytest.raises(ValueError, match=f"has {smallest} images to start from, fewer .*, or ipc up to {smallest}"):
        make(experts, ipc=smallest + 1, policy="inherent", images="real", labels="hard")
    made = make(experts, ipc=smallest, policy="inherent", images="real", labels="hard")
    assert made.images is None and len(made.indices.unique()) == 10 * smallest


def test_real_images_are_chosen_blindly(experts):
    made = make(experts, images="real")
    others = Experts(experts.layout, LAST_CLASSIFIER, LAST_CLASSIFIER, experts.classifier, [])
    again = make(others, images="real")
    assert torch.equal(made.indices, again.indices) and made.images is None
    rows = train_rows(made.indices)
    assert torch.equal(digits().train_labels[rows], made.labels)
    right = {row for label in range(10) for row in right_about(experts, label).tolist()}
    assert not set(rows[made.labels != NEVER].tolist()) <= right


@pytest.mark.parametrize("images", ["correct", "real"])
def test_which_images_are_taken_is_drawn_with_the_seed(experts, images):
    """Half of the largest class: all of its images come up among 30 seeds, and two seeds take others of them."""
    ipc = max(digits().counts) // 2
    mine = {
        label: right_about(experts, label) if images == "correct" else (digits().train_labels == label).nonzero()
        for label in (0, 1)  # with more images than are taken
    }
    taken = [make(experts, ipc=ipc, seed=seed, images=images, labels="hard").indices for seed in range(30)]
    for label, rows in mine.items():
        assert len(rows) > ipc
        draws = [set(train_rows(indices[label * ipc : (label + 1) * ipc]).tolist()) for indices in taken]
        assert draws[0] != draws[1] and set.union(*draws) == set(rows.flatten().tolist())


def test_labels_are_the_mean_logits_of_the_experts_that_are_right(experts):
    made = make(experts, images="real")
    images = preprocessed(made)
    none = some = 0
    for row, label in enumerate(made.labels.tolist()):
        logits = [apply(experts.snapshot(number, LAST), images[row : row + 1])[0] for number in range(3)]
        right = [answer for answer in logits if answer.argmax() == label]
        wanted = sum(right) / len(right) if right else torch.zeros(10)
        none, some = none + (not right), some + (0 < len(right) < 3)
        torch.testing.assert_close(made.targets[row], wanted)
    assert none and some  # both cases were there
    assert made.info["targets"] == "logits"


def test_one_expert_labels_with_its_own_logits_right_or_wrong(experts):
    made = make(experts, images="real", labels="one-expert")
    torch.testing.assert_close(made.targets, apply(experts.snapshot(0, LAST), preprocessed(made)))
    assert (made.targets.argmax(dim=1) != made.labels).any()


def test_hard_labels_are_integers(experts):
    made = make(experts, images="real", labels="hard")
    assert made.targets is None and "targets" not in made.info
    assert torch.equal(made.target_probabilities().argmax(dim=1), made.labels)


def test_the_kind_of_expert_that_is_asked_decides_images_and_labels(experts):
    first, second = (make(experts, experts=kind) for kind in ("representation", "classifier"))
    assert content_hash(first) != content_hash(second)
    cfg = InitialConfig(experts="classifier", labels="one-expert")
    images = fit("zca")(digits().train_images[:4])
    labels = soft_labels(cfg, images, digits().train_labels[:4], experts, apply)
    torch.testing.assert_close(labels, apply(experts.classifier_snapshot(0, LAST_CLASSIFIER), images))


def test_the_seed_alone_decides(experts):
    first, again, other = (content_hash(make(experts, seed=seed, policy="noise")) for seed in (0, 0, 1))
    assert first == again != other


def test_a_set_of_no_image_is_refused(experts):
    with pytest.raises(ValueError, match="ipc is 0; a distilled set needs at least 1 image per class"):
        make(experts, ipc=0)


def test_the_noise_does_not_depend_on_the_default_type(experts):
    single = make(experts, policy="noise")
    torch.set_default_dtype(torch.float64)
    double = make(experts, policy="noise", labels="hard", images="real", ipc=20)
    torch.set_default_dtype(torch.float32)
    again = make(experts, policy="noise", labels="hard", images="real", ipc=20)
    assert single.images.dtype == double.images.dtype == torch.float32 and torch.equal(double.images, again.images)
