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
# # Ablations of paper 2
#
# *Builds on chapters 11 to 14.*
#
# **Question.** Paper 2 debiases its experts, calibrates their statistics, starts from confident crops, recovers images from statistics and lets a teacher label them.
# It gives up trajectories because debiasing them afterwards is said to be infeasible.
# **Which of its steps can be seen against the plainest control, and does the bias have to be taken out before the training?**
#
# This chapter trains nothing.
# It reads records: one JSON file per run, made by `ltdd run`, with settings, scores, seconds and the commit that computed them.
# A table has the controls that were run; those that were not stand at the end, under *Controls that wait for a run*, with the command of each.
#
# > **After this chapter you can**
# >
# > - say which step of the uni-level method changes what a student is told, and which change images alone;
# > - read an ablation that takes parts away from the full method;
# > - say when one number, chosen after training, takes a bias out, and when it does harm.
#
# > **In short**
# >
# > - One step carries the ladder, and it is no optimisation: the debiased teacher.
# > - Recovery adds a little, the confident crops cost about a point or nothing, and the other parts cannot be seen.
# > - On CIFAR-10-LT debiasing after training helps a biased teacher a lot.
# >   A trajectory set gains a little, by a fixed shift and not by the rule that finds its own.
# > - A debiased loss for the experts cannot be told from decoupled experts alone on CIFAR-10-LT and does more on Digits-LT; on both it does less than DAM + ED (one pair each).

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
# Runs on CIFAR-10-LT (IF 100, ten images per class, scale `cpu`) and, where there are any, on Digits-LT (IF 20, ten images per class, scale `tiny`).
# Chapter 14 says what a *run*, an *evaluator* and a *control* are, and what digits can show.

# %%
import pandas as pd
from ltdd_utils import analysis, notebook, plots, records
from ltdd_utils.data import DATASETS
from ltdd_utils.evaluation import DEBIASED, PLAIN, STORED  # students of width 32
from ltdd_utils.records import targets

figure = notebook.Figures("15")
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
# ## Step by step
#
# From random real images under a plain teacher to the full method.
# Only its first step changes what the student is told; the later ones change images alone.
#
# A bar goes from the score before a step to the score after it.
# It is filled where the difference is resolved, and hollow where it is not.
# The number beside it is the difference of the table below, on the seeds that both rows have.
# Whiskers are one standard deviation over pipelines.
# The figure is of CIFAR-10-LT.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
ladder = {
    "random real images, plain teacher": ("random", PLAIN),
    "debiased teacher": ("random", DEBIASED),
    "confident crops, no recovery yet": ("unilevel_no_recovery", DEBIASED),
    "+ recovery, running statistics": ("unilevel_no_calibration", DEBIASED),
    "calibrated statistics (the full method)": ("unilevel", DEBIASED),
}
figure(
    plots.waterfall(*board.ladder(ladder).bars),
    "From random real images under a plain teacher to the full uni-level method: the "
    "teacher is the one long step, and all that changes images is short.",
    "One very long bar to the right, then three short ones; some of them are hollow.",
)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
steps = both.ladders(ladder)
points, on_digits = steps.loc["CIFAR-10-LT"].points, steps.loc["Digits-LT"]
assert points.iloc[1] > 2 * points.iloc[2:].abs().sum()
assert on_digits.verdict["debiased teacher"] == "not resolved"
assert on_digits.points.iloc[1:].abs().max() < 2
close = on_digits.loc["+ recovery, running statistics"]
assert close.verdict == "resolved" and close.points - close.needed < 0.01
notebook.table(steps, "Each step of paper 2, beside the row before it that was run")

# %% [markdown]
# On Digits-LT the first step is not there: a plain teacher of digits knows most of the tail already (chapter 09).
# The other steps are a point or so, too.
# (Recovery exceeds its margin there in the third digit only: a verdict at the very edge.)
# So the ladder's one large step belongs to data on which a plain teacher loses the tail.

# %% [markdown]
# ## Where the uni-level gain comes from
#
# The full method minus itself without one part.
# The first two rows take the debiased teacher away, and with it the labels; the others keep it.
#
# Without the debiased teacher the method loses many points.
# Recovery adds a little, the confident crops cost about a point or nothing, and of calibration and of the debiased observer no effect can be seen.
# (Crops and recovery are in the ladder too, for other differences.
# There crops are judged without any recovery after them, and recovery with running statistics; here both are taken from the full method.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
plain_observer = {"observer.network.second_head": False, "observer.network.projection": 0}
plain_observer |= {"observer.kind": "plain"}
unilevel = ("unilevel", DEBIASED)
without = {
    "debiased teacher": ("unilevel", PLAIN),
    "debiased teacher, observer and crops": ("unilevel_no_debiasing", PLAIN),
    "debiased observer": ("unilevel", DEBIASED, plain_observer),
    "calibration": ("unilevel_no_calibration", DEBIASED),
    "confident crops, with recovery after them": ("unilevel_no_init", DEBIASED),
    "recovery, with calibrated statistics": ("unilevel_no_recovery", DEBIASED),
}
part_of = board.differences({part: (unilevel, run) for part, run in without.items()})

# %% jupyter={"source_hidden": true} tags=["hide-input"]
crops, recovery = list(without)[-2:]
assert part_of.verdict[recovery] == part_of.verdict[crops] == "resolved"
assert part_of.points[recovery] > 0 > part_of.points[crops] > -1
assert points.iloc[2] < 0 and steps.verdict["CIFAR-10-LT"].iloc[2] == "not resolved"
assert (part_of.verdict[["calibration", "debiased observer"]] == "not resolved").all()
assert part_of.points.iloc[:2].min() > 10
notebook.table(part_of, "The full method minus itself without one part")

# %% [markdown]
# (By the spread of the three pairs of each; chapter 17 has a stricter rule, which leaves the crops open.)
# Which part of the debiasing matters is in chapter 12.

# %% [markdown]
# ## Is debiasing after training infeasible?
#
# A public summary of paper 2, not a sentence of the paper itself that we could point to, gives this as its reason to leave trajectory matching: debiasing the experts changes the trajectory, and debiasing afterwards is infeasible.
# Two attempts come after the training: calibrate the labels of a finished set (ADSA, one number $\tau$), or calibrate a plain teacher's answers.
# (A third, in the section after this one, comes before it: experts with a logit-adjusted loss.)
#
# First the labels of a set.
# ADSA's own rule, which looks for $\tau$ between 0 and 3, harms DATM on both data sets; with a bound on $\tau$ its labels help on both:

# %%
bounds = {3.0: "datm, τ at most 3 (ADSA's rule)", 1: "datm, τ at most 1"}
bounds |= {0.5: "datm, τ at most 0.5"}
after = {
    name: (
        "datm",
        STORED,
        {"evaluate.adsa.largest": bound, "evaluate.adsa.step": 0.01},
    )
    for bound, name in bounds.items()
}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
attempts = analysis.only_run(both.controls(after))
large, small = attempts.loc["CIFAR-10-LT"], attempts.loc["Digits-LT"]
assert (small.verdict == "resolved").all()
assert small.points["datm, τ at most 3 (ADSA's rule)"] < 0
assert large.points["datm, τ at most 3 (ADSA's rule)"] < 0
assert small.points.drop("datm, τ at most 3 (ADSA's rule)").min() > 0
bounded = large.loc["datm, τ at most 1"]
assert bounded.verdict == "resolved" and bounded.points > 0
notebook.table(attempts, "DATM with calibrated labels, beside the recipe itself")

# %% [markdown]
# And the $\tau$ that was chosen, with the accuracy of each third of the classes, beside the same set without calibration (means over the pipelines; 0: not calibrated):

# %% jupyter={"source_hidden": true} tags=["hide-input"]
runs = [run for run in board.records + digits.records if run.method == "datm"]
runs = [run for run in runs if run.recipe.evaluate.adsa]
tried = {(run.data.name, run.seed) for run in runs}
itself = [one for each in (board, digits) for one in each.entry("datm", STORED).records]
rows = []
for run in [one for one in itself if (one.data.name, one.seed) in tried] + runs:
    search, tau = run.recipe.evaluate.adsa, run.students[0].adsa_tau
    bound = f"τ at most {search.largest:g}" if search else "not calibrated"
    shares = [100 * getattr(run.metrics, third).mean for third in ("head", "mid", "tail")]
    name = DATASETS[run.data.name].title, bound, f"{run.seed}"
    rows.append([*name, tau if search else 0.0, *shares])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
columns = ["data set", "labels", "seed", "tau", "head", "mid", "tail"]
rows = pd.DataFrame(rows, columns=columns).set_index(columns[:3]).sort_index()
bounds = rows.index.get_level_values("labels").str.extract(r"at most ([\d.]+)")[0]
at_bound = (rows.tau == bounds.astype(float).values)[(bounds.astype(float) <= 1).values]
assert at_bound.all() and len(at_bound) == 9
lost, found = (rows["tail"].loc[name] for name in ("CIFAR-10-LT", "Digits-LT"))
unbounded = ["τ at most 3", "not calibrated"]
assert lost.drop(unbounded, level=0).max() < 10
assert found.drop(unbounded, level=0).min() > found.loc["not calibrated"].max() + 5
rows = rows.groupby(level=[0, 1])
means = rows.mean().assign(n=rows.size())
notebook.table(means, "DATM with calibrated labels, by thirds, %", digits={"tau": 2})

# %% [markdown]
# ADSA's rule makes the classes equally confident on their own distilled images.
# In a set of DATM the images of the rarest classes carry labels from experts that got none of them right.
# So their confidence stays low however the rest is shifted, and the rule goes on to shift: far beyond $\tau = 1$, which would take the prior out once.
#
# With a bound the rule chooses nothing: in all runs with a bound of 1 or less $\tau$ is *at* its bound.
# So what helps is not the rule, but a fixed shift by the known prior: plain logit adjustment after training.
# (1 is the theory's own value, and half of it a second point; both were set when the rule had been seen to go too far, and not chosen by a score.)
# But look at the thirds: on CIFAR-10-LT it is the middle classes that gain, and the tail stays nearly where it was.
# There, images that began as noise are not cured by a shift of labels.
# On Digits-LT the tail comes back in part.
#
# Labels shifted in this way take DATM a little above random real images on CIFAR-10-LT at best; on Digits-LT it stays below them:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
random = ("random", STORED)
against = both.differences({name: (run, random) for name, run in after.items()})
against = analysis.only_run(against)
assert against.loc["CIFAR-10-LT"].points.max() < 3
assert against.loc["Digits-LT"].points.max() < 0
notebook.table(against, "DATM with calibrated labels minus random real images")

# %% [markdown]
# Calibrating the answers of a plain *teacher* is another matter.
# ADSA lifts EDC and SRe2L by many points, does not reach what a debiased teacher gives, and does great harm on Digits-LT:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
edc_adsa = ("edc_adsa", PLAIN)
adsa = board.differences(
    {
        "edc_adsa - edc": (edc_adsa, ("edc", PLAIN)),
        "sre2l_adsa - sre2l": (("sre2l_adsa", PLAIN), ("sre2l", PLAIN)),
        "edc_adsa - edc, debiased teacher": (edc_adsa, ("edc", DEBIASED)),
        "edc_adsa - unilevel": (edc_adsa, unilevel),
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
# The row "EDC + ADSA − uni-level" is a comparison across two papers: EDC with a plain teacher and one number chosen after training, against the uni-level method with its debiased teacher.
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
# ## And debiasing before it?
#
# The third attempt comes before the training: experts with a logit-adjusted loss, one term and no second kind of expert.
# How far does that carry DATM, beside random images and beside the two stages of expert decoupling?
#
# **It is the only attempt that takes DATM far above random images, and only on CIFAR-10-LT.**
# On Digits-LT it stays below them, as the others do.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
adjusted = {"experts.logit_adjustment": 1}
mine = ("datm", STORED, adjusted)
start = {"iterations": 0}
others = {
    "DATM": ("datm", STORED),
    "random real images": random,
    "ED alone": ("ed_only", STORED),
    "DAM + ED": ("damed", STORED),
    "its own initial set": ("datm", STORED, adjusted | start),
}
pairs = {f"above {name}": (mine, run) for name, run in others.items()}
beside_ed = analysis.only_run(both.differences(pairs))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
plain, chance, ed, both_parts, adds = (beside_ed.xs(name, level=1) for name in pairs)
assert (plain.verdict == "resolved").all() and plain.points.min() > 10
assert chance.points["CIFAR-10-LT"] > 10 and chance.points["Digits-LT"] < 0
assert ed.verdict["CIFAR-10-LT"] == "not resolved" and ed.points["Digits-LT"] > 3
assert (both_parts.verdict == "resolved").all() and (both_parts.points < 0).all()
assert adds.verdict["CIFAR-10-LT"] == "resolved" and adds.points["CIFAR-10-LT"] > 0
notebook.table(beside_ed, "DATM with logit-adjusted experts, above (or below) others")

# %% [markdown]
# Beside ED alone, one pipeline of it cannot be told apart on CIFAR-10-LT, and is above on Digits-LT.
# DAM + ED is ahead of it on both.
# Its matching improves its initial set; with biased experts the matching improves a bad initial set only (chapter 14).
# (The logit-adjusted experts are other experts than those of DAM + ED, four of them, and the spread here does not count the luck of experts.
# So on CIFAR-10-LT "ahead" is said of these two groups of experts.)

# %% [markdown]
# ## Controls that wait for a run

# %% jupyter={"source_hidden": true} tags=["hide-input"]
parts = {f"without the {part}": run for part, run in without.items() if len(run) == 3}
adjusting = {"datm, logit-adjusted experts": mine}
waiting = both.controls(after | adjusting | parts).command
waiting = waiting[waiting != ""].to_frame().assign(state="not run")
notebook.table(waiting, "Controls of paper 2 without a run")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
notebook.checked()

# %% [markdown]
# ## What we saw
#
# Of the pipelines recorded so far, at this scale; the tables say how many there are and which differences are resolved.
# What is said of a table is checked in its cell.
#
# - **One step carries the ladder, and it is no optimisation:** the debiased teacher.
#   On digits, whose tail a plain teacher knows, no step is large.
# - **Of the other parts little is seen** on CIFAR-10-LT.
#   Recovery adds a little, the confident crops cost about a point or nothing, and of calibration and of the debiased observer no effect can be seen with these pipelines.
# - **Debiasing after training is neither infeasible nor enough for a trajectory set.
#   Debiasing the experts' loss does more, and less than DAM + ED.**
#   ADSA's own rule shifts much too far there; a fixed shift by the prior, which is all that a bound leaves of it, lifts DATM on both data sets.
#   On CIFAR-10-LT the rarest classes stay lost; on Digits-LT a part of them comes back.
#   A logit-adjusted loss for the experts lifts it by far more: on CIFAR-10-LT it cannot be told from ED alone, and on Digits-LT it is above ED (one pipeline each).
#   DAM + ED is ahead (on CIFAR-10-LT: of these experts), and on Digits-LT random images are, too.
# - **For a biased teacher it is worth a lot**: on CIFAR-10-LT one number chosen after training lifts EDC and SRe2L by many points.
#   It does not reach what a debiased teacher gives, nor the uni-level method.
#   So what the ADSA paper prints above paper 2 is not above it here.
#   On Digits-LT, where the plain teacher knows the tail, the same rule does great harm.
#
# **Not shown here:** the controls that wait for a run; interactions of more than one change; every part at the paper's own scale.

# %%
print(notebook.versions())

# %% [markdown]
# ## Remember
#
# 1. Ask of each step whether it changes the images or what the student is told.
# 2. A bias can be taken out after training where it is a shift; on CIFAR-10-LT a tail that was never learned did not come back.
# 3. Where a rule that finds its own strength fails, a fixed shift by the known prior may still help: try it as a control.
#
# ## Check yourself
#
# <details><summary>Why does the ladder begin under a plain teacher?</summary>
#
# Because the teacher is a part of the method. Under the debiased teacher from the start, the largest step would be in every row and in no difference.
#
# </details>
#
# <details><summary>Why does ADSA's rule shift too far for a set of DATM?</summary>
#
# Its rarest classes carry labels of experts that got none of their images right. They stay unsure however far the other classes are shifted, so the rule goes on.
#
# </details>
#
# <details><summary>Why does ADSA do harm on Digits-LT?</summary>
#
# The plain teacher knows that tail already. Where there is no bias of the kind to take out, the shift puts one in.
#
# </details>
#
# ## Exercises
#
# > **1.** The bounded search tries $\tau$ up to 1.
# > On CIFAR-10-LT at IF 100, by what factor does a shift of $-\tau \log \pi_c$ change the odds of a truck against an airplane at $\tau = 1$, and at $\tau = 2$?
#
# <details><summary>Answer</summary>
#
# $\pi_0 / \pi_9 = 100$, so by 100 at $\tau = 1$, which takes the prior out once, and by $100^2 = 10000$ at $\tau = 2$: a model without any bias would then answer "truck" as if trucks had been a hundred times as frequent as airplanes.
#
# </details>
#
# > **2.** The full method without the confident crops scores higher than with them.
# > What may be said of crops, and what not?
#
# <details><summary>Answer</summary>
#
# That on CIFAR-10-LT, at this scale and under this teacher, three pairs of pipelines show a small loss.
# Not that crops are harmful: chapter 17 corrects for the number of contrasts and leaves it open, a larger teacher may know better which crops to be sure of, and the loss may turn at another number of images per class.
#
# </details>
#
# > **3.** A logit-adjusted loss gives DATM better experts without a second stage.
# > Which run would show whether decoupling gives more than that?
#
# <details><summary>Answer</summary>
#
# ED alone and DATM with logit-adjusted experts, on several groups of experts *each*: so far all distillations share four experts of either kind, and the luck of experts is in no spread.
# On equal terms the adjusted experts should also choose and label the initial set for both.
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
# **Next:** chapter 16 has the controls that both papers need: the start, the order of the classes, and classes with too few images.
