"""The forms that a set can be written in, for the command line: nothing here imports what writes them."""

__all__ = ["FORMS", "HUB"]

HUB = "hub"
FORMS = {
    "pt": "images_best.pt and so on, for the code of MTT, DATM and LTDD, whitened",
    "ddranking": "images.pt, labels.pt, lr.pt for DD-Ranking 0.2.0 with use_zca=False, normalised",
    "png": "class folders, and labels.csv with the soft labels",
    "webdataset": "a tar of PNG files, class numbers and soft labels",
    "npz": "uint8 pixels and labels as arrays of NumPy",
    HUB: "a folder to publish: the set, the tar, and a card with data, method, scores and sizes",
}
