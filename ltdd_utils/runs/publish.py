"""A set as a folder to publish: the set itself, pixels and labels for any loader, and a card that says what it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.provenance import version_of
from ltdd_utils.core.settings import from_dict
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.settings import OWN, DataConfig, is_own
from ltdd_utils.data.sources.own import split_spec
from ltdd_utils.distilled.contents import NOT_REAL, DistilledSet, content_hash, sizes
from ltdd_utils.distilled.files import save_set
from ltdd_utils.evaluation.evaluator import Evaluator
from ltdd_utils.interchange.arrays import TAR
from ltdd_utils.interchange.card import card
from ltdd_utils.recipes.recipe import parts
from ltdd_utils.records.clone import all_records
from ltdd_utils.records.evaluations import load_evaluations
from ltdd_utils.records.files import load_record
from ltdd_utils.records.text import in_percent
from ltdd_utils.runs.exports import export_set

__all__ = ["CARD", "SET", "publish_set", "scores_of"]

CARD, SET = "README.md", "set.safetensors"


def publish_set(
    distilled: DistilledSet,
    own: Preprocess | None,
    folder: Path,
    context: RunContext,
    *,
    results: Iterable[Path] = (),
    license_name: str | None = None,
) -> tuple[list[Path], float]:
    """Write a folder that can be uploaded as it is; nothing is sent anywhere.

    It holds ``set.safetensors``, ``train-000000.tar`` (``export_webdataset``) and ``README.md``, the card: data,
    method, scores of records at hand, bytes of images and labels, origin. A set with real images has no tar: their
    pixels are others' to publish, and the set keeps positions. Of a folder of the user's own, and of an index list, the
    name alone is published, not where it is on this machine: the set looks for it below the data folder.

    Args:
        distilled: a set that says which data it was made from.
        own: the preprocessing of its images; None fits it again.
        folder: new or empty.
        context: where the data is.
        results: results folders whose records of this very set are shown.
        license_name: in the words of the Hub; None leaves it to be said.

    Returns:
        The files, and the share of synthetic pixel values that were clamped in the tar.

    Raises:
        ValueError: the folder holds something, or the set does not say what it was made from.
        OSError: the folder cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; name a new folder")
    written, clamped = [], 0.0
    synthetic = bool((distilled.indices == NOT_REAL).all())
    if synthetic:
        written, clamped = export_set(distilled, own, folder, context, form="webdataset")
    distilled = _without_paths(distilled)
    save_set(folder / SET, distilled)
    found = list(scores_of(distilled, results))
    facts = _facts(distilled, [row for row, _ in found])
    facts |= {"tests": found[0][1] if found else ()}
    facts |= {"tar": TAR if synthetic else None, "license": license_name}
    write_atomic(folder / CARD, card(facts))
    return [*written, folder / SET, folder / CARD], clamped


def _without_paths(distilled: DistilledSet) -> DistilledSet:
    """The set with the names of folders and files in place of their paths."""
    data = dict(distilled.info["data"])
    if is_own(data["name"]):
        path, size = split_spec(data["name"].removeprefix(OWN))
        data["name"] = f"{OWN}{path.resolve().name}" + (f"@{size}" if size else "")
    if data.get("list_file"):
        data["list_file"] = Path(data["list_file"]).name
    return replace(distilled, info={**distilled.info, "data": data})


Row = tuple[str, str, str, str | None, int, str]


def scores_of(distilled: DistilledSet, folders: Iterable[Path]) -> Iterator[tuple[Row, list[int]]]:
    """The scores of this very set on its own data, both told by their hashes, and the test images of each class.

    A row is judge, network, accuracy and balanced accuracy in percent, students, record.
    """
    name, digest, data = distilled.info.get("recipe"), content_hash(distilled), distilled.info["data_sha256"]
    seen = set()
    for folder in dict.fromkeys(Path(folder).resolve() for folder in folders):
        for path in all_records(folder):
            if path.parent.name != name:
                continue
            record = load_record(path)
            same = set(record.sets) == {digest} and record.provenance.data_sha256 == data
            if same and record.is_registered and record.file_name not in seen:
                seen.add(record.file_name)
                judge, students = record.evaluator, len(record.students)
                yield _row(judge.label, judge, record["metrics"], students, record.file_name)
        found = load_evaluations(folder)
        for record, path in zip(found.get("record", ()), found.get("path", ()), strict=True):
            if record["distilled_sha256"] == digest and record["provenance"]["data_sha256"] == data:
                network = Evaluator("", "", record["network"]["name"], record["network"].get("width"))
                place, students = Path(path).relative_to(folder).as_posix(), len(record["students"])
                yield _row(record["protocol"], network, record["metrics"], students, place)


def _row(label: str, judge: Evaluator, metrics: Mapping[str, Any], students: int, place: str) -> tuple[Row, list[int]]:
    balanced = in_percent(metrics["balanced"]) if "balanced" in metrics else None
    tests = [round(sum(row)) for row in metrics["confusion"]]
    return (label, _network(judge), in_percent(metrics["overall"]), balanced, students, place), tests


def _network(judge: Evaluator) -> str:
    return judge.network if judge.width is None else f"{judge.network}, width {judge.width}"


def _facts(distilled: DistilledSet, scores: list[Row]) -> dict[str, Any]:
    info, size = distilled.info, sizes(distilled)
    data = from_dict(DataConfig, info["data"])
    known = DATASETS.get(data.name)
    title, counts = data.name.removeprefix(OWN) if known is None else known.title, info.get("class_counts") or []
    method = parts(info["recipe"])[0] if info.get("recipe") else None
    each = f"{info['ipc']} images per class" if info.get("ipc") else f"{size['images']} images"
    made, cut = "Images" if method is None else method.name, f"{distilled.factor} x {distilled.factor} parts"
    seen = "" if distilled.factor == 1 else f"; each is {cut}, so {distilled.seen} for a student, as in the tar"
    tail = f"imbalance factor {data.imbalance_factor:g}" if data.profile == "exponential" else f"profile {data.profile}"
    return {
        "title": f"{made} on {title}, {each}",
        "images": distilled.seen,
        "scores": scores,
        "data": [
            ("data set", f"{title} ({tail}, index list {data.index_list}, seed {data.subset_seed})"),
            *([("real training images", f"{sum(counts)}, {max(counts)} to {min(counts)} a class")] if counts else []),
            ("classes", len(info["class_names"])),
        ],
        "method": [
            ("method", "not told" if method is None else f"{method.name}: {method.summary}"),
            *([("recipe", f"{info['recipe']}, scale {info['scale']}, seed {info['seed']}")] if method else []),
            ("images", f"{size['images']} ({each}), {size['image_bytes']} bytes{seen}"),
            ("labels", f"{size['labels']}, {size['label_bytes']} bytes"),
            (
                "step size of the students",
                "that of the judge" if distilled.lr is None else f"{distilled.lr:g}, named by the set",
            ),
        ],
        "origin": _origin(info, distilled),
    }


def _origin(info: Mapping[str, Any], distilled: DistilledSet) -> list[tuple[str, str]]:
    rows = [("set, SHA-256", content_hash(distilled)), ("data, SHA-256", info["data_sha256"])]
    return [*rows, ("written by", f"ltdd-utils {version_of('ltdd-utils') or ''}".strip())]
