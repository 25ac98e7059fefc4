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
# # Ablations and controls
#
# *Builds on chapters 07, 12 and 13.*
#
# **Question.** Both papers add parts one at a time and print what each part gives.
# But a part can only be credited with what a *control* without it lacks, and nothing that we read of either paper shows the plainest controls: the set before its first iteration, random images under the same labels, a wrong class prior.
# **Step by step, from the plainest control to the full method: which steps can be seen?**
#
# This chapter trains nothing.
# It reads records: one JSON file per run, made by `ltdd run`, with settings, scores, seconds and the commit that computed them.
# A table has the controls that were run; those that were not stand at the end, under *Controls that wait for a run*, with the command of each.
#
# > **After this chapter you can**
# >
# > - read a ladder of ablations, and say why another order of steps gives other numbers;
# > - name the control that each part of both papers needs;
# > - say which prior DAM needs, which gradient is better, and when debiasing after training works.
#
# > **In short**
# >
# > - In paper 1 most is won before the first iteration; in paper 2 one step, the teacher, carries the ladder.
# > - DAM needs the right prior, which can be read off the experts' answers; the exact gradient is better than TESLA's.
# > - Debiasing the experts' loss does most of what expert decoupling does.

# %% tags=["colab", "remove-cell"]
import os
import subprocess
import sys

if "google.colab" in sys.modules:
    home = "git+https://github.com/your-name/long-tailed-distillation-book"
    source = os.environ.get("LTDD_SOURCE", home)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

# %% [markdown]
# ## What is read
#
# Runs on CIFAR-10-LT (IF 100, ten images per class, scale `cpu`; chapters 07 and 12 say what is reduced) and, where there are any, on **Digits-LT** (IF 20, ten images per class, scale `tiny`), where three whole pipelines of a control take minutes.
# Digits are easier and small: they show whether a control matters *at all*, not by how much it would on the papers' data.
#
# A run is a recipe, scored by an evaluator (the protocol, its teacher, and the width of the students in brackets; chapter 13), with some settings changed.
# A **control** changes one thing.

# %%
import pandas as pd
from ltdd_utils import analysis, notebook, plots, recipes, records
from ltdd_utils.analysis import contrasts
from ltdd_utils.data import DATASETS, longtail
from ltdd_utils.data import long_tailed as images
from ltdd_utils.evaluation import DEBIASED, PLAIN, STORED  # students of width 32
from ltdd_utils.records import targets

figure = notebook.Figures("14")
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
# (Chapter 00 says when a difference counts as *resolved*.
# Where nothing was run twice under an evaluator, the spread is that of the whole cell.)

# %% [markdown]
# ## Paper 1, step by step
#
# From random real images with hard labels to the full method.
# The first two steps are made before any matching: choosing the images and labelling them with experts is part of the *initial set*.
#
# A bar goes from the score before a step to the score after it.
# It is filled where the difference is resolved, and hollow where it is not.
# The number beside it is the difference of the table below, on the seeds that both rows have; the bar runs between the means of all, so it can be a little longer or shorter.
# Whiskers are one standard deviation over pipelines.
# The figures are of CIFAR-10-LT.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
start = {"iterations": 0}
ladder_1 = {
    "random real images, hard labels": ("random", STORED),
    "chosen and labelled by biased experts": ("datm", STORED, start),
    "by experts with a re-balanced classifier": ("damed", STORED, start),
    "+ matching, both kinds of experts": ("ed_only", STORED),
    "+ DAM (the full method)": ("damed", STORED),
}
figure(
    plots.waterfall(*board.ladder(ladder_1).bars),
    "From random real images to DAM + ED, step by step: the largest step is a re-"
    "balanced classifier that chooses and labels, before any matching.",
    "Bars along a way: a fall where biased experts choose, a long rise where re-"
    "balanced ones do, and two shorter rises by matching and by DAM.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
steps_1 = both.ladders(ladder_1)
points = steps_1.loc["CIFAR-10-LT"].points
assert points.iloc[2] == points.max()  # choosing and labelling, before matching
assert points.iloc[1] < 0 < points.iloc[3:].min()
down, up = steps_1.loc["Digits-LT"].iloc[3:].itertuples()
assert down.verdict == up.verdict == "resolved" and down.points < -5 < 5 < up.points
notebook.table(steps_1, "Each step of paper 1, beside the row before it that was run")

# %% [markdown]
# A step is held against the last row that was run; chapter 00 explains the columns.
# (Random images have a pipeline per draw, the others one per distillation; on CIFAR-10-LT all distillations share four expert pairs.)
#
# Labels from biased experts are *worse* than no experts at all: they find no image of the rarest classes that they get right, so those classes start as noise.
# To re-balance the classifier that chooses and labels is the largest step of the ladder, because the one before it went down.
# From random images to the full method, the two together are most of the way, matching is a little and DAM a little more.
# On Digits-LT they have opposite signs: without DAM the matching takes a good part of the start away again, and with it next to nothing is lost.
#
# The order of the steps is a choice.
# The paper's own order begins at DATM:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
good_start = {"initial.experts": "classifier"}
ladder_2 = {
    "DATM": ("datm", STORED),
    "DATM from the good initial set": ("datm", STORED, good_start),
    "decoupled experts in the matching too": ("ed_only", STORED),
    "+ DAM (the full method)": ("damed", STORED),
}
figure(
    plots.waterfall(*board.ladder(ladder_2).bars),
    "The same method in the paper's order, from DATM on: now the good start earns "
    "next to nothing, and decoupled experts in the matching earn the most.",
    "Three bars from DATM on: a short one, a very long one, and one of middle length, "
    "all to the right.",
)

# %% [markdown]
# On this path the good start earns next to nothing, because matching biased experts on all parameters takes it away again (chapter 07), and the same decoupling is worth the most when it comes into the matching.
#
# Or DAM comes first, and decoupled experts into the matching last.
# All four sets below begin with the same images and labels, those of the good start.
# (The rows differ in one more thing: where decoupled experts are matched, a second phase comes in, and the first has the weight that the released settings give it there.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
neither, dam = (board[method, STORED, good_start] for method in ("datm", "dam_only"))
decoupled, all_parts = (board[method, STORED] for method in ("ed_only", "damed"))
weights = [recipes.recipe(f"{m}_cifar10").method.first.weight for m in ("datm", "ed_only")]
assert weights[0] == 1 > weights[1]
four = {
    "no DAM": {"biased": neither.percent, "decoupled": decoupled.percent},
    "DAM": {"biased": dam.percent, "decoupled": all_parts.percent},
}
four = pd.DataFrame(four).rename_axis("experts matched")
notebook.table(four, "Both parts of paper 1 from one start: accuracy, %")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from_good = contrasts(
    {
        "DAM, biased experts": (dam, neither),
        "decoupled experts, no DAM": (decoupled, neither),
        "DAM alone - decoupled experts alone": (dam, decoupled),
        "both - DAM alone": (all_parts, dam),
        "both - decoupled experts alone": (all_parts, decoupled),
    }
)
notebook.table(from_good, "What each part adds, from the good start")

# %% [markdown]
# From that start either part alone does most of what both do: each keeps the matching from teaching the tail's absence.
# (What DAM adds to decoupled experts is not in the images alone: with the labels of ED they lose it, chapter 07.)
# What a part is worth depends on the parts that are there already.
#
# ## Paper 2, step by step
#
# From random real images under a plain teacher to the full method.
# Only its first step changes what the student is told; the later ones change images alone.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
ladder_3 = {
    "random real images, plain teacher": ("random", PLAIN),
    "debiased teacher": ("random", DEBIASED),
    "confident crops": ("unilevel_no_recovery", DEBIASED),
    "+ recovery, running statistics": ("unilevel_no_calibration", DEBIASED),
    "calibrated statistics (the full method)": ("unilevel", DEBIASED),
}
figure(
    plots.waterfall(*board.ladder(ladder_3).bars),
    "From random real images under a plain teacher to the full uni-level method: the "
    "teacher is the one long step, and all that changes images is short.",
    "One very long bar to the right, then three short ones; some of them are hollow.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
steps_3 = both.ladders(ladder_3)
points, on_digits = steps_3.loc["CIFAR-10-LT"].points, steps_3.loc["Digits-LT"]
assert points.iloc[1] > 2 * points.iloc[2:].abs().sum()
assert on_digits.verdict["debiased teacher"] == "not resolved"
assert on_digits.points.iloc[1:].abs().max() < 2
notebook.table(steps_3, "Each step of paper 2, beside the row before it that was run")

# %% [markdown]
# On Digits-LT the first step is not there: a plain teacher of digits knows most of the tail already (chapter 09).
# The other steps are a point or so, too.
# So the ladder's one large step belongs to data on which a plain teacher loses the tail.
#
# ## How much exists before the first iteration, and what do the iterations add?
#
# Hollow dots are initial sets, full dots what the iterations made of them, scored by the same students with the same labels.

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
    "of each method. Where re-balanced experts choose, the start is most of the "
    "result.",
    "Rows with an arrow each. All arrows point to the right; most are short beside "
    "the distance between the rows.",
)

# %% [markdown]
# A share of a score would say little: random images alone have most of it.
# So count from random images under the same evaluator.
# How far above them (or below) is each set before its first iteration, and after its last?
# Where re-balanced experts choose and label, most of what is won is there at the start.
# Where experts are biased, and in the uni-level method, the set starts below random images; the iterations add to every one of them:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
gained = board.gains({name: one.run for name, one in begun.items()})
base = [board["random", one.evaluator].percent for one in begun.values()]
above = pd.DataFrame({"start": gained.before - base, "end": gained.after - base})
above["added by iterations"] = gained.gain
above["share of the end"] = (above.start / above.end).where(above.min(axis=1) > 0)
share = above["share of the end"]
assert share[["DAM + ED, stored labels", "ED alone, stored labels"]].min() > 0.6
assert above.start[["DATM, stored labels", "DAM alone, stored labels"]].max() < 0
assert above.start["uni-level, debiased teacher"] < 0
assert above["added by iterations"].min() > 0
heads = {name: f"{name}, points" for name in ("start", "end", "added by iterations")}
caption = (
    "Above random real images (or below) before the first iteration and after the last"
)
notebook.table(above, caption, names=heads, digits={"share of the end": 2})

# %% [markdown]
# EDC and "no crops" begin with random real images, so their start is scored by another recipe, `random`, on other draws.
# (SRe2L begins with noise, which has nothing to teach.)

# %%
plain = board.contrasts([("edc", "random")], PLAIN)
debiased = board.contrasts([("edc", "random"), ("unilevel_no_init", "random")], DEBIASED)
started = pd.concat({"plain teacher": plain, "debiased teacher": debiased})
notebook.table(started, "Sets that begin with random real images, after all iterations")

# %% [markdown]
# ## Does DAM need the true prior?
#
# DAM weights the classes of the student's inner loss with the class prior of the long tail, because the expert was trained under it.
# A **placebo** is the same loss under another prior: uniform, which is no re-weighting at all; the true numbers given to the wrong classes ("permuted"); the rare classes made frequent ("inverted").
#
# Where the class counts are **unknown**, the prior can be estimated: a network trained with cross-entropy answers, on average over its training images, with the class shares of its training set.
# "Estimated" reads those answers, and no label.
#
# With weights of mean 1, `damed` under a uniform prior *is* `ed_only`, so the difference between those two recipes is that placebo, too.
# Weights of sum 1 are those of the released code: they make every step $C$ times as short, so they have a control with steps as short and no prior.
# An inverted prior costs many points on CIFAR-10-LT, an estimated one does as well as the true one on Digits-LT, as far as can be seen, and with weights of sum 1 the set hardly leaves its start:

# %%
uniform = {"dam.prior": "uniform"}
prior = {
    "estimated prior": ("damed", STORED, {"dam.prior": "estimated"}),
    "uniform prior": ("damed", STORED, uniform),
    "permuted prior": ("damed", STORED, {"dam.prior": "permuted"}),
    "inverted prior": ("damed", STORED, {"dam.prior": "inverted"}),
}
sum_1 = {
    "weights of sum 1": ("damed", STORED, {"dam.weights": "sum"}),
    "the same, no prior": ("ed_only", STORED, {"dam.weights": "sum"} | uniform),
}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
placebos = analysis.only_run(both.controls(prior | sum_1))
large, small = placebos.loc["CIFAR-10-LT"], placebos.loc["Digits-LT"]
assert large.verdict["inverted prior"] == "resolved" and large.points["inverted prior"] < -8
assert small.verdict["estimated prior"] == "not resolved"
begun = board["damed", STORED, start].percent  # weights of sum 1 hardly leave their start
assert abs(large.accuracy["weights of sum 1"] - begun) < 1
notebook.table(placebos, "DAM + ED with another prior, beside the recipe itself")

# %% [markdown]
# For scale, each of them against random real images with hard labels.
# (On CIFAR-10-LT the uniform prior is `ed_only`.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
tried = {"true prior": ("damed", STORED)} | prior
tried["the same, no prior"] = sum_1["the same, no prior"]
random = ("random", STORED)
beside_random = both.differences({name: (run, random) for name, run in tried.items()})
ed_only = board.contrasts([("ed_only", "random")], STORED)
beside_random.loc[("CIFAR-10-LT", "uniform prior"), :] = ed_only.iloc[0]
beside_random = analysis.only_run(beside_random)
notebook.table(beside_random, "Each prior minus random real images")

# %% [markdown]
# On Digits-LT every wrong prior ends far below random images.
# On CIFAR-10-LT no prior at all is still far above them, and an inverted one cannot be told from them:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
large, small = beside_random.loc["CIFAR-10-LT"], beside_random.loc["Digits-LT"]
wrong = small.loc[["uniform prior", "permuted prior", "inverted prior"]]
assert (wrong.verdict == "resolved").all() and wrong.points.max() < -5
for found in (small, large):
    assert found.verdict["true prior"] == "resolved" and found.points["true prior"] > 0
assert large.verdict["uniform prior"] == "resolved" and large.points["uniform prior"] > 5
assert large.verdict["inverted prior"] == "not resolved"

# %% [markdown]
# The uniform placebo as a contrast, and DAM with biased experts, where there is nothing else to lean on.
# DAM adds to both:

# %%
dam_gain = board.contrasts([("damed", "ed_only"), ("dam_only", "datm")], STORED)
assert (dam_gain.points > 0).all() and (dam_gain.verdict == "resolved").all()
notebook.table(dam_gain, "What DAM adds to decoupled and to biased experts")

# %% [markdown]
# Chapter 05 has these placebos on a smaller question: there the true prior brings the student closer to the expert than plain cross-entropy on every seed, and wrong priors keep it away.
# The rows above test whether that distance turns into accuracy.
#
# ## Does the logit term matter?
#
# A summary of paper 1 gives DAM two factors: class weights, and a shift of the logits by $-\lambda \log \pi$.
# The released configurations have the weights alone ($\lambda = 0$), and so have our recipes.
# Chapter 05 shows that each alone imitates the long tail and both together count the prior twice.
# On Digits-LT the shift alone does as well as the weights alone, and both together do worse:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
offset = {
    "shift alone (lambda 1)": ("damed", STORED, {"dam.weights": "none", "dam.offset": 1}),
    "weights and shift": ("damed", STORED, {"dam.offset": 1}),
}
shifts = analysis.only_run(both.controls(offset))
shift = shifts.loc["Digits-LT"]
assert shift.verdict["shift alone (lambda 1)"] == "not resolved"
assert shift.verdict["weights and shift"] == "resolved"
assert shift.points["weights and shift"] < 0
notebook.table(shifts, "DAM + ED with a shift of the logits, beside the recipe itself")

# %% [markdown]
# On CIFAR-10-LT, the shift alone against no DAM at all (`ed_only`), and the weights against it, on the same seed.
# The shift lies between the two:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
no_dam = ("ed_only", STORED)
pairs = {"shift alone - no DAM": (offset["shift alone (lambda 1)"], no_dam)}
pairs |= {"weights - no DAM": (("damed", STORED), no_dam)}
shift_gain = board.differences(pairs)
assert 0 < shift_gain.points.iloc[0] < shift_gain.points.iloc[1]
notebook.table(shift_gain, "The shift, and the weights, beside no DAM")

# %% [markdown]
# ## Exact or TESLA gradient?
#
# The images' gradient through all student steps can be had exactly, or without the part that goes through later steps (TESLA, as released).
# What it costs in time and memory was measured once on a ConvNet of width 128, for 10, 20 and 40 student steps (`unroll` keeps the whole graph).
# The exact gradient takes somewhat more time than TESLA's, less than a fifth, and from a little less to a sixth more memory (each was measured once).
# What costs several times the memory is to keep the whole graph:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
timing = pd.read_csv(where / "benchmarks" / "matching.csv")
timing = timing[timing.gradient.isin(["exact", "tesla", "unroll"]) & (timing.images == 100)]
timing = timing[timing.steps.isin([10, 20, 40])]
spent = timing.pivot_table(["seconds per step", "GiB"], "gradient", "steps")
more = 100 * (spent.loc["exact"] / spent.loc["tesla"] - 1)
assert more.max() < 20 and more["seconds per step"].min() > 0 > more["GiB"].min()
assert (spent["GiB"].loc["unroll"] > 3 * spent["GiB"].loc["exact"]).all()
heads = {"tesla": "TESLA", "unroll": "whole graph kept", "steps": "student steps"}
spent = spent.T.assign(**{"exact above TESLA, %": more})
caption = "What a matching gradient costs, in GiB and in seconds per step"
digits_of = dict.fromkeys(spent, 2) | {"exact above TESLA, %": 0}
notebook.table(spent, caption, names=heads, digits=digits_of)

# %% [markdown]
# On CIFAR-10-LT a DAM + ED set that was matched with TESLA's gradient scores more than a point less; on Digits-LT no difference can be seen:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
gradient = {
    "damed, TESLA gradient": ("damed", STORED, {"gradient": "tesla"}),
    "datm, TESLA gradient": ("datm", STORED, {"gradient": "tesla"}),
}
gradients = analysis.only_run(both.controls(gradient))
large, small = gradients.xs("damed, TESLA gradient", level=1).itertuples()
assert large.verdict == "resolved" and large.points < -1
assert small.verdict == "not resolved"
notebook.table(gradients, "Sets matched with TESLA's gradient, beside the exact one")

# %% [markdown]
# ## Is debiasing after training infeasible?
#
# A public summary of paper 2, not a sentence of the paper itself that we could point to, gives this as its reason to leave trajectory matching: debiasing the experts changes the trajectory, and debiasing afterwards is infeasible.
# Three attempts: calibrate the labels of a finished set (ADSA, one number $\tau$), train the experts with a logit-adjusted loss, or calibrate a plain teacher's answers.
# ADSA's own rule harms DATM on Digits-LT; with a bound on $\tau$ it helps on both data sets, and so do logit-adjusted experts on Digits-LT:

# %%
bounds = {3.0: "datm, labels calibrated by ADSA", 1: "the same, tau at most 1"}
bounds |= {0.5: "the same, tau at most 0.5"}
after = {
    name: (
        "datm",
        STORED,
        {"evaluate.adsa.largest": bound, "evaluate.adsa.step": 0.01},
    )
    for bound, name in bounds.items()
}
adjusted = {"experts.logit_adjustment": 1}
after["datm, logit-adjusted experts"] = ("datm", STORED, adjusted)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
attempts = analysis.only_run(both.controls(after))
large, small = attempts.loc["CIFAR-10-LT"], attempts.loc["Digits-LT"]
assert (small.verdict == "resolved").all()
assert small.points["datm, labels calibrated by ADSA"] < 0
assert small.points.drop("datm, labels calibrated by ADSA").min() > 0
bounded = large.loc["the same, tau at most 1"]
assert bounded.verdict == "resolved" and bounded.points > 0
notebook.table(attempts, "Attempts to debias DATM, beside the recipe itself")

# %% [markdown]
# And the $\tau$ that was chosen, with the accuracy of each third of the classes:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
runs = [run for run in board.records + digits.records if run.method == "datm"]
rows = []
for run in [run for run in runs if run.recipe.evaluate.adsa]:
    first, search = run.students[0], run.recipe.evaluate.adsa
    shares = [100 * getattr(run.metrics, third).mean for third in ("head", "mid", "tail")]
    name = DATASETS[run.data.name].title, f"τ at most {search.largest:g}", f"{run.seed}"
    rows.append([*name, first.adsa_tau, *shares])
columns = ["data set", "search", "seed", "tau", "head", "mid", "tail"]
rows = pd.DataFrame(rows, columns=columns).set_index(columns[:3]).sort_index()
notebook.table(rows, "DATM with calibrated labels", digits={"tau": 2})

# %% [markdown]
# ADSA's rule makes the classes equally confident on their own distilled images.
# In a set of DATM the images of the rarest classes carry labels from experts that got none of them right, so their confidence stays low however the rest is shifted, and the rule goes on to shift: far beyond $\tau = 1$, which would take the prior out once.
# With a bound at 1 (the theory's own value, and half of it as a second point; set when the rule had been seen to go too far, and not chosen by a score) the same shift helps, but look at the thirds: on CIFAR-10-LT it is the middle classes that gain, and the tail stays where it was.
# Images that began as noise cannot be cured by a shift of labels.
# Against random real images under the same students.
# Logit-adjusted experts alone take DATM far above them, and on CIFAR-10-LT only:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
against = both.differences({name: (run, random) for name, run in after.items()})
against = analysis.only_run(against)
points = against.loc["CIFAR-10-LT"].points
assert points.drop("datm, logit-adjusted experts").max() < 3
assert points["datm, logit-adjusted experts"] > 10
assert against.loc["Digits-LT"].points.max() < 0
notebook.table(against, "Each attempt minus random real images")

# %% [markdown]
# The last attempt comes before the training and not after it: experts with a logit-adjusted loss.
# How far does that one number carry, beside the two stages of expert decoupling?

# %% jupyter={"source_hidden": true} tags=["hide-input"]
mine = ("datm", STORED, adjusted)
pairs = {
    "datm, such experts - ED alone": (mine, ("ed_only", STORED)),
    "datm, such experts - DAM + ED": (mine, ("damed", STORED)),
    "and what its matching adds": (mine, ("datm", STORED, adjusted | start)),
}
beside_ed = analysis.only_run(both.differences(pairs))
ed, both_parts, adds = (beside_ed.xs(name, level=1) for name in pairs)
assert ed.verdict["CIFAR-10-LT"] == "not resolved" and ed.points["Digits-LT"] > 3
assert (both_parts.verdict == "resolved").all() and (both_parts.points < 0).all()
assert adds.verdict["CIFAR-10-LT"] == "resolved" and adds.points["CIFAR-10-LT"] > 0
notebook.table(beside_ed, "DATM with logit-adjusted experts beside decoupled ones")

# %% [markdown]
# One term in the loss, and no second kind of expert: on CIFAR-10-LT that carries DATM as far as decoupled experts alone do, as far as one pipeline can tell, and on Digits-LT farther.
# Its matching adds to where it starts, which biased experts do only from a bad start.
# DAM + ED is ahead of it on both.
# (The logit-adjusted experts are other experts than those of DAM + ED, four of them, and the spread here does not count the luck of experts.
# So on CIFAR-10-LT that sentence is about these two sets of experts.)
#
# Calibrating the answers of a plain *teacher* is another matter.
# ADSA lifts EDC and SRe2L by many points, does not reach what a debiased teacher gives, and does great harm on Digits-LT:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
edc_adsa, unilevel = ("edc_adsa", PLAIN), ("unilevel", DEBIASED)
adsa = board.differences(
    {
        "edc with ADSA - edc": (edc_adsa, ("edc", PLAIN)),
        "sre2l with ADSA - sre2l": (("sre2l_adsa", PLAIN), ("sre2l", PLAIN)),
        "edc with ADSA - edc, debiased teacher": (edc_adsa, ("edc", DEBIASED)),
        "edc with ADSA - uni-level": (edc_adsa, unilevel),
    }
)
on_digits = digits.contrasts([("edc_adsa", "edc")], PLAIN)
lifted, below = adsa.iloc[:2], pd.concat([adsa.iloc[2:], on_digits])
assert (adsa.verdict == "resolved").all() and (on_digits.verdict == "resolved").all()
assert lifted.points.min() > 5 and below.points.max() < -5
calibrated = pd.concat({"CIFAR-10-LT": adsa, "Digits-LT": on_digits})
notebook.table(calibrated, "A plain teacher's answers, calibrated after training")

# %% [markdown]
# On Digits-LT, whose tail the plain teacher knows, there is no bias of the kind to take out, and the rule shifts all the same.

# %% [markdown]
# The row `edc with ADSA - uni-level` is a comparison across two papers: EDC with a plain teacher and one number chosen after training, against the uni-level method with its debiased teacher.
# The ADSA paper prints a higher number for the first than paper 2 does for the second:

# %%
printed = targets()
pair = {"jiang2025adsa": "edc_adsa", "cui2026rethinking": "unilevel"}
cell = ("cifar10", 100, 10)
higher = {
    method: analysis.published_score(printed, paper, method, cell)
    for paper, method in pair.items()
}
higher = pd.Series(higher, name="published, %").to_frame()
notebook.table(higher, "Two papers, one cell")

# %% [markdown]
# ## Where the uni-level gain comes from
#
# The full method minus itself without one part, under the debiased teacher.
# The first row takes the teacher away, and with it the labels.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
plain_observer = {"observer.network.second_head": False, "observer.network.projection": 0}
plain_observer |= {"observer.kind": "plain"}
without = {
    "debiased teacher": ("unilevel", PLAIN),
    "debiased teacher, observer and crops": ("unilevel_no_debiasing", PLAIN),
    "debiased observer": ("unilevel", DEBIASED, plain_observer),
    "calibration": ("unilevel_no_calibration", DEBIASED),
    "confident crops": ("unilevel_no_init", DEBIASED),
    "recovery": ("unilevel_no_recovery", DEBIASED),
}
part_of = board.differences({part: (unilevel, run) for part, run in without.items()})

# %% jupyter={"source_hidden": true} tags=["hide-input"]
figure(
    plots.differences(list(part_of.index), list(part_of.points), list(part_of.needed)),
    "What the full uni-level method loses without one part, in points, under the "
    "debiased teacher. Without that teacher it loses many, without recovery a "
    "few; what the other parts are worth is hardly seen.",
    "Six rows with a dot and an interval. The two rows without the debiased teacher "
    "lie far to the right, the others close to zero.",
)

# %% [markdown]
# Recovery adds a little, the confident crops cost a little, and of calibration and of the debiased observer no effect can be seen:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
assert part_of.verdict["recovery"] == part_of.verdict["confident crops"] == "resolved"
assert part_of.points["recovery"] > 0 > part_of.points["confident crops"]
assert (part_of.verdict[["calibration", "debiased observer"]] == "not resolved").all()
notebook.table(part_of, "The full method minus itself without one part")

# %% [markdown]
# (By the spread of the three pairs of each; chapter 15 has a stricter rule, which leaves the crops open.)
# What inside the debiasing does it is in chapter 12.
#
# ## Rarity or class?
#
# In CIFAR-10-LT the frequent classes are always the same ones: airplanes are common and trucks rare.
# So "the tail" and "trucks" are one thing in both papers.
# `class_order=reversed` gives the trucks the 5,000 images and the airplanes the 50; nothing else changes.
# The sets of paper 1 are scored with stored labels, those of paper 2 with the teacher of their recipe.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
turn = {"data.class_order": "reversed"}
headlines = {"datm": STORED, "damed": STORED}
headlines |= {"unilevel_no_debiasing": PLAIN, "unilevel": DEBIASED}
turned = {method: (method, evaluator, turn) for method, evaluator in headlines.items()}
in_reverse = analysis.only_run(both.controls(turned))
notebook.table(in_reverse, "With the classes in reversed order, beside the recipe itself")

# %% [markdown]
# Do the headline differences keep their sign?
# With the classes in reversed order all of them do:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
pairs = ("damed", "datm"), ("unilevel", "unilevel_no_debiasing")
named = {method: (method, evaluator) for method, evaluator in headlines.items()}
orders = {}
for order, runs in (("as named", named), ("reversed", turned)):
    asked = {f"{a} - {b}": (runs[a], runs[b]) for a, b in pairs}
    orders[order] = both.differences(asked)
sign = analysis.only_run(pd.concat(orders))
kept = sign.loc["reversed"]
assert (kept.points > 0).all() and (kept.verdict == "resolved").all()
notebook.table(sign, "The headline differences in both orders of the classes")

# %% [markdown]
# ## When a class has fewer images than IPC
#
# On CIFAR-10-LT at IF 100 the rarest class has 50 images, and a set of ten per class never runs out.
# Elsewhere it does.
# Digits-LT (scale `tiny`) at IF 20 and 60, real images of the rarest classes, and how many of its ten places each cannot fill with different ones:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
places = {}
for factor in (5, 20, 60):
    data = recipes.recipe("damed_digits", imbalance_factor=factor).data
    counts = longtail.class_counts(images.load(data).counts[0], factor, 10)
    places[f"IF {factor}"] = [*counts[-4:], sum(max(10 - count, 0) for count in counts)]
names = ["4th rarest", "3rd", "2nd", "rarest", "places repeated"]
places = pd.DataFrame.from_dict(places, orient="index", columns=names)
notebook.table(places, "Real images of the rarest classes of Digits-LT")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
short = recorded[(recorded.dataset == "digits") & (recorded.scale == "tiny")]
short = short[(short.ipc == 10) & (short.protocol == "dsa-stored")]
short = short[short.method.isin(["random", "datm", "damed"])]
thirds = 100 * short.pivot_table(["overall", "tail"], "method", "imbalance_factor")
thirds = thirds.T.rename_axis([None, "IF"]).rename(
    {"overall": "all classes, %", "tail": "tail third, %"}
)
notebook.table(thirds, "Accuracy on Digits-LT, by imbalance factor")

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
notebook.table(found, "Two sets beside random real images, by imbalance factor")

# %% [markdown]
# (The spread at IF 5 and 60 is that of IF 20 where a method was run once.)
# A class that has run out is filled up with copies.
# The matching can make the copies differ afterwards; random images with hard labels stay what they are.
# But a random set then holds *all* images of the rarest classes, so nothing is lost there by choosing: what it loses from IF 5 to 60 is lost with the images.
# DATM loses the tail for another reason, and with enough images too: its biased experts get none of those images right, and it starts from noise.
#
# In the published tables the same case is a dash: the selections of RDED and EDC, as paper 2 ran them, need as many images as places.
# How many classes are short there:

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
notebook.table(wanting, "Where a class has fewer images than places")

# %% [markdown]
# ## Every recorded change
#
# All runs with a changed setting in these cells, beside the recipe itself on the same seeds; new records appear here by themselves.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
entries = [one for each in both.boards.values() for one in each.entries if one.changes]
changed = {
    f"{recipes.variant(one.method, one.changes)} ({recipes.judge(one.evaluator, short=True)})": one.run
    for one in entries
}
everything = analysis.only_run(both.controls(changed)).drop(columns="recipe itself")
everything = everything.sort_index(level=[0, 1])
notebook.table(everything, "Every changed setting beside the recipe itself")

# %% [markdown]
# ## Controls that wait for a run
#
# (A uniform prior on CIFAR-10-LT is `ed_only`, which was run.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
still = {"lr_labels": 0}  # the images alone move
labels_stay = {"ED alone, labels that stay": ("ed_only", STORED, still)}
from_good_start = good_start | still
labels_stay |= {
    f"{m}, good start, labels that stay": (m, STORED, from_good_start)
    for m in ("datm", "dam_only")
}
asked = prior | sum_1 | offset | gradient | after | turned | changed | labels_stay
waiting = both.controls(asked).command
waiting = waiting[waiting != ""].drop(("CIFAR-10-LT", "uniform prior")).drop_duplicates()
waiting = waiting.to_frame().assign(state="not run")
notebook.table(waiting, "Controls without a run")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# Of the pipelines recorded so far, at this scale; the tables say how many there are and which differences are resolved.
# What is said of a table is checked in its cell.
#
# - **In paper 1 most of what is won over random images is won before the first iteration**, on CIFAR-10-LT, by choosing and labelling real images with re-balanced experts.
#   On Digits-LT little is won at all: the start is about as good as random images, DAM keeps it, and matching without DAM loses it.
#   Where experts are biased, and in the uni-level method, the set *starts below* random images, and whatever it adds the iterations add.
# - **In paper 2 one step carries the ladder, and it is no optimisation:** the debiased teacher.
#   On digits, whose tail a plain teacher knows, no step is large.
# - **The parts have no worth of their own.**
#   A good start under biased matching is lost; the same decoupling inside the matching is worth a lot.
#   Another order of steps gives other numbers.
# - **DAM adds, to decoupled experts and to biased ones.**
#   With weights that sum to 1 the set hardly leaves its start at this budget.
#   Short steps are the likely reason, since the control without a prior is lower still; a step $C$ times as long would tell.
# - **The prior must be the right one, and need not be told.**
#   An inverted prior costs many points on both data sets, and takes the set below where the matching began.
#   No prior (a uniform one) is worse than the true one on both; on Digits-LT that already ends far below random images, on CIFAR-10-LT still far above them.
#   A prior that is read off the experts' answers does as well as the true one on Digits-LT, as far as can be seen.
# - **The logit term can stand in for the weights, and should not be added to them.**
#   On Digits-LT the shift alone does as well as the weights alone; both together count the prior twice, and the set gets worse.
#   On CIFAR-10-LT the one distillation with the shift alone lies between no DAM and the weights.
# - **The exact gradient is the better one.**
#   On CIFAR-10-LT a DAM + ED set that was matched with TESLA's scores more than a point less, on every seed; on Digits-LT no difference can be seen.
#   The exact one costs less than a fifth more time, and at most a sixth more memory; what costs several times the memory is to keep the whole graph.
# - **Debiasing after training is neither infeasible nor enough for a trajectory set.
#   Debiasing the experts' loss does most of what expert decoupling does.**
#   ADSA's own rule shifts much too far there; bounded, the shift lifts DATM on both data sets, and the rarest classes stay lost.
#   A logit-adjusted loss for the experts lifts it by far more: to where ED alone is on CIFAR-10-LT, above ED on Digits-LT (one pipeline each).
#   DAM + ED is ahead (on CIFAR-10-LT: of these experts), and on Digits-LT random images are, too.
# - **For a biased teacher it is worth a lot**: on CIFAR-10-LT one number chosen after training lifts EDC and SRe2L by many points.
#   It does not reach what a debiased teacher gives, nor the uni-level method.
#   So what the ADSA paper prints above paper 2 is not above it here.
#   On Digits-LT, where the plain teacher knows the tail, the same rule does great harm.
# - **Of the uni-level parts, the teacher is what counts** on CIFAR-10-LT.
#   Recovery adds a little, the confident crops cost a little, and of calibration and of the debiased observer no effect can be seen with these pipelines.
# - **The headlines are not about trucks.**
#   With the classes in reversed order they keep their sign in the runs available.
#
# **Not shown here:** the controls that wait for a run; interactions of more than one change; every part at the papers' own scale.

# %%
print(notebook.versions())

# %% [markdown]
# ## Remember
#
# 1. A part gets credit only for what a control without it lacks.
# 2. The order of steps is part of an ablation's result.
# 3. Controls are cheap; run the plainest first.
#
# ## Check yourself
#
# <details><summary>What is a placebo prior?</summary>
#
# A wrong one, permuted or inverted. If a method does as well with it, the prior is not what helps.
#
# </details>
#
# <details><summary>Why can the gains of parts not be added up?</summary>
#
# Each was measured with certain other parts present. Where parts interact, the sum over steps depends on their order.
#
# </details>
#
# <details><summary>Which single control would you ask of any distillation paper?</summary>
#
# The set before its first iteration, under the same labels and the same students.
#
# </details>
#
# ## Exercises
#
# > **1.** Two ladders lead from DATM to DAM + ED.
# > In one the good initial set is worth a lot, in the other nearly nothing.
# > Which one is right?
#
# <details><summary>Answer</summary>
#
# Both.
# A step is the difference between two runs, and the runs on either side of "good initial set" are not the same ones: in the first ladder nothing is matched yet, in the second biased experts are matched afterwards.
# If parts interact, their worth depends on the order; one could average over all orders (Shapley values), which needs a run for every subset of parts.
#
# </details>
#
# > **2.** Why is "weights of sum 1 under a uniform prior" a control for "weights of sum 1", although nobody would use it?
#
# <details><summary>Answer</summary>
#
# Weights that sum to 1 change two things: which classes count more, and the length of every inner step, which becomes $C$ times shorter.
# The uniform prior keeps the second and leaves out the first.
# What is left between the two is the prior's alone.
#
# </details>
#
# > **3.** A permuted prior scores as well as the true one in somebody's run.
# > Name two explanations, and a run that tells them apart.
#
# <details><summary>Answer</summary>
#
# The prior may not matter, only that classes are weighted unevenly or that steps have another length; or the spread over distillations hides the difference.
# More distillations of both tell whether a difference can be seen at all; an inverted prior, the worst placebo there is, tells whether *any* prior can be seen to matter.
#
# </details>
#
# > **4.** ADSA can be put on a set that was labelled by a debiased teacher.
# > What should it do there, and what does chapter 12 show that it does?
#
# <details><summary>Answer</summary>
#
# If the teacher were free of the prior, the best $\tau$ would be 0 and nothing would change.
# It finds a small $\tau$ above 0, from differences of difficulty rather than of frequency, and costs a little.
#
# </details>
#
# **Next:** chapter 15 goes through the papers' claims one by one: what was reproduced, what was not, and the likely cause.
