"""The tables of the page on speed and precision, from the rows that the benchmarks wrote."""

from pathlib import Path

import pandas as pd

from ltdd_utils.analysis.equivalence import MARGIN, equivalence
from ltdd_utils.analysis.text import markdown

__all__ = ["speed_tables"]


def speed_tables(benchmarks: Path) -> str:
    """What commands take, what bf16 changes, how far gradients are from float64, and one iteration, in Markdown.

    Args:
        benchmarks: the folder with ``commands.csv``, ``jobs.csv``, ``equivalence.csv``, ``precision.csv``,
            ``rounding.csv`` and ``iteration.csv``.

    Raises:
        FileNotFoundError: one of them is missing.
    """
    parts = (
        ("What whole commands take", _commands(pd.read_csv(benchmarks / "commands.csv", keep_default_na=False))),
        ("The same work in several processes", _jobs(pd.read_csv(benchmarks / "jobs.csv"))),
        ("What bf16 does to a score", _pairs(pd.read_csv(benchmarks / "equivalence.csv"))),
        ("How far a gradient is from float64", _gradients(pd.read_csv(benchmarks / "precision.csv"))),
        ("And one of the matching loss", _rounding(pd.read_csv(benchmarks / "rounding.csv"))),
        ("One iteration of matching", _iteration(pd.read_csv(benchmarks / "iteration.csv"))),
    )
    return "\n\n".join(f"## {title}\n\n{text}" for title, text in parts)


def _commands(rows: pd.DataFrame) -> str:
    found = []
    for _, mine in rows.groupby("work", sort=False):
        ways = {one["way"]: one for _, one in mine.iterrows()}
        then, hurry = ways["commit"], ways["in a hurry"]
        found.append(
            {
                "work": then["what"],
                "then, s": f"{then['seconds']:.0f}",
                "now, ratio": _ratio(ways.get("today")),
                "in a hurry, ratio": _ratio(hurry),
                "with": ", ".join(f"`{word.strip()}`" for word in hurry["words"].replace("set ", "").split("--")[1:]),
                "memory, GiB": " / ".join(f"{ways[way]['GiB']:.2f}" for way in ways),
                "rounds": then["n"],
            }
        )
    first = rows.iloc[0]
    said = f"Medians over rounds that alternate, the range of the ratios in brackets; on {first['device']}."
    said += " The machine had other work, of low priority."
    against = f"*Then* is the code of {first['against']}, *now* the same command today, *in a hurry* with more options."
    once = "Compiled functions were there. Memory is of all processes together. By `python benchmarks/commands.py`."
    return f"{markdown(pd.DataFrame(found))}\n\n{said} {against} {once}"


def _ratio(row: pd.Series | None) -> str:
    return "not measured" if row is None else _spanned(row, ("ratio", "lowest ratio", "highest ratio"), 2)


def _spanned(row: pd.Series, names: tuple[str, str, str], digits: int) -> str:
    """A median, and where there were several rounds its least and most."""
    middle, least, most = (f"{row[name]:.{digits}f}" for name in names)
    return f"{middle} ({least} to {most})" if row["n"] > 1 else middle


def _jobs(rows: pd.DataFrame) -> str:
    table = pd.DataFrame(
        {
            "work": rows["work"],
            "way": rows["way"],
            "seconds": [_spanned(row, ("seconds", "least", "most"), 1) for _, row in rows.iterrows()],
            "ratio": rows["ratio"].map("{:.2f}".format),
            "rounds": rows["n"],
        }
    )
    said = f"Two runs, of 11 stages in all, on {rows['cores'][0]} cores; equal threads gave equal scores."
    return f"{markdown(table)}\n\n{said} By `python benchmarks/jobs.py campaign`."


def _pairs(rows: pd.DataFrame) -> str:
    found = equivalence(rows)
    table = pd.DataFrame(
        {
            "what ran twice": found["what"],
            "pairs": found["pairs"],
            "fp32, %": found["fp32"].map("{:.2f}".format),
            "bf16, %": found["bf16"].map("{:.2f}".format),
            "difference, points": found["difference"].map("{:+.2f}".format),
            "90 % interval": [
                f"{low:+.2f} to {high:+.2f}" if number > 1 else "one pair has none"
                for low, high, number in found[["low", "high", "pairs"]].itertuples(index=False)
            ],
            f"within {MARGIN:g} point": found["equivalent"].map({True: "yes", False: "not shown"}),
        }
    )
    machine = ", ".join(sorted(set(rows["device"])))
    return f"{markdown(table)}\n\nMeasured on {machine}, by `python benchmarks/equivalence.py`."


def _gradients(rows: pd.DataFrame) -> str:
    form = rows["precision"] + rows["compiled"].map({True: ", compiled", False: ""})
    wide = rows.assign(form=form).pivot_table(index="network", columns="form", values="error", sort=False)
    table = wide.map("{:.1e}".format, na_action="ignore").fillna("not measured").reset_index()
    return f"{markdown(table)}\n\nRelative error of one step's gradient, by `python benchmarks/precision.py`."


def _rounding(rows: pd.DataFrame) -> str:
    names = {"images": "error of images", "label logits": "error of logits", "step size": "error of lr"}
    shares = {words: rows[column].map("{:.2%}".format) for words, column in names.items()}
    width, images, steps = rows.loc[0, ["width", "images", "steps"]]
    said = f"Width {width}, {images} images, {steps} steps, by `python benchmarks/matching.py --part accuracy`."
    return f"{markdown(pd.DataFrame({'gradient': rows['what'], **shares}))}\n\n{said}"


def _iteration(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    table = pd.DataFrame(
        {
            "form": rows["form"],
            "precision": rows["precision"],
            "seconds": rows["seconds"].map("{:.1f}".format),
            "ratio": rows["ratio of seconds"].map("{:.2f}".format),
            "ratio of processor time": rows["ratio of CPU s"].map("{:.2f}".format),
            "peak memory, GiB": rows["GiB"].map("{:.2f}".format),
        }
    )
    cell = f"Width {first['width']}, {first['images']} images, {first['steps']} steps, {first['threads']} thread"
    said = f"{cell}; medians of {first['rounds']} rounds that alternate, on {first['device']}"
    against = f"`commit` is the code of {first['against']}. By `python benchmarks/iteration.py`"
    return f"{markdown(table)}\n\n{said}; {against}. The machine had other work: compare the ratios."
