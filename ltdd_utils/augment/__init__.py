"""Augmentation of a batch: differentiable siamese augmentation, crops, Mixup and CutMix, RandAugment.

Random numbers come from a CPU generator that is passed in, and move to the images' device. Nothing here loops over the
images of a batch.
"""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "settings": ["AugmentConfig", "DSA_OPERATIONS", "dsa_operations"],
        "siamese": ["DSAParameters", "OPERATIONS", "apply", "draw", "dsa", "shift", "strategy_of"],
        "crops": ["crop_boxes", "draw_boxes", "random_crop_flip", "random_flip", "random_resized_crop"],
        "mixing": ["cutmix", "cutmix_box", "mixup"],
        "policy": ["SPACE", "magnitude_of", "randaugment", "transform"],
        "batches": ["augmenter"],
    },
)
