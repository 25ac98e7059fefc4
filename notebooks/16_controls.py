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
# # Controls of both papers
#
# *Builds on chapters 07, 12 and 13.*
#
# **Question.** Chapters 14 and 15 take the methods apart.
# Three things are taken as given in both papers, as far as we have read them: the set *before its first iteration*, *which* classes are the rare ones, and that a class has at least as many real images as the set has *places* for it (IPC).
# **How much do the results depend on the start, on the classes, and on how many images a class has?**
#
# This chapter trains nothing.
# It reads records: one JSON file per run, made by `ltdd run`, with settings, scores, seconds and the commit that computed them.
# Controls that were not run and would settle a claim stand at the end, with the command of each.
#
# > **After this chapter you can**
# >
# > - ask of any distillation what its set was worth before the first iteration;
# > - tell an effect of rarity from an effect of the class that happens to be rare;
# > - say what becomes of a class that has run out of images.
#
# > **In short**
# >
# > - **The start.** DAM + ED and ED alone begin with images that re-balanced experts choose and label: there most of the lead over random images exists before the first iteration.
# >   DAM alone and the uni-level method begin below random images, and the iterations lift them above.
# > - **The classes.** On CIFAR-10-LT, with the classes in reversed order, DAM + ED stays above DATM; its lead shrinks from 18 to 13 points (one pair reversed).
# >   Paper 2's leads were run in this order only together with a change of judge: they stay, too.
# > - **Few images.** Where a class has fewer images than places, copies fill the places.
# >   A random set then holds every real image of that class, so no other choice of real images could do better.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/address--not-set/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% [markdown]
# ## What is read
#
# Runs on CIFAR-10-LT and, where there are any, on Digits-LT.
# The **imbalance factor** (IF), the images of the largest class divided by those of the smallest, is 100 and 20; both sets have ten images per class (IPC 10); the scales are `cpu` and `tiny`.
#
# - A **judge** trains, labels and tests the students that score a set.
#   With *stored labels* (paper 1) an image has one label; with a *plain* or *debiased teacher* (paper 2) a network labels every view of it (chapter 13).
# - A **control** is a run that changes the settings which it names, and nothing else.
#   Beside it stands the *recipe itself*: the same method as it is, on the same seeds.
# - A **difference** is resolved (●) where it exceeds its margin ±, and not where the sign is ○ (chapter 00).

# %%
import pandas as pd
from ltdd_utils import analysis, notebook, plots, recipes, records
from ltdd_utils.data import DATASETS, longtail
from ltdd_utils.data import long_tailed as images
from ltdd_utils.evaluation import DEBIASED, PLAIN, STORED  # students of width 32

figure = notebook.Figures("16")
pd.set_option("display.max_colwidth", None)
where = records.default_records_dir()
recorded = records.load(where, allow_mixed=True, committed_only=True)
board = analysis.board("cifar10", imbalance_factor=100, ipc=10, records=recorded)
digits = analysis.board("digits", imbalance_factor=20, scale="tiny", records=recorded)
both = analysis.Boards({"CIFAR-10-LT": board, "Digits-LT": digits})

# %%
print(f"CIFAR-10-LT: {len(board.records)} records, {len(board.entries)} settings")
print(f"Digits-LT: {len(digits.entries)} settings")

# %% [markdown]
# ## How much exists before the first iteration, and what do the iterations add?
#
# **Where re-balanced experts choose and label, most of what is won is there at the start; elsewhere the iterations win it.**
# In the figure hollow dots are initial sets, and full dots what the iterations made of them, scored by the same students with the same labels.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
begun = [one for one in board.usual if one.evaluator in (STORED, DEBIASED)]
begun = [one for one in begun if any(board.before(*one.run)) and one.iterations]
begun.sort(key=lambda one: one.evaluator)
begun = {
    f"{recipes.label(one.method)}, {recipes.judge(one.evaluator, short=True)}": one
    for one in begun
}
before = [board.before(*one.run) for one in begun.values()]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.before_after(list(begun), before, [one.scores for one in begun.values()]),
    "Students of initial sets (hollow) and of finished ones (full), under the judge "
    "of each method. Every arrow points to the right; rows of one judge can be compared.",
    "Rows with an arrow each. All arrows point to the right; most are short beside "
    "the distance between the rows.",
)

# %% [markdown]
# A share of a score would say little: random images alone have most of it.
# So the table counts from random images under the same evaluator: how far above them (or below) is each set before its first iteration, and after its last?
# DAM + ED and ED alone start far above them.
# Where experts are biased (DATM, DAM alone), and in the uni-level method, the set starts below; the iterations add to every one of them.
# The share of the end is start divided by end, where both are above random images.
# Column n counts the finished sets; of IDM three starts were scored, and what its iterations add is of the two that it finished.
# The table has no margins: differences of one or two points in it are not tested.
# ("Plain statistics" is the uni-level method without its calibration, chapter 15.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
gained = board.gains({name: one.run for name, one in begun.items()})
base = [board["random", one.evaluator].percent for one in begun.values()]
above = pd.DataFrame({"start": gained.before - base, "end": gained.after - base})
above["added by iterations"] = gained.gain
above["share of the end"] = (above.start / above.end).where(above.min(axis=1) > 0)
above["n"], share = gained.distillations, above["share of the end"]
assert share[["DAM + ED, stored labels", "ED alone, stored labels"]].min() > 0.6
assert above.start[["DATM, stored labels", "DAM alone, stored labels"]].max() < 0
assert above.start["uni-level, debiased teacher"] < 0
assert above["added by iterations"].min() > 0
risen = ["DAM alone, stored labels", "uni-level, debiased teacher"]
assert above.end[risen].min() > 0 > above.end["DATM, stored labels"]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
heads = {name: f"{name}, points" for name in ("start", "end", "added by iterations")}
caption = (
    "Above random real images (or below) before the first iteration and after the last"
)
notebook.table(above, caption, names=heads, digits={"share of the end": 2})

# %% [markdown]
# EDC and the uni-level method with a random start begin with random real images.
# So what lies above random images in the next table is what their iterations add (other draws of random images than those that they began with).
# SRe2L is left out: it begins with noise, which has nothing to teach.

# %%
plain = board.contrasts([("edc", "random")], PLAIN)
debiased = board.contrasts([("edc", "random"), ("unilevel_no_init", "random")], DEBIASED)
started = pd.concat({"plain teacher": plain, "debiased teacher": debiased})
notebook.table(started, "Sets that begin with random real images, after all iterations")

# %% [markdown]
# ## Rarity or class?
#
# **A score belongs to a method *and* an order of the classes.**
# In CIFAR-10-LT the frequent classes are always the same ones: airplanes are common and trucks rare.
# So "the tail" and "trucks" are one thing in both papers.
# `class_order=reversed` gives the trucks the 5,000 images and the airplanes the 50; nothing else changes.
# The sets of paper 1 are scored with stored labels, those of paper 2 with the teacher of their recipe.
# In the table *accuracy* is that in the reversed order, and *recipe itself* that in the order as named.
# On CIFAR-10-LT the two methods with biased experts score higher in the reversed order, and of the other two no change is resolved; on Digits-LT all four change:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
turn = {"data.class_order": "reversed"}
headlines = {"datm": STORED, "damed": STORED}
headlines |= {"unilevel_no_debiasing": PLAIN, "unilevel": DEBIASED}
turned = {method: (method, evaluator, turn) for method, evaluator in headlines.items()}
in_reverse = analysis.only_run(both.controls(turned))
moves = in_reverse.verdict.unstack(0) == "resolved"
assert moves["CIFAR-10-LT"].sum() == 2 and moves["Digits-LT"].all()
biased = in_reverse.loc["CIFAR-10-LT"].loc[["datm", "unilevel_no_debiasing"]]
assert (biased.verdict == "resolved").all() and (biased.points > 0).all()
notebook.table(in_reverse, "With the classes in reversed order, beside the recipe itself")

# %% [markdown]
# **On CIFAR-10-LT the three leads keep their sign; the first two shrink by five and three points, the third stays** (one pair in the reversed order).
# Three differences can be read in both orders, each set under its own judge:
#
# - *DAM + ED − DATM* is paper 1's headline, and the only one of two sets under one judge.
# - *Uni-level − itself without debiasing* is a part of paper 2's ablation.
#   It changes the teacher with the method: in the order as named random real images alone gain as much by that change (chapter 13).
# - *Uni-level − DAM + ED* is one of paper 2's headlines, and changes the whole judge.
#   (The other two, above EDC and above RDED, were not run in the reversed order.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
first, second, third = pairs = {
    "damed - datm": ("damed", "datm"),
    "unilevel - itself without debiasing": ("unilevel", "unilevel_no_debiasing"),
    "unilevel - damed": ("unilevel", "damed"),
}
named = {method: (method, evaluator) for method, evaluator in headlines.items()}
orders = {}
for order, runs in (("as named", named), ("reversed", turned)):
    asked = {name: (runs[a], runs[b]) for name, (a, b) in pairs.items()}
    orders[order] = both.differences(asked)
sign = analysis.only_run(pd.concat(orders))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
kept = sign.loc["reversed"]
assert (kept.verdict.drop(("Digits-LT", third)) == "resolved").all()
assert (kept.points["CIFAR-10-LT"] > 0).all()
assert (sign.points.loc[:, "Digits-LT", third] < 0).all()
assert sign.verdict["as named", "Digits-LT", third] == "resolved"
assert (kept.points["Digits-LT"][[first, second]] > 0).all()
assert sign.verdict["as named", "Digits-LT", second] == "not resolved"
moved = (kept.points - sign.points["as named"]).abs()
assert moved.loc[:, [first, second]].min() > 3
assert moved["CIFAR-10-LT"].round().tolist() == [5, 3, 0]
notebook.table(sign, "Each method with its own judge, in both orders of the classes")

# %% [markdown]
# On Digits-LT the first keeps its sign.
# The second is not resolved there in the order as named, and is large in the reversed one: how much a debiased teacher and method give together depends on which digits are rare.
# The third has the opposite sign there in both orders: DAM + ED scores higher than the uni-level method, as named and, not resolved, reversed.

# %% [markdown]
# ## When a class has fewer images than IPC
#
# **Copies fill the places, and the rarest classes are learned from the few images that there are.**
# On CIFAR-10-LT at IF 100 the rarest class has 50 images, and a set of ten per class never runs out.
# Elsewhere it does.
# The table counts the real images of the rarest classes of Digits-LT (scale `tiny`).
# Its last column counts, over all classes, the places of a set of ten per class that are left when each real image has one:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
places = {}
for factor in (5, 20, 60):
    data = recipes.recipe("damed_digits", imbalance_factor=factor).data
    counts = longtail.class_counts(images.load(data).counts[0], factor, 10)
    places[f"IF {factor}"] = [*counts[-4:], sum(max(10 - count, 0) for count in counts)]
names = ["4th rarest", "3rd", "2nd", "rarest", "places repeated"]
places = pd.DataFrame.from_dict(places, orient="index", columns=names)
notebook.table(places, "Real images of the rarest classes of Digits-LT")

# %% [markdown]
# At IF 60 the rarest digit has two images for ten places, and eight of its places hold copies.
# A random set then holds every real image of such a class, so no other choice of real images could do better there.
# At IF 20, where two classes run out, random images are as good on the rarest third as at IF 5, where none does (the next table).
# At IF 60 they are about twelve points lower there: all three classes of the third run out, and there are few images to learn from.
#
# What DATM loses at the tail is not due to copies: at IF 5 its tail third is already far below that of random images, and at IF 20 and 60 little or nothing of it is left.
# On CIFAR-10-LT its biased experts, which choose and label the start, get no image of the rarest classes right (chapter 07); here that was not counted.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
short = recorded[(recorded.dataset == "digits") & (recorded.scale == "tiny")]
short = short[(short.ipc == 10) & (short.protocol == "dsa-stored")]
short = short[short.method.isin(["random", "datm", "damed"]) & short.in_table]
short = short.assign(imbalance_factor=short.imbalance_factor.astype(int))
thirds = 100 * short.pivot_table(["overall", "tail"], "method", "imbalance_factor")
thirds = thirds.T.rename_axis([None, "IF"]).rename(
    {"overall": "all classes, %", "tail": "tail third, %"}
)
tail, lost = (thirds.loc["tail third, %", method] for method in ("random", "datm"))
assert abs(tail[20] - tail[5]) < 1 and 11.5 < tail[5] - tail[60] < 13
assert lost[5] < tail[5] - 20 and lost[20] < 20 and lost[60] < 5
notebook.table(thirds, "Accuracy on Digits-LT, by imbalance factor")

# %% [markdown]
# The matching can make the copies differ afterwards.
# Over all classes DAM + ED stays a little above random real images at each imbalance factor (at IF 5 and 60 by hardly more than the margin); on the rarest third it is above them at IF 5 and 60 and below at IF 20.
# (The spread at IF 5 and 60 is that of IF 20 where a method was run once.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
few = {"scale": "tiny", "records": recorded, "like": digits}
by_factor = {
    f"IF {factor}": analysis.board("digits", imbalance_factor=factor, **few)
    for factor in (5, 20, 60)
}
pairs = [("damed", "random"), ("datm", "random")]
found = {name: each.contrasts(pairs, STORED) for name, each in by_factor.items()}
found = pd.concat(found).swaplevel()
found = found.sort_index(level=0, sort_remaining=False, kind="stable")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
assert places.loc["IF 60", "rarest"] == 2 and places.loc["IF 5", "places repeated"] == 0
lead = found.loc["damed - random"]
assert (lead.verdict == "resolved").all() and lead.points.between(1, 3).all()
once = lead.loc[["IF 5", "IF 60"]]
assert (once.points - once.needed).max() < 0.3
rare = thirds.loc["tail third, %", "damed"] - tail
assert rare[20] < 0 < rare[[5, 60]].min()
caption = "Two sets beside random real images, by imbalance factor"
notebook.table(found, caption, folded=True)

# %% [markdown]
# In the published tables the same case is a dash: the selections of RDED and EDC, as paper 2 ran them, need as many images as places.
# In those cells roughly one class in seven to two in five have too few:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
grid = [("cifar100", 500, 20, 50), ("cifar100", 500, 50, 20), ("cifar100", 500, 50, 50)]
grid += [("tiny", 500, 100, 10), ("tiny", 500, 100, 20)]
wanting = {}
for name, most, factor, ipc in grid:
    counts = longtail.class_counts(most, factor, DATASETS[name].classes)
    wanting[f"{name}, IF {factor}, IPC {ipc}"] = (
        sum(count < ipc for count in counts),
        len(counts),
    )
columns = ["classes with too few images", "classes"]
wanting = pd.DataFrame.from_dict(wanting, orient="index", columns=columns)
lacking = wanting.iloc[:, 0] / wanting.classes
assert lacking.between(0.15, 0.45).all()
notebook.table(wanting, "Where a class has fewer images than places", folded=True)

# %% [markdown]
# ## The largest recorded changes
#
# **Most of the largest changes concern who labels or chooses: teachers, experts, and the prior that DAM is told.**
# The [reproduction page](../book/reproduction.md#runs-without-a-published-number) lists all runs with a changed setting.
# Here are the five on each data set that are farthest from the recipe itself on the same seeds; new records appear by themselves.
# Chapters 12, 14, 15 and 17 explain the changes; in brackets stands who judged.
# A coreset with *labels unseen* is chosen without looking at the classes (chapter 02): one that holds a single class scores ten percent, which is chance.
# (Runs that were judged by unused train images, instead of test images, are left out; chapter 18 has them.)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def of_setting(one):  # a change of the teacher stands beside the teacher
    judge = recipes.judge(one.evaluator, short=True)
    name, _, change = recipes.variant(one.method, one.changes).partition(",")
    its = all(setting.startswith("evaluate.teacher.") for setting in one.changes)
    return f"{name} ({judge} with{change})" if its else f"{name},{change} ({judge})"


# %% jupyter={"source_hidden": true} tags=["hide-input"]
entries = [one for each in both.boards.values() for one in each.entries if one.changes]
entries = [one for one in entries if "data.judged_on" not in one.changes]
changed = {of_setting(one): one.run for one in entries}
everything = analysis.only_run(both.controls(changed)).drop(columns="recipe itself")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
by_size = everything.points.abs().sort_values(ascending=False).index
largest = (
    everything.loc[by_size]
    .groupby(level=0)
    .head(5)
    .sort_index(level=0, sort_remaining=False, kind="stable")
)
print(f"{len(everything)} settings were changed and run")
notebook.table(largest, "The largest recorded changes, beside the recipe itself")

# %% [markdown]
# ## Controls that wait for a run
#
# Some controls were run on one data set, and would test a claim of these chapters on the other one.
# They are the prior and the offset of DAM and a smaller shift of labels on CIFAR-10-LT, and settings of DATM on Digits-LT.
# (A uniform prior on CIFAR-10-LT is ED alone, which was run. Chapters 14 and 15 list controls of their own.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
waiting = both.controls(turned | changed).command
waiting = waiting[waiting != ""].drop_duplicates()
also = "DAM + ED, uniform prior (stored labels)"
waiting = waiting.drop(("CIFAR-10-LT", also), errors="ignore")
on, setting = (waiting.index.get_level_values(level) for level in (0, 1))
asked = (on == "CIFAR-10-LT") | setting.str.startswith("DATM")
print(
    f"not listed: {(~asked).sum()} that ran on CIFAR-10-LT alone; no claim needs them on digits"
)
waiting = waiting[asked].to_frame().assign(state="not run")
caption = "Changed settings without a run on one data set"
notebook.table(waiting, caption, folded=True)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# Of the pipelines recorded so far, at this scale; the tables say how many there are and which differences are resolved.
# What is said of a table is checked in its cell.
#
# - **With re-balanced experts most of what is won over random images is won before the first iteration**, on CIFAR-10-LT.
#   Where experts are biased, and in the uni-level method, the set *starts below* random images, and all gains come from the iterations.
# - **On CIFAR-10-LT paper 1's lead is there with the trucks frequent as well**, smaller by five points (one pair); so is paper 2's as far as it was run, together with its teacher.
#   With the classes in reversed order DAM + ED stays above DATM, and the uni-level method, each set under its own judge, above itself without debiasing and above DAM + ED.
#   On Digits-LT the first stays, and the gain by debiasing is there in one order only.
#   The lead of the uni-level method over itself without debiasing is smaller by three points, that over DAM + ED as large.
#   Paper 2's leads over EDC and RDED were not run in this order.
# - **A class that has run out of images is filled up with copies.**
#   A random set holds every real image of it, so no choice of real images could do better there.
#   DATM's loss at the tail has another cause: it is there with enough images, too.
#
# **Not shown here:** the controls that wait for a run; a third order of the classes; sets with too few images on CIFAR-100-LT, where the papers print a dash.

# %%
print(notebook.versions())

# %% [markdown]
# ## Remember
#
# 1. Score the set before its first iteration, with the same labels and students.
# 2. Where the rare classes are always the same ones, rarity and class are one thing.
# 3. Controls are cheap; run the plainest first.
#
# ## Check yourself
#
# <details><summary>Which single control would you ask of any distillation paper?</summary>
#
# The set before its first iteration, under the same labels and the same students.
#
# </details>
#
# <details><summary>Why is the share of a score that exists at the start misleading?</summary>
#
# Random images alone have most of any score. What counts is what lies above them, at the start and at the end.
#
# </details>
#
# <details><summary>Why turn the order of the classes round?</summary>
#
# So that another class is the rare one. Else a statement about the tail may be one about trucks.
#
# </details>
#
# ## Exercises
#
# > **1.** A set scores the same before its first iteration and after its last.
# > Name two explanations, and what tells them apart.
#
# <details><summary>Answer</summary>
#
# The iterations changed next to nothing, or they changed the set a great deal and what they gave in one place they took in another.
# The distance between the images before and after, and the scores of head, middle and tail, tell the two apart.
#
# </details>
#
# > **2.** CIFAR-100-LT at IF 100 has 500 images of its most frequent class.
# > How many classes have fewer than ten?
#
# <details><summary>Answer</summary>
#
# $n_c = 500 \cdot 100^{-c/99} < 10$ where $c / 99 > \log 50 / \log 100 \approx 0.85$, so from $c = 85$ on: the 15 rarest of the hundred.
# `longtail.class_counts(500, 100, 100)` has them.
#
# </details>
#
# > **3.** Deer and dogs are in the middle third in both orders of CIFAR-10.
# > What does this control leave open, and which setting would close it?
#
# <details><summary>Answer</summary>
#
# Whether the headlines are the same where those two are at the head or at the tail.
# `class_order=permuted`, with several values of `class_order_seed`, puts other classes there.
#
# </details>
#
# **Next:** chapter 17 goes through the papers' claims one by one: what was reproduced, what was not, and the likely cause.
