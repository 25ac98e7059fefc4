"""Random views of a batch, each drawn from a generator that is passed in.

Random numbers come from a CPU generator and move to the images' device. Nothing here loops over the images of a batch.
"""

from ltdd_utils.views.crops import crop_boxes, draw_boxes, random_crop_flip, random_flip, random_resized_crop
from ltdd_utils.views.mixing import cutmix, cutmix_box, mixup
from ltdd_utils.views.policy import randaugment

__all__ = [
    "crop_boxes",
    "cutmix",
    "cutmix_box",
    "draw_boxes",
    "mixup",
    "randaugment",
    "random_crop_flip",
    "random_flip",
    "random_resized_crop",
]
