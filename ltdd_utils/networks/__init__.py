"""Networks with a named split into backbone and classifier, built from a configuration and a generator.

| name | source | by default |
|---|---|---|
| ``convnet`` | both papers' student | blocks of 3x3 convolution, instance norm, ReLU, 2x2 average pool |
| ``resnet32`` | observer on CIFAR (uni-level paper, GLMC) | CIFAR type, 64 channels first, shortcuts without weights |
| ``resnet18`` | observer on Tiny-ImageNet, cross-architecture | 3x3 stem without pooling |
| ``vgg11``, ``alexnet`` | cross-architecture | the small-image versions of the dataset condensation family |
| ``resnet50``, ``resnext50`` | ImageNet-LT | torchvision's, without weights |
"""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "settings": ["ARCHITECTURES", "Architecture", "NetworkConfig", "register_network"],
        "network": ["Network"],
        "factory": ["build"],
        "flat": ["Apply", "Layout", "Part", "flat_parameters", "state_hash"],
        "tracing": ["traceable"],
    },
)
