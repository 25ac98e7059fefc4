"""The distilled set: what every method returns, what every protocol trains on, and one file that describes itself.

Synthetic images are stored in the space of the preprocessing they were made in. Unmodified real images are stored as
positions in the training set (and crop boxes), never as pixels, so that a committed set holds no data.
"""

from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet, composition, content_hash
from ltdd_utils.distilled.files import SCHEMA, from_bundle, load_set, save_set, to_bundle
from ltdd_utils.distilled.masses import class_mass, mass_slope, own_share
from ltdd_utils.distilled.mosaics import expanded
from ltdd_utils.distilled.result import DistillationResult
from ltdd_utils.distilled.spaces import pixels, translate, uint8_pixels
from ltdd_utils.distilled.states import kept_states
from ltdd_utils.distilled.swaps import swapped

__all__ = [
    "NOT_REAL",
    "SCHEMA",
    "DistillationResult",
    "DistilledSet",
    "class_mass",
    "composition",
    "content_hash",
    "expanded",
    "from_bundle",
    "kept_states",
    "load_set",
    "mass_slope",
    "own_share",
    "pixels",
    "save_set",
    "swapped",
    "to_bundle",
    "translate",
    "uint8_pixels",
]
