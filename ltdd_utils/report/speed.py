"""The tables of the page on speed and precision, from the rows that the benchmarks wrote."""

from pathlib import Path

import numpy as np
import pandas as pd

from ltdd_utils.analysis.equivalence import MARGIN, equivalence
from ltdd_utils.analysis.text import markdown

__all__ = ["SHORT", "speed_tables"]

SHORT = {  # work of ``commands.csv`` -> what it is called in the chart and in the sentences
    "students": "students",
    "longer-students": "longer students",
    "online-students": "students with a teacher",
    "experts": "experts",
    "observer": "observer",
    "recovery": "recovery",
}
PUBLISHED = 1000  # epochs of a student in both papers
JOBS = 2  # of the commands that run side by side


def speed_tables(benchmarks: Path) -> str:
    """What commands take, what bf16 changes, how far gradients are from float64, and one iteration, in Markdown.

    Args:
        benchmarks: the folder with ``commands.csv``, ``jobs.csv``, ``equivalence.csv``, ``precision.csv``,
            ``rounding.csv`` and ``iteration.csv``.

    Raises:
        FileNotFoundError: one of them is missing.
    """
    commands = pd.read_csv(benchmarks / "commands.csv", keep_default_na=False)
    parts = (
        ("In seconds", _commands(commands)),
        ("One iteration of matching", _iteration(pd.read_csv(benchmarks / "iteration.csv"))),
        ("The same work in several processes", _jobs(pd.read_csv(benchmarks / "jobs.csv"))),
        ("The memory that it takes", _memory(commands)),
        ("What bf16 does to a score", _pairs(pd.read_csv(benchmarks / "equivalence.csv"))),
        ("What it does to the gradient of a network", _gradients(pd.read_csv(benchmarks / "precision.csv"))),
        ("What it does to the gradient of the matching loss", _rounding(pd.read_csv(benchmarks / "rounding.csv"))),
    )
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def _commands(rows: pd.DataFrame) -> str:
    found, hurried = [], {}
    for work, mine in rows.groupby("work", sort=False):
        ways = {one["way"]: one for _, one in mine.iterrows()}
        hurry, today = ways["in a hurry"], ways.get("today")
        found.append(
            {
                "work": ways["commit"]["what"],
                "before, s": f"{ways['commit']['seconds']:.0f}",
                "today, s": "not run" if today is None else f"{today['seconds']:.0f}",
                "today / before": "" if today is None else _ratio(today),
                "in a hurry, s": f"{hurry['seconds']:.0f}",
                "hurry / before": _ratio(hurry),
            }
        )
        hurried.setdefault(hurry["words"], []).append(SHORT[work])
    first, most = rows.iloc[0], rows["n"].max()
    told = (
        f"A row is one whole command, cut short; medians of {most} rounds that alternate on {first['device']}. In "
        "brackets the smallest and the largest ratio; without brackets there was one round. The machine had other "
        "work, of low priority.",
        "*In a hurry* stands for these further options:",
        "\n".join(f"- {', '.join(names)}: `{words}`" for words, names in hurried.items()),
        _longer(rows),
        "Measured by `python benchmarks/commands.py`.",
    )
    numbers = ["before, s", "today, s", "in a hurry, s"]
    return "\n\n".join([markdown(pd.DataFrame(found), numbers), *told])


def _longer(rows: pd.DataFrame) -> str:
    """What the further epochs of longer students take, and what that would be at the papers' length."""
    seconds = rows.set_index(["work", "way"])["seconds"]
    few, many = (
        int(rows.loc[rows["work"] == work, "what"].iloc[0].partition(" epochs")[0].split()[-1])
        for work in ("students", "longer-students")
    )
    start, more = (
        {way: value[way] for way in ("commit", "in a hurry")}
        for value in (seconds["students"], seconds["longer-students"] - seconds["students"])
    )
    whole = {way: start[way] + more[way] * (PUBLISHED - few) / (many - few) for way in more}
    share, carried = (each["in a hurry"] / each["commit"] for each in (more, whole))
    return (
        f"A short command spends much of its time on loading and testing. From {few} to {many} epochs *before* takes "
        f"{more['commit']:.0f} s more and *in a hurry* {more['in a hurry']:.0f} s more: {share:.2f} of it. Carried on "
        f"to the papers' {PUBLISHED} epochs, which was not run, that would be {carried:.2f} of the whole command."
    )


def _memory(rows: pd.DataFrame) -> str:
    wide = rows.pivot_table(index="work", columns="way", values="GiB", sort=False).rename(index=SHORT)
    beside = rows[rows["words"].str.contains(f"--jobs {JOBS} ") | (rows["way"] == "today")]
    beside = beside[beside["work"].isin(rows[rows["words"].str.contains(f"--jobs {JOBS} ")]["work"])]
    before = rows[rows["way"] == "commit"].set_index("work")["GiB"]
    shares = beside["GiB"] / (JOBS * beside["work"].map(before))
    names = {"commit": "before", "today": "today", "in a hurry": "in a hurry"}
    cells = wide[list(names)].map("{:.2f}".format, na_action="ignore").fillna("not run").rename(columns=names)
    said = (
        f"GiB, of all processes of a command together. Each process holds PyTorch, the data and a batch of its own: "
        f"two side by side take {shares.min():.2f} to {shares.max():.2f} times what two commands would."
    )
    return f"{markdown(cells.rename_axis('work').reset_index(), list(names.values()))}\n\n{said}"


def _ratio(row: pd.Series) -> str:
    return _spanned(row, ("ratio", "lowest ratio", "highest ratio"), 2)


def _spanned(row: pd.Series, names: tuple[str, str, str], digits: int) -> str:
    """A median, and where there were several rounds its least and most."""
    middle, least, most = (f"{row[name]:.{digits}f}" for name in names)
    return f"{middle} ({least}\N{EN DASH}{most})" if row["n"] > 1 else middle


def _jobs(rows: pd.DataFrame) -> str:
    table = pd.DataFrame(
        {
            "way": rows["way"],
            "seconds": [_spanned(row, ("seconds", "least", "most"), 1) for _, row in rows.iterrows()],
            "ratio": rows["ratio"].map("{:.2f}".format),
            "rounds": rows["n"],
        }
    )
    said = f"Two runs, of 11 stages in all, on {rows['cores'][0]} cores; equal threads gave equal scores. An *engine* "
    said += "([On a cluster](cluster.md)) begins a job for each stage: that pays where a stage takes long. Measured by "
    return f"{markdown(table, ['ratio', 'rounds'])}\n\n{said}`python benchmarks/jobs.py campaign`."


def _pairs(rows: pd.DataFrame) -> str:
    found = equivalence(rows)
    table = pd.DataFrame(
        {
            "what ran twice": found["what"],
            "pairs": found["pairs"],
            "fp32, %": found["fp32"].map("{:.2f}".format),
            "bf16, %": found["bf16"].map("{:.2f}".format),
            "difference, points": [
                f"{row['difference']:+.2f} ({_interval(row)})" for row in found.to_dict(orient="records")
            ],
            f"within {MARGIN:g} point": found["equivalent"].map({True: "yes", False: "not shown"}),
        }
    )
    machine, yes = ", ".join(sorted(set(rows["device"]))), found["equivalent"].sum()
    said = (
        "Each pair ran twice with the same seeds, once in either precision; in brackets the 90 % interval of the "
        f"difference. It lies within {MARGIN:g} point in {yes} of {len(found)} rows, and there bf16 counts as no "
        f"change. Measured on {machine}, by `python benchmarks/equivalence.py`."
    )
    return f"{markdown(table, ['pairs', 'fp32, %', 'bf16, %'])}\n\n{said}"


def _interval(row: dict[str, float]) -> str:
    return f"{row['low']:+.2f} to {row['high']:+.2f}" if row["pairs"] > 1 else "one pair has none"


def _percent(share: float) -> str:
    """Two digits that count, without an exponent."""
    return f"{np.format_float_positional(100 * share, precision=2, fractional=False, trim='-')} %"


def _gradients(rows: pd.DataFrame) -> str:
    form = rows["precision"] + rows["compiled"].map({True: ", compiled", False: ""})
    wide = rows.assign(form=form).pivot_table(index="network", columns="form", values="error", sort=False)
    table = wide.map(_percent, na_action="ignore").fillna("not measured").reset_index()
    table["network"] = table["network"].replace({"resnet32 16": "ResNet-32", "convnet 32": "ConvNet"}, regex=True)
    said = "Distance from the gradient in float64, relative to its length, of one step. Measured by "
    return f"{markdown(table, list(table)[1:])}\n\n{said}`python benchmarks/precision.py`."


def _rounding(rows: pd.DataFrame) -> str:
    names = {"images": "error of images", "label logits": "error of logits", "step size": "error of lr"}
    shares = {words: rows[column].map(_percent) for words, column in names.items()}
    gradients = rows["what"].replace({"tesla": "TESLA's", " to ": ", against "}, regex=True)
    width, images, steps = rows.loc[0, ["width", "images", "steps"]]
    said = (
        "The gradients for the images, for the logits of their labels, and for the step size of the student: relative "
        "distance from the one that is named last. The last two rows are no rounding: TESLA's gradient leaves a part "
        "out on purpose ([chapter 14](../notebooks/14_ablations_of_paper_1.ipynb#exact-or-tesla-gradient)). "
        f"Width {width}, {images} images, {steps} steps, by `python benchmarks/matching.py --part accuracy`."
    )
    return f"{markdown(pd.DataFrame({'gradient': gradients, **shares}), list(shares))}\n\n{said}"


def _iteration(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    table = pd.DataFrame(
        {
            "form": rows["form"].replace("commit", "before") + ", " + rows["precision"],
            "seconds": rows["seconds"].map("{:.1f}".format),
            "ratio": rows["ratio of seconds"].map("{:.2f}".format),
            "ratio of processor time": rows["ratio of CPU s"].map("{:.2f}".format),
            "memory, GiB": rows["GiB"].map("{:.2f}".format),
        }
    )
    table["form"] = table["form"].replace("compiled bf16, bf16", "in a hurry: compiled, bf16")
    cell = f"Width {first['width']}, {first['images']} images, {first['steps']} steps, {first['threads']} thread"
    said = f"{cell}; medians of {first['rounds']} rounds that alternate on {first['device']}, which had other work: "
    said += "compare the ratios. Measured by `python benchmarks/iteration.py`."
    return f"{markdown(table, list(table)[1:])}\n\n{said}"
