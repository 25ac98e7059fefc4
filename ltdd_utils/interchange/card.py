"""The card of a published set: a README.md with the front matter that data sets of the Hugging Face Hub have.

Its keys are those of the Hub's specification (huggingface/hub-docs, ``datasetcard.md``): ``license`` is the publisher's
to say, ``configs`` name the files of each split.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["card", "size_category"]

LICENCES = "https://huggingface.co/docs/hub/repositories-licenses"
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))


def size_category(images: int) -> str:
    """The Hub's word for a number of rows."""
    return next((word for bound, word in SIZES if images < bound), "1M<n<10M")


def card(facts: Mapping[str, Any]) -> str:
    """The text of a card.

    Args:
        facts: ``title``; ``data``, ``method`` and ``origin``, rows of (what, value); ``scores``, rows of (judge,
            students' network, accuracy, balanced accuracy or None, students, record); ``tests``, test images of each
            class, which count where there are scores; ``images``, the rows of the tar; ``tar``, the name of the file of
            WebDataset, or None; ``license``, or None.
    """
    return "\n".join([*_front(facts), "", f"# {facts['title']}", "", *_body(facts)]) + "\n"


def _front(facts: Mapping[str, Any]) -> list[str]:
    named = facts["license"]
    lines = ["---", f"license: {named}" if named else f"# license: yours to say, one of {LICENCES}"]
    lines += [f"pretty_name: {json.dumps(facts['title'])}"]
    lines += ["task_categories:", "- image-classification", "size_categories:", f"- {size_category(facts['images'])}"]
    lines += ["tags:", "- dataset-distillation", "- long-tailed"]
    if facts["tar"]:
        lines += [
            "configs:",
            "- config_name: default",
            "  data_files:",
            "  - split: train",
            f"    path: {facts['tar']}",
        ]
    return [*lines, "---"]


def _body(facts: Mapping[str, Any]) -> list[str]:
    none = "No score of this set was at hand: `ltdd evaluate set.safetensors --results DIR` makes one."
    real = "The images are real ones of the data set, kept as positions in it: their pixels are not published here."
    use = [
        "```python",
        "from datasets import load_dataset",
        "",
        'load_dataset("webdataset", data_files={"train": "' + f"{facts['tar']}" + '"}, split="train")',
        "```",
    ]
    return [
        *_table(("what", "value"), [*facts["data"], *facts["method"]]),
        "",
        "## Scores",
        "",
        *(_scores(facts["scores"], facts["tests"]) if facts["scores"] else [none]),
        "",
        "## Use",
        "",
        *(use if facts["tar"] else [real]),
        "",
        "`set.safetensors` is the set itself, with all that it was made with: `ltdd evaluate set.safetensors`.",
        "",
        "## Origin",
        "",
        *_table(("what", "value"), facts["origin"]),
    ]


def _scores(rows: Sequence[Sequence[Any]], tests: Sequence[int]) -> list[str]:
    """The scores, and on which test images; balanced accuracy where their classes are of unequal sizes."""
    least, most = min(tests), max(tests)
    each = f"{most} of each class" if least == most else f"{least} to {most} a class"
    what = "Accuracy" if least == most else "Accuracy, and balanced accuracy (the mean of the class accuracies),"
    said = f"{what} on the whole test set ({sum(tests)} images, {each}), mean and standard deviation over students."
    header, kept = ["judge", "students", "accuracy, %", "balanced accuracy, %", "students trained", "record"], range(6)
    if all(row[3] is None for row in rows):
        kept = [column for column in kept if column != 3]
    cells = [["not told" if row[column] is None else row[column] for column in kept] for row in rows]
    return [said, "", *_table([header[column] for column in kept], cells)]


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(str(cell).replace('|', '/') for cell in row)} |" for row in lines]
