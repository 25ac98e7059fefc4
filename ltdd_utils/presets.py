"""Settings that recipes share, at each scale: data sets, architectures, and the networks trained on the long tail."""

from dataclasses import dataclass, replace

from ltdd_utils.augment.settings import AugmentConfig
from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.data.facts import DATASETS, Scale, stand_in
from ltdd_utils.networks.settings import ARCHITECTURES, NetworkConfig
from ltdd_utils.teachers.settings import DebiasConfig, TeacherConfig
from ltdd_utils.training.settings import TrainConfig

__all__ = [
    "TEACHERS",
    "Cell",
    "architecture",
    "debiased",
    "dsa_augmentation",
    "observer",
    "plain_expert",
    "published_student",
    "small_convnet",
    "teacher",
]


@dataclass(frozen=True)
class Cell:
    """One cell of a table at one scale: what a method's settings may depend on."""

    dataset: str
    scale: Scale
    imbalance_factor: float
    ipc: int


TEACHERS = ("plain", "debiased")
PADDING = 4  # pixels, of the crops that train teachers and observers: at most this at the reduced scales
# The uni-level release.
OBSERVERS = {"cifar10": "resnet32", "cifar100": "resnet32", "tiny": "resnet18", "imagenet": "resnext50"}
STUDENTS = dict.fromkeys(OBSERVERS, "convnet") | {"imagenet-224": "resnext50"}  # of its protocol, and their teachers
LISTED = "imagenet-224"  # whose schedule is GLMC's, which has published one for its ResNeXt-50 on this list
GLMC_LISTED = {"epochs": 135, "batch_size": 120, "lr": 0.1, "weight_decay": 2e-4}


def architecture(name: str, dataset: str, scale: Scale) -> NetworkConfig:
    """A student's network as published: its norm, its width, a ConvNet's depth.

    Scale tiny makes every architecture narrow. Scale cpu makes the others narrow and leaves the ConvNet as it is, for
    it is the teacher too; a ConvNet that is trained many times is ``small_convnet``.

    Raises:
        ValueError: an unknown architecture.
    """
    known = ARCHITECTURES.find(name)
    narrow = scale == "tiny" or (scale == "cpu" and known.width is None)
    width = known.narrow if narrow else known.width
    return NetworkConfig(name, depth=DATASETS[dataset].depth, width=width, norm=known.norm)


def small_convnet(dataset: str, scale: Scale) -> NetworkConfig:
    """The papers' ConvNet, of width 32 at scale cpu: what is trained many times or for long has it."""
    network = architecture("convnet", dataset, scale)
    return replace(network, width=32) if scale == "cpu" else network


def published_student(dataset: str, scale: Scale) -> NetworkConfig:
    """The student of paper 2, and the network of the teacher that labels for it (``STUDENTS``), a ConvNet a small one.

    Note:
        On the standard list of ImageNet-LT the paper prints "ResNet-50"; its release builds ResNeXt-50-32x4d there, as
        observer, teacher and student, and so do we.
    """
    name = STUDENTS[_published(dataset)]
    return small_convnet(dataset, scale) if name == "convnet" else architecture(name, dataset, scale)


def dsa_augmentation(dataset: str) -> AugmentConfig:
    """DSA with all operations that keep an image in its class: digits are not mirrored."""
    strategy = AugmentConfig.strategy if DATASETS[dataset].flip else AugmentConfig.strategy.replace("_flip", "")
    return AugmentConfig(kind="dsa", strategy=strategy)


def plain_expert(dataset: str, scale: Scale) -> TeacherConfig:
    """Cross-entropy on the long tail; 200 epochs at scale paper, 20 at cpu, 60 at tiny."""
    epochs = {"tiny": 60, "cpu": 20, "paper": 200}[scale]
    known = DATASETS[dataset]
    augment = AugmentConfig(kind="crop-flip", flip=known.flip, padding=min(PADDING, known.padding))
    training = TrainConfig(epochs=epochs, batch_size=64, lr=0.01, weight_decay=5e-3, schedule="cosine")
    return TeacherConfig(architecture("convnet", dataset, scale), training, augment)


def teacher(dataset: str, scale: Scale, kind: str = "plain") -> TeacherConfig:
    """The teacher of the online protocols: the student's network, trained as ``kind`` says.

    Scale cpu trains a ConvNet of width 32 for 40 epochs, scale tiny 40 epochs with larger and more steps. Images of
    64x64 pixels are padded by 8 pixels at scale paper (``DataSet.padding``), by 4 at scale cpu.

    Note:
        Differs from the release on ImageNet-LT, whose settings are unknown but for 10 epochs of warm-up, which are left
        out here. At 64x64 pixels epochs, step size, batch, weight decay and the debiased losses are those of the other
        data sets; at 224x224, on the standard list, those of GLMC (CVPR 2023), which it builds on: 135 epochs, step
        size 0.1, batch 120, weight decay 2e-4, q 1 and consistency weight 10. Padded crops stand for GLMC's views.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in TEACHERS:
        raise ValueError(f"unknown teacher {kind!r}{did_you_mean(kind, TEACHERS)}; choose one of {', '.join(TEACHERS)}")
    base = replace(plain_expert(dataset, scale), network=published_student(dataset, scale))
    if scale == "cpu":
        base = replace(base, train=replace(base.train, epochs=40))
    if scale == "tiny":
        base = replace(base, train=_short(base.train))
    base = _padded(base, dataset, scale)
    return _debiased_on(dataset, base) if kind == "debiased" else base


def observer(dataset: str, scale: Scale, kind: str = "plain") -> TeacherConfig:
    """The network under which images are recovered; it has BatchNorm. As in the uni-level release (``OBSERVERS``).

    Scale cpu trains a ResNet-32 of base width 16 for 20 epochs in bf16, scale tiny a ConvNet with BatchNorm. Padding is
    that of ``teacher``, and so is what differs on ImageNet.
    """
    base = plain_expert(dataset, scale)
    if scale == "tiny":
        network = NetworkConfig("convnet", depth=DATASETS[dataset].depth, width=32, norm="batch")
        train = _short(base.train)
    elif scale == "cpu":
        network = NetworkConfig("resnet32", width=16, norm="batch")
        train = replace(base.train, epochs=20, precision="bf16")
    else:
        published = OBSERVERS[stand_in(dataset, OBSERVERS, "the uni-level release")]
        network, train = NetworkConfig(published, norm="batch"), base.train
        if _published(dataset) == LISTED:  # observer and teacher are equal: one training for both
            network = published_student(dataset, scale)
    base = _padded(replace(base, network=network, train=train), dataset, scale)
    return _debiased_on(dataset, base) if kind == "debiased" else base


def _padded(base: TeacherConfig, dataset: str, scale: Scale) -> TeacherConfig:
    """The release's padding at scale paper, and GLMC's schedule on ImageNet-LT's list; reduced scales keep theirs."""
    if scale != "paper":
        return base
    train = replace(base.train, **GLMC_LISTED) if _published(dataset) == LISTED else base.train
    return replace(base, train=train, augment=replace(base.augment, padding=DATASETS[dataset].padding))


def _debiased_on(dataset: str, plain: TeacherConfig) -> TeacherConfig:
    """``debiased``, with GLMC's own weights where its schedule is taken too."""
    made = debiased(plain)
    listed = _published(dataset) == LISTED
    return replace(made, debias=DebiasConfig(sharpness=1.0, consistency=10.0)) if listed else made


def _published(dataset: str) -> str:
    """The data set whose students and teachers of the uni-level release stand in."""
    return stand_in(dataset, STUDENTS, "the uni-level release")


def _short(train: TrainConfig) -> TrainConfig:
    """A few hundred images: the re-weighted head needs more and larger steps than the release's to learn the tail."""
    return replace(train, epochs=40, batch_size=32, lr=0.03)


def debiased(plain: TeacherConfig) -> TeacherConfig:
    """The same network and schedule with two heads, a projection, and the debiased losses.

    The projection has 128 features, of a ResNet-18 (the observer on Tiny-ImageNet) 256, as in the release
    (``Architecture.projection``). That of a ResNeXt-50 is unknown: it has 128 too.
    """
    projection = ARCHITECTURES[plain.network.name].projection
    network = replace(plain.network, second_head=True, projection=projection)
    return replace(plain, network=network, kind="debiased", debias=DebiasConfig())
