"""Long-tailed data sets in memory: the embedded digits always, the real CIFAR where it is on the machine."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from ltdd_utils.data import DataConfig, class_counts, kept_positions, load
from ltdd_utils.data.sources.dataset import SourceDataset


@pytest.fixture(scope="module")
def digits():
    return load(DataConfig())


def test_facts_of_digits(digits):
    assert digits.counts == (120, 86, 61, 44, 31, 22, 16, 11, 8, 6)
    assert (digits.classes, digits.channels, digits.image_size) == (10, 1, 16)
    assert digits.train_images.shape == (405, 1, 16, 16)
    assert digits.train_images.dtype == digits.test_images.dtype == torch.uint8
    assert digits.train_labels.dtype == digits.test_labels.dtype == digits.indices.dtype == torch.int64
    assert digits.train_labels.bincount().tolist() == list(digits.counts)
    assert digits.test_labels.bincount().tolist() == [50] * 10
    assert digits.train_images.max() == 255
    assert digits.prior.dtype == torch.float64
    torch.testing.assert_close(digits.prior * 405, torch.tensor(digits.counts, dtype=torch.float64))
    assert digits.class_names == tuple("0123456789")


def test_digits_train_and_test_part_the_scans(digits):
    everything = load(DataConfig(profile="natural"))
    scans = load_digits()
    assert len(everything.train_images) + len(everything.test_images) == 1797
    ours = torch.cat([everything.train_images, everything.test_images])
    labels = torch.cat([everything.train_labels, everything.test_labels])
    found = sorted((label, *image) for label, image in zip(labels.tolist(), ours.flatten(1).tolist(), strict=True))
    # Independent of the loader: enlarge every scan by the weights 3/4 and 1/4 of the two nearest pixels.
    index = np.arange(16)
    near, far = index // 2, np.clip(index // 2 + np.where(index % 2, 1, -1), 0, 7)
    weights = np.zeros((16, 8))
    np.add.at(weights, (index, near), 0.75)
    np.add.at(weights, (index, far), 0.25)
    large = np.rint(weights @ (scans.images * 255 / 16) @ weights.T).astype(int).reshape(1797, -1)
    expected = sorted((label, *image) for label, image in zip(scans.target.tolist(), large.tolist(), strict=True))
    assert len(found) == len(expected)
    assert max(np.abs(np.subtract(found, expected)).max(axis=1)) <= 1  # halves may round either way


def test_kept_images_are_those_of_the_list(digits):
    everything = load(DataConfig(profile="natural"))
    at = {int(position): row for row, position in enumerate(everything.indices)}
    rows = [at[int(position)] for position in digits.indices]
    assert torch.equal(everything.train_images[rows], digits.train_images)
    assert torch.equal(everything.train_labels[rows], digits.train_labels)
    assert sorted(at) == list(range(1297))


def test_longer_tails_are_nested(digits):
    longer = load(DataConfig(imbalance_factor=60))
    assert set(longer.indices.tolist()) < set(digits.indices.tolist())
    assert torch.equal(longer.test_images, digits.test_images)


def test_reversed_order_keeps_the_labels(digits):
    other = load(DataConfig(class_order="reversed"))
    assert other.counts == digits.counts[::-1]
    everything = load(DataConfig(profile="natural"))
    nines = everything.train_images[everything.train_labels == 9].flatten(1).tolist()
    assert all(image in nines for image in other.train_images[other.train_labels == 9].flatten(1).tolist())


def test_hash_names_the_content(digits):
    assert load(DataConfig()).sha256 == digits.sha256
    # An equal subset under another description is the same data; another subset is not.
    assert load(DataConfig(n_max=120)).sha256 == digits.sha256
    others = [load(DataConfig(subset_seed=43)), load(DataConfig(imbalance_factor=21)), load(DataConfig(n_max=119))]
    pixels = digits.test_images.clone()
    pixels[0, 0, 0, 0] += 1
    others.append(replace(digits, test_images=pixels))
    assert len({digits.sha256, *(other.sha256 for other in others)}) == 5


def test_the_subset_seed_decides_alone(digits):
    torch.manual_seed(1)
    np.random.seed(1)
    assert torch.equal(load(DataConfig()).indices, digits.indices)
    ldam = load(DataConfig(index_list="ldam", subset_seed=0))
    assert ldam.counts == digits.counts
    assert set(ldam.indices.tolist()) != set(digits.indices.tolist())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (DataConfig("letters"), "'letters' is unknown: use digits, cifar10"),
        (DataConfig(n_max=125, imbalance_factor=1), "images, but 125 were requested: change n_max"),
        (DataConfig(imbalance_factor=121), "leaves the rarest class no image: use at most n_max, here 120"),
        (DataConfig(profile="list"), "digits has no standard list file"),
    ],
)
def test_refusals(config, message):
    with pytest.raises(ValueError, match=message):
        load(config)


def toy_population(**changes):
    labels = np.array([1, 0, 2, 0, 1, 0, 2, 0])
    return replace(SourceDataset(labels, ("a", "b", "c"), 4, lambda p, w: None, lambda w: None), **changes)


def test_profiles_on_a_toy():
    natural = DataConfig(profile="natural")
    assert kept_positions(natural, toy_population()).tolist() == [1, 3, 5, 7, 0, 4, 2, 6]
    listed = toy_population(listed=lambda: np.array([6, 3, 4, 1]))
    assert kept_positions(DataConfig(profile="list"), listed).tolist() == [3, 1, 4, 6]
    with pytest.raises(ValueError, match="class 'd' of digits has no train image"):
        kept_positions(natural, toy_population(class_names=("a", "b", "c", "d")))


def test_small_classes_give_all_where_the_data_set_allows_it():
    balanced = DataConfig(imbalance_factor=1)
    with pytest.raises(ValueError, match="class 1 has 2 images, but 4 were requested"):
        kept_positions(balanced, toy_population())
    kept = kept_positions(balanced, toy_population(takes_all=True))
    assert sorted(kept.tolist()) == list(range(8))


def raw_cifar(data_root, name):
    """Train and test images and labels straight from the pickles, [N, 3, 32, 32]."""
    folder = data_root / {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}[name]
    if not folder.is_dir():
        pytest.skip(f"no {name} in {data_root}")
    files = [f"data_batch_{i}" for i in range(1, 6)] if name == "cifar10" else ["train"]
    parts = []
    for group in (files, ["test_batch" if name == "cifar10" else "test"]):
        batches = [pickle.loads((folder / file).read_bytes(), encoding="latin1") for file in group]
        images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
        key = "labels" if name == "cifar10" else "fine_labels"
        parts += [images, [label for batch in batches for label in batch[key]]]
    return parts


@pytest.mark.parametrize(
    ("name", "factors", "names"),
    [("cifar10", (10, 200), ("airplane", "truck")), ("cifar100", (10, 50), ("apple", "worm"))],
)
def test_real_cifar_keeps_the_images_of_the_release(data_root, name, factors, names):
    images, labels, test_images, test_labels = raw_cifar(data_root, name)
    classes = len(set(labels))
    of_class = [[i for i, label in enumerate(labels) if label == c] for c in range(classes)]
    for factor in factors:
        data = load(DataConfig(name, factor), data_root)
        counts = class_counts(50000 // classes, factor, classes)
        kept = []
        for own, count in zip(of_class, counts, strict=True):
            kept += [own[k] for k in np.random.RandomState(42).permutation(len(own))[:count]]
        assert data.indices.tolist() == kept
        assert list(data.counts) == counts
    assert np.array_equal(data.train_images.numpy(), images[kept])
    assert data.train_labels.tolist() == [labels[i] for i in kept]
    assert np.array_equal(data.test_images.numpy(), test_images)
    assert data.test_labels.tolist() == test_labels
    assert (data.class_names[0], data.class_names[-1]) == names


def test_absent_cifar_names_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no cifar10 in .*: run `ltdd data fetch cifar10`"):
        load(DataConfig("cifar10"), tmp_path)


def test_altered_cifar_is_refused(tmp_path):
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python" / "train").write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"incomplete or altered .*ltdd data fetch cifar100"):
        load(DataConfig("cifar100"), tmp_path)


def test_rows_of_positions_are_looked_up_as_in_a_table(digits):
    table = {int(position): row for row, position in enumerate(digits.indices)}
    asked = torch.arange(-1, int(digits.indices.max()) + 5)
    asked = asked[torch.randperm(len(asked), generator=torch.Generator().manual_seed(0))].repeat(2)
    assert digits.rows_of(asked).tolist() == [table.get(position, -1) for position in asked.tolist()]
    assert digits.rows_of(asked.int()).dtype == torch.int64 and digits.rows_of(asked[:0]).tolist() == []
