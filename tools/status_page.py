"""The page that says when and where each chapter was last executed, and how long it took."""

import importlib.metadata
import os
import platform
import re

import nbformat

PACKAGES = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "matplotlib", "papermill", "jupyter-book")

HEAD = """# Execution status

Written when this book was built, from what papermill notes in each executed chapter.
A chapter that stops with an error stops the build, so every chapter listed here ran from its first cell to its last.
A chapter runs again only when it, the package or a record that it reads has changed.
Seconds are those of a machine that may do other work at the same time.

| chapter | executed (UTC) | seconds | slowest cell, seconds |
|---|---|---:|---:|
"""


def status_page(names: list[str], notebooks: list[nbformat.NotebookNode]) -> str:
    """The page in Markdown: one row per chapter, then the machine and the versions."""
    rows = []
    for name, notebook in zip(names, notebooks, strict=True):
        run = notebook.metadata.papermill
        slowest = max(cell.metadata.get("papermill", {}).get("duration") or 0.0 for cell in notebook.cells)
        when = run.end_time[:16].replace("T", " ")
        title = re.search(r"^# (.+)", notebook.cells[0].source, flags=re.MULTILINE)
        chapter = f"{name[:2]}. {title[1]}" if title else name
        rows.append(f"| [{chapter}](../notebooks/{name}.ipynb) | {when} | {run.duration:.1f} | {slowest:.1f} |\n")
    versions = "".join(f"| {package} | {importlib.metadata.version(package)} |\n" for package in PACKAGES)
    machine = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores."
    return HEAD + "".join(rows) + f"\n{machine}\n\n| package | version |\n|---|---|\n{versions}"
