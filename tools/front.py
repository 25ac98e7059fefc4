"""Write what the first pages show of the records: ``python tools/front.py``; ``--check`` writes nothing.

``book/judges.svg`` is the chart of six sets under three judges, ``book/_static/share.png`` the picture for links; the
README and the first page of the book get what a command prints. The page on counting has its figures from here too.
"""

import argparse
import contextlib
import io
import json
import math
import sys
from pathlib import Path

import pandas as pd
from diagrams import DARK
from notebook_pairs import ROOT
from PIL import Image, ImageDraw, ImageFont

from ltdd_utils import plots
from ltdd_utils.analysis import LEVELS, board
from ltdd_utils.cli import main as ltdd
from ltdd_utils.evaluation.evaluator import DEBIASED, PLAIN, STORED
from ltdd_utils.plots.axes import WIDTH, Axis
from ltdd_utils.plots.explorable import Mark, Rows, still_rows
from ltdd_utils.plots.film import film as drawn
from ltdd_utils.plots.film import recorded
from ltdd_utils.plots.front import judges_chart
from ltdd_utils.plots.shown import Shown, either
from ltdd_utils.plots.style import SERIES
from ltdd_utils.recipes import labels
from ltdd_utils.records import load
from ltdd_utils.report import with_part
from ltdd_utils.report.headline import WHOLE
from ltdd_utils.report.speed import SHORT

SETS = ("random", "datm", "damed", "rded", "edc", "unilevel")
JUDGES = (STORED, PLAIN, DEBIASED)
WORDS = (
    "Long-tailed dataset distillation",
    "Two papers, one package, a book that runs: what holds, by how much, and why",
)
TOLD = {  # caption of a figure, and what somebody would see
    "film": (
        "Paper 2's recovery on Digits-LT, one image of each class with the number of its real ones: the pixels change "
        "so that what a network measures on them comes closer to what it measures on real images. The curve is that "
        "distance at the next step; it does not reach zero.",
        "A row of ten digits above a curve that falls with bumps. The digits grow more contrasted and get stripes.",
    ),
    "sets": (
        "CIFAR-10-LT from the most frequent class to the rarest, with the number of real images above. Each set has "
        "ten images per class; here is the first of each, from runs at this book's reduced scale.",
        "Three rows of ten small images, airplane to truck: real photographs; those that DAM + ED made, with coloured "
        "texture; those that the uni-level method made, with strong outlines.",
    ),
    "judges": (
        "Six sets under three judges, on CIFAR-10-LT at imbalance factor 100 with ten images per class, at this book's "
        "reduced scale. A judge trains new networks on a set and tests them; in paper 2's, another network, the "
        "teacher, labels the images. Who labels changes the score of random images by about as much as the best of "
        "these sets adds to them.",
        "Six rows with three dots each. Under the debiased teacher all sets lie close together, far right of what the "
        "plain teacher and stored labels give most of them.",
    ),
    "speed": (
        "How long a command takes, as a share of what it took before (dashed). A line goes from the smallest to the "
        "largest share of several rounds; a dot without one is a single round. In a hurry: two jobs, compiled "
        "functions and bf16.",
        "Seven rows of kinds of work with one or two dots, nearly all left of the dashed line at one. Experts, longer "
        "students and matching in a hurry are near one half.",
    ),
    "luck_damed": (
        "Every score of DAM + ED on Digits-LT in a nested design: a row is a subset of the data, a marker a group of "
        "experts, a coloured line a distilled set, a dot a student.",
        "Rows of dots joined by short coloured lines. Lines of one row lie apart, and so do some rows.",
    ),
    "luck_unilevel": (
        "The same for the uni-level method.",
        "Rows of dots joined by short coloured lines; the lines of one row overlap those of the others.",
    ),
}
FILM = ("film_digits", "unilevel_digits")  # written by tools/film_pictures.py
COMMAND = ("compare", "random_cifar10", "damed_cifar10")
PRINTED = ("<!-- printed:begin -->", "<!-- printed:end -->")
RATIOS = ("ratio", "lowest ratio", "highest ratio")  # of the benchmarks
WAYS = {"today": ("by default", SERIES[0]), "in a hurry": ("in a hurry", SERIES[1])}
NARROW = 480  # units of a drawing that a phone shows whole
SHARED = (1200, 630)  # pixels, as sites that show links ask for it


def chart(root: Path = ROOT) -> str:
    """The chart as an ``<svg>`` element, as wide as a page."""
    return charts(root, WIDTH)[0]


def charts(root: Path, *widths: float) -> list[str]:
    """The chart for each width, in units of the drawing."""
    found = board("cifar10", imbalance_factor=100, ipc=10, records=load(root / "results", committed_only=True))
    values = {labels.label(name): {on.label: found[name, on].percent for on in JUDGES} for name in SETS}
    looks = {on.label: (labels.judge(on.label), labels.JUDGES[on.label].colour) for on in JUDGES}
    whole = found["full_logit_adjusted", STORED].percent
    long = f"{WHOLE}, logit-adjusted loss, paper 1's judge"
    return [judges_chart(values, looks, whole, long if width == WIDTH else WHOLE, width) for width in widths]


def image(root: Path = ROOT) -> str:
    """The chart as a file of its own: its text follows the reader's system."""
    return chart(root).replace(">", f">{DARK}", 1) + "\n"


def write_figures(folder: Path, root: Path = ROOT) -> None:
    """Write figures beside their pages: a film, the sets as images, their scores; and the luck of scores."""
    rows, over = plots.read_rows(root / "results" / "pictures" / "sets_cifar10_cpu.png")
    made = {
        "film": film(root),
        "sets": plots.image_rows(rows, over=over),
        "judges": either(*charts(root, WIDTH, NARROW)),
    }
    made["speed"] = durations(root)
    for name in ("damed", "unilevel"):
        scores = pd.read_csv(root / "results" / "variance" / f"{name}_digits.csv")
        made[f"luck_{name}"] = plots.nested_scores(scores, LEVELS)
    for name, figure in made.items():
        (folder / f"{name}.html").write_text(f"{Shown(figure, *TOLD[name])._repr_html_()}\n")


def durations(root: Path = ROOT) -> str:
    """What today's commands take, as a share of what they took before, as an ``<svg>`` element."""
    folder = root / "results" / "benchmarks"
    rows, one = pd.read_csv(folder / "commands.csv"), pd.read_csv(folder / "iteration.csv").iloc[-1]
    found = [(SHORT[row["work"]], row["way"], *row[list(RATIOS)]) for _, row in rows.iterrows() if row["way"] in WAYS]
    found.append(("matching", "in a hurry", *one[[f"{name} of seconds" for name in RATIOS]]))
    state: dict[str, list[Mark]] = {}
    for name, way, middle, least, most in found:
        words, colour = WAYS[way]
        told = f"{name}, {words}: {middle:.2f}"
        state.setdefault(name, []).append(Mark(middle, told, colour, (least, most) if most > least else None))
    axis = Axis(0, 1.2, [0, 0.25, 0.5, 0.75, 1], "seconds, as a share of those before")
    legend = {words: (colour, False) for words, colour in WAYS.values()}
    seen = f"{'; '.join(mark.told for marks in state.values() for mark in marks)}."
    return still_rows(Rows(axis, list(state), level=1.0, legend=legend, width=NARROW), state, seen)


def film(root: Path = ROOT) -> str:
    """The film of the first page: what recovery makes of crops of digits, from states that a run kept."""
    folder = root / "results" / "pictures" / FILM[0]
    rows, told, over = recorded(folder, "crops that the teacher is sure of")
    one = json.loads((folder / "film.json").read_text())["recipes"][FILM[1]]
    losses = [one["curve"][at] if at < len(one["curve"]) else math.nan for at in one["iterations"]]
    curve = ("distance of their statistics from those of the real images", losses)
    return drawn(rows[FILM[1]], told, curve, over=over, auto=True)


def printed(root: Path = ROOT) -> str:
    """What ``COMMAND`` prints of the committed records, as a block of text."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        if ltdd([*COMMAND, "--results", str(root / "results")]):
            raise ValueError(f"`ltdd {' '.join(COMMAND)}` failed: run it to see why")
    lines = [line.rstrip() for line in out.getvalue().strip().splitlines()]
    return "\n".join(["```text", *lines, "```"])


def files(root: Path = ROOT) -> dict[Path, str]:
    """The texts: the chart, and the two first pages with what the command prints."""
    pages = (root / "README.md", root / "book" / "intro.md")
    block = printed(root)
    return {
        root / "book" / "judges.svg": image(root),
        **{page: with_part(page.read_text(), block, *PRINTED) for page in pages},
    }


def picture(root: Path = ROOT) -> bytes:
    """The title above the sets of the first page."""
    sheet = Image.new("RGB", SHARED, "white")
    sets = Image.open(root / "book" / "sets.png").convert("RGB")
    width = SHARED[0] - 80
    tall = round(sets.height * width / sets.width)
    sheet.paste(sets.resize((width, tall), Image.Resampling.LANCZOS), (40, SHARED[1] - tall - 30))
    draw = ImageDraw.Draw(sheet)
    draw.text((60, 50), WORDS[0], "#1f2328", ImageFont.load_default(64))
    draw.text((60, 140), WORDS[1], "#57606a", ImageFont.load_default(30))
    file = io.BytesIO()
    sheet.save(file, "PNG", optimize=True)
    return file.getvalue()


def main() -> int:
    """Write the files, or check those that the records decide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if a text is stale")
    options = parser.parse_args()
    texts = files()
    if options.check:
        return int(any(not path.is_file() or path.read_text() != text for path, text in texts.items()))
    for path, text in texts.items():
        path.write_text(text)
    (ROOT / "book" / "_static" / "share.png").write_bytes(picture())
    return 0


if __name__ == "__main__":
    sys.exit(main())
