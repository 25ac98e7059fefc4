# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How to read this book
#
# Every chapter is a notebook that runs from top to bottom on two processor cores in under a minute. It shows code from
# the package `ltdd_utils`; nothing is defined in the notebook itself.
#
# On Google Colab the next cell installs the package. Anywhere else it does nothing.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/your-name/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% tags=["parameters"]
imbalance_factor: float = 20.0  # images in the largest class over images in the smallest

# %% [markdown]
# ## The long tail in one line
#
# Class $c$ of $C$ keeps $n_c = \lfloor n_{\max} \, \mathrm{IF}^{-c/(C-1)} \rfloor$ of its images.

# %%
from ltdd_utils.longtail import class_counts

class_counts(120, imbalance_factor, 10)

# %% [markdown]
# > **Exercise.** How many images would the last class keep at an imbalance factor of 100?
#
# <details><summary>Answer</summary>
#
# $120 / 100$, cut to a whole number: one.
#
# </details>
