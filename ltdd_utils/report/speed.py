"""The tables of the page on speed and precision: what runs take, by records, and what the benchmarks wrote."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ltdd_utils.analysis.equivalence import MARGIN, equivalence
from ltdd_utils.analysis.text import markdown
from ltdd_utils.campaign.forecast import Expected, History, duration, forecast
from ltdd_utils.data.facts import Scale
from ltdd_utils.recipes.labels import label
from ltdd_utils.recipes.recipe import recipe
from ltdd_utils.recipes.stages import STUDENTS

__all__ = ["SHORT", "costs_table", "precision_tables", "speed_tables"]

SHORT = {  # work of ``commands.csv`` -> what it is called in the chart and in the sentences
    "students": "students",
    "longer-students": "longer students",
    "online-students": "students with a teacher",
    "experts": "experts",
    "observer": "observer",
    "recovery": "recovery",
}
RUNS: Sequence[tuple[str, Scale, float]] = [  # recipe, scale and imbalance factor of the first table
    ("random_digits", "tiny", 20),
    ("unilevel_digits", "tiny", 20),
    ("damed_digits", "tiny", 20),
    ("random_cifar10", "cpu", 100),
    ("unilevel_cifar10", "cpu", 100),
    ("damed_cifar10", "cpu", 100),
    ("unilevel_cifar10", "paper", 100),
    ("damed_cifar10", "paper", 100),
]
DATA = {"digits": "digits", "cifar10": "CIFAR-10-LT"}
FIVE = 5  # students of a run
PUBLISHED = 1000  # epochs of a student in both papers
JOBS = 2  # of the commands that run side by side
HALF = 0.6  # a share below it is called about half
APART = 0.01  # a share that is so far off the division of the seconds beside it is of another call
IN_BF16 = {"whole pipeline": "everything", "matching": "matching"}  # end of what ran twice -> what was in bf16


def costs_table(records: Sequence[Path]) -> str:
    """What whole runs take on the machine of most records, in Markdown.

    Args:
        records: files of the records that count. Stages that none of them timed are carried over from others by the
            work to do, as ``ltdd run --dry-run`` does, and have a ``~``.
    """
    devices = {path: json.loads(path.read_bytes())["cost"]["device"] for path in records}
    common = Counter(devices.values()).most_common(1)
    history = History.of([path for path in records if devices[path] == common[0][0]])
    rows, sums, wide = [], {}, {}
    for name, scale, factor in RUNS:
        made = recipe(name, imbalance_factor=factor, ipc=10, scale=scale)
        stages = forecast(made, FIVE, lambda _: history)
        students = [one for one in stages if one.name == STUDENTS]
        before = [one for one in stages if one.name != STUDENTS]
        run = f"{label(made.entry.name)}, {DATA[made.data.name]}" + (", papers' scale" if scale == "paper" else "")
        cells = [_took(before), _took(students), _took(stages)]
        wide[name, scale] = made.evaluate.network.width
        rows.append(dict(zip(("run", "networks and images", "five students", "in all"), [run, *cells], strict=True)))
        sums[made.entry.name, scale] = cells[-1]
    few, some, most = (sums["damed", scale].replace("~", "about ") for scale in ("tiny", "cpu", "paper"))
    seen = "No record tells what a run takes."
    if common:
        seen = f"On {common[0][0]}, DAM + ED takes {few} on the digits, and {some} on CIFAR-10-LT at the reduced scale "
        seen += f"of this book. At the papers' scale it would take {most}, which is work for a GPU."
    told = (
        "Ten images per class; imbalance factor 20 on the digits, 100 on CIFAR-10-LT. Times are medians of this book's "
        "records, whose machine had other work, too; a `~` marks a guess, carried over from shorter runs by the work "
        "to do. They are work, summed over processes: what is made side by side takes less of the clock. On "
        f"CIFAR-10-LT students of random images have width {wide['random_cifar10', 'cpu']}, those of DAM + ED "
        f"{wide['damed_cifar10', 'cpu']}; the first page compares the two under one width, where students of random "
        "images take minutes."
    )
    return "\n\n".join([seen, markdown(pd.DataFrame(rows), ["networks and images", "five students", "in all"]), told])


def _took(stages: Sequence[Expected]) -> str:
    if any(one.seconds is None for one in stages):
        return "unknown"
    about = "~" if any(one.basis == "scaled" for one in stages) else ""
    return about + duration(sum(one.seconds or 0.0 for one in stages))


def speed_tables(benchmarks: Path) -> str:
    """What commands, an iteration of matching and several processes take, and how much memory, in Markdown.

    Args:
        benchmarks: the folder with ``commands.csv``, ``iteration.csv`` and ``jobs.csv``.

    Raises:
        FileNotFoundError: one of them is missing.
    """
    commands = pd.read_csv(benchmarks / "commands.csv", keep_default_na=False)
    parts = (
        ("Whole commands, in seconds", _commands(commands)),
        ("One iteration of matching", _iteration(pd.read_csv(benchmarks / "iteration.csv"))),
        ("One process or several", _jobs(pd.read_csv(benchmarks / "jobs.csv"))),
        ("Memory", _memory(commands)),
    )
    return _titled(parts)


def precision_tables(benchmarks: Path) -> str:
    """What bf16 changes in scores, and how far gradients are from those of float64, in Markdown.

    Args:
        benchmarks: the folder with ``equivalence.csv``, ``precision.csv`` and ``rounding.csv``.

    Raises:
        FileNotFoundError: one of them is missing.
    """
    parts = (
        ("What bf16 does to a score", _pairs(pd.read_csv(benchmarks / "equivalence.csv"))),
        ("What bf16 does to the gradient of a network", _gradients(pd.read_csv(benchmarks / "precision.csv"))),
        ("What bf16 does to the gradient of the matching loss", _rounding(pd.read_csv(benchmarks / "rounding.csv"))),
    )
    return _titled(parts)


def _titled(parts: Sequence[tuple[str, str]]) -> str:
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts)


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them; "nothing" for none."""
    *others, last = names or ["nothing"]
    return f"{', '.join(others)} and {last}" if others else last


def _commands(rows: pd.DataFrame) -> str:
    found, hurried, half, once = [], {}, [], []
    gains, losses = [], []  # of a hurry against the default
    for work, mine in rows.groupby("work", sort=False):
        ways = {one["way"]: one for _, one in mine.iterrows()}
        hurry, today = ways["in a hurry"], ways.get("today")
        beside = None if today is None else hurry["seconds"] / today["seconds"]
        found.append(
            {
                "work": ways["commit"]["what"],
                "before, s": f"{ways['commit']['seconds']:.0f}",
                "default, s": "not run" if today is None else f"{today['seconds']:.0f}",
                "default, share": "" if today is None else f"{today['ratio']:.2f}",
                "hurry, s": f"{hurry['seconds']:.0f}",
                "hurry, share": f"{hurry['ratio']:.2f}",
                "hurry / default": "" if beside is None else f"{beside:.2f}",
            }
        )
        hurried.setdefault(hurry["words"], []).append(SHORT[work])
        half += [SHORT[work]] if hurry["ratio"] < HALF else []
        once += [SHORT[work]] if hurry["n"] == 1 else []
        if beside is not None:
            (gains if beside < 1 else losses).append(f"{SHORT[work]} {beside:.2f}")
    first, most = rows.iloc[0], rows["n"].max()
    seen = (
        f"As shares of the *default*, a run without options, *in a hurry* makes quicker: {_listed(gains)}. It makes no "
        f"quicker, or slower: {_listed(losses)}. Of the time *before*, {_listed(half)} need about half."
    )
    told = (
        f"A row is one command of ten images per class, cut short; medians of {most} rounds that alternate on "
        f"{first['device']}, with other work of low priority beside them. Run once: {_listed(once)}. Students are "
        "those of paper 1's judge; those with a teacher, of paper 2's. The observer is in bf16 in every column. "
        "A share is of the time before; the last column divides seconds.",
        "*In a hurry* stands for these options:",
        "\n".join(f"- {', '.join(names)}: `{words}`" for words, names in hurried.items()),
        _longer(rows),
        "Measured by `python benchmarks/commands.py`.",
    )
    numbers = [name for name in found[0] if name != "work"]
    return "\n\n".join([seen, markdown(pd.DataFrame(found), numbers), *told])


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
        "A short command spends much of its time on loading and testing, and that is no quicker: more epochs show what "
        f"training itself gains. From {few} to {many} epochs *before* takes "
        f"{more['commit']:.0f} s more and *in a hurry* {more['in a hurry']:.0f} s more: {share:.2f} of it. Carried on "
        f"to the papers' {PUBLISHED} epochs, which was not run, that would be {carried:.2f} of the whole command."
    )


def _memory(rows: pd.DataFrame) -> str:
    wide = rows.pivot_table(index="work", columns="way", values="GiB", sort=False).rename(index=SHORT)
    beside = rows[rows["words"].str.contains(f"--jobs {JOBS} ") | (rows["way"] == "today")]
    beside = beside[beside["work"].isin(rows[rows["words"].str.contains(f"--jobs {JOBS} ")]["work"])]
    before = rows[rows["way"] == "commit"].set_index("work")["GiB"]
    shares = beside["GiB"] / (JOBS * beside["work"].map(before))
    names = {"commit": "before", "today": "by default", "in a hurry": "in a hurry"}
    cells = wide[list(names)].map("{:.2f}".format, na_action="ignore").fillna("not run").rename(columns=names)
    seen = (
        "Time is bought with memory: each process holds PyTorch, the data and a batch of its own, so two side by side "
        f"take {shares.min():.2f} to {shares.max():.2f} times what two commands would."
    )
    said = "GiB, the most of all processes of a command together."
    return f"{seen}\n\n{markdown(cells.rename_axis('work').reset_index(), list(names.values()))}\n\n{said}"


def _spanned(row: pd.Series, names: tuple[str, str, str], digits: int) -> str:
    """A median, and where there were several rounds its least and most."""
    middle, least, most = (f"{row[name]:.{digits}f}" for name in names)
    return f"{middle} ({least}\N{EN DASH}{most})" if row["n"] > 1 else middle


def _jobs(rows: pd.DataFrame) -> str:
    table = pd.DataFrame(
        {
            "way": rows["way"],
            "seconds": [_spanned(row, ("seconds", "least", "most"), 1) for _, row in rows.iterrows()],
            "share": rows["ratio"].map("{:.2f}".format),
            "rounds": rows["n"],
        }
    )
    best = rows.loc[rows["ratio"].idxmin()]
    single = rows.set_index("way").loc["one process, 1 thread"]
    seen = (
        f"Two processes of one thread each need {best['ratio']:.2f} of the time of one process with both cores. One "
        f"process with one thread needs {single['ratio']:.2f} of it: where steps are so small, one thread is quicker "
        f"than two. Against that one, two processes need {best['seconds'] / single['seconds']:.2f} of the time."
    )
    said = (
        f"Two short runs, of 11 stages in all, on {rows['cores'][0]} cores; *side by side* is the default. With equal "
        "threads the scores were equal. An *engine* ([On a cluster](cluster.md)) begins a job for each stage, which "
        "pays where a stage takes longer than here. In brackets the quickest and the slowest round. "
        f"{_apart(rows)}Measured by "
        "`python benchmarks/jobs.py campaign`."
    )
    return f"{seen}\n\n{markdown(table, ['share', 'rounds'])}\n\n{said}"


def _apart(rows: pd.DataFrame) -> str:
    """Which ways were not measured in the same rounds as the first: their share is of another time of it."""
    told = [
        f"The share of *{row['way']}* is of another measurement of one process, {row['seconds'] / row['ratio']:.1f} s. "
        for _, row in rows.iterrows()
        if row["n"] == 1 and abs(row["seconds"] / row["ratio"] / rows["seconds"][0] - 1) > APART
    ]
    return "".join(told)


def _pairs(rows: pd.DataFrame) -> str:
    found = equivalence(rows)
    table = pd.DataFrame(
        {
            "what ran twice": found["what"],
            "pairs": found["pairs"],
            "in bf16": [IN_BF16.get(what.rpartition(", ")[2], "students") for what in found["what"]],
            "fp32, %": found["fp32"].map("{:.2f}".format),
            "bf16, %": found["bf16"].map("{:.2f}".format),
            "difference, points": [
                f"{row['difference']:+.2f} ({_interval(row)})" for row in found.to_dict(orient="records")
            ],
            f"within {MARGIN:g} point": found["equivalent"].map({True: "yes", False: "not shown"}),
        }
    )
    machine, yes = ", ".join(sorted(set(rows["device"]))), found["equivalent"].sum()
    seen = f"In {yes} of {len(found)} rows bf16 changes the score by less than {MARGIN:g} point, interval included. "
    seen += "None of them is DAM + ED from its experts to its students in bf16: that was not scored."
    said = (
        "Each pair ran twice with the same seeds, once in either precision; in brackets the 90 % interval of the "
        f"difference. Measured on {machine}, by `python benchmarks/equivalence.py`."
    )
    return f"{seen}\n\n{markdown(table, ['pairs', 'fp32, %', 'bf16, %'])}\n\n{said}"


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
    halved, most = rows[rows["precision"] == "bf16"], rows.groupby("precision")["error"].max().map(_percent)
    worst = halved.loc[halved["error"].idxmax(), "network"].partition(",")[0]
    seen = f"In bf16 a gradient is {_percent(halved['error'].min())} to {most['bf16']} of its length off, most in the "
    seen += f"{worst}; in fp32, compiled or not, {most['fp32']} at most."
    said = "Distance from the gradient in float64, as a share of its length, of one step. Measured by "
    return f"{seen}\n\n{markdown(table, list(table)[1:])}\n\n{said}`python benchmarks/precision.py`."


def _rounding(rows: pd.DataFrame) -> str:
    names = {"images": "error of images", "label logits": "error of logits", "step size": "error of lr"}
    shares = {words: rows[column].map(_percent) for words, column in names.items()}
    gradients = rows["what"].replace({"tesla": "TESLA's", " to ": ", against "}, regex=True)
    width, images, steps = rows.loc[0, ["width", "images", "steps"]]
    of_images, of_logits, *_ = (share.set_axis(rows["what"]) for share in shares.values())
    left_out = "tesla float64 to exact float64"
    seen = f"bf16 moves the gradient for the images by {of_images['exact bf16 to exact float64']}; what TESLA leaves "
    seen += f"out of it weighs {of_images[left_out]}, and of the gradient for the label logits {of_logits[left_out]}."
    said = (
        "The gradients for the images, for the logits of their labels, and for the step size of the student: relative "
        "distance from the one that is named last. The last two rows are no rounding: TESLA's gradient leaves a part "
        "out on purpose ([chapter 14](../notebooks/14_ablations_of_paper_1.ipynb#exact-or-tesla-gradient)). "
        f"Width {width}, {images} images, {steps} steps, by `python benchmarks/matching.py --part accuracy`."
    )
    return f"{seen}\n\n{markdown(pd.DataFrame({'gradient': gradients, **shares}), list(shares))}\n\n{said}"


def _iteration(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    table = pd.DataFrame(
        {
            "form": rows["form"].replace("commit", "before") + ", " + rows["precision"],
            "seconds": rows["seconds"].map("{:.1f}".format),
            "share": rows["ratio of seconds"].map("{:.2f}".format),
            "memory, GiB": rows["GiB"].map("{:.2f}".format),
        }
    )
    table["form"] = table["form"].replace("compiled bf16, bf16", "in a hurry: compiled, bf16")
    last, cell = rows.iloc[-1], f"Width {first['width']}, {first['images']} images, {first['steps']} steps"
    seen = f"Compiled and in bf16, an iteration takes {last['ratio of seconds']:.2f} of the time and "
    seen += f"{last['GiB'] / first['GiB']:.2f} of the memory."
    said = f"{cell}, {first['threads']} thread; medians of {first['rounds']} rounds that alternate on "
    said += f"{first['device']}, which had other work: compare the shares. Measured by "
    said += "`python benchmarks/iteration.py`."
    return f"{seen}\n\n{markdown(table, list(table)[1:])}\n\n{said}"
