#!/usr/bin/env bash
# A notebook is run with a parameter that is misspelt: -p sed 3 where its parameters cell has seed. One would expect an
# error, as of a command with an unknown option. Seen: papermill writes a warning to its log, puts "sed = 3" into a cell
# of its own, runs the whole notebook with the default seed, and exits with 0: a sweep over a misspelt name gives equal
# results under different labels. Papermill knows the names (inspect_notebook), so a caller can check them before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet papermill==2.7.0 ipykernel==7.1.0
export JUPYTER_PATH="$folder/venv/share/jupyter" IPYTHONDIR="$folder/ipython"
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill

folder = Path(sys.argv[1])
cell = nbformat.v4.new_code_cell("seed = 0", metadata={"tags": ["parameters"]})
metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
notebook = nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell("print('seed is', seed)")], metadata=metadata)
nbformat.write(notebook, folder / "in.ipynb")
command = [sys.executable, "-m", "papermill", folder / "in.ipynb", folder / "out.ipynb", "-p", "sed", "3"]
done = subprocess.run(command, capture_output=True, text=True, check=False)
printed = nbformat.read(folder / "out.ipynb", as_version=4).cells[-1].outputs[0].text.strip()
warned = "unknown parameter: sed" in done.stderr
known = list(papermill.inspect_notebook(str(folder / "in.ipynb")))
print("papermill", papermill.__version__)
print(f"-p sed 3: exit code {done.returncode}, warned: {warned}, the notebook printed {printed!r}; known: {known}")
assert (done.returncode, warned, printed, known) == (0, True, "seed is 0", ["seed"])
PYTHON
