"""Sets of other codes, read and written: what their files hold, and what must be right of it.

============= ==================================================================================
``reading``   what the files do not say, as a user may say it
``files``     files of ``torch.save``, of which only tensors and numbers are unpickled
``labels``    class numbers, one-hot rows, probabilities and logits told apart; the order of images
``spaces``    whether images are in the space that they are said to be in; carried to another one
``layouts``   which layout a folder has, and its contents
``pictures``  a folder of pictures, one folder for each class, read and written
``arrays``    arrays of NumPy in one file, read and written; a tar of WebDataset, written
``card``      the card of a published set
``forms``     the forms that a set can be written in, in words
``dataset``   a set as a ``torch.utils.data.Dataset``
============= ==================================================================================

The layout of the trajectory family itself is in ``ltdd_utils.methods.trajectory.interchange``.
"""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "reading": ["Reading"],
        "dataset": ["SetDataset"],
        "pictures": ["export_pictures"],
        "arrays": ["export_arrays", "export_webdataset"],
    },
)
