"""The state of the campaigns as a section of the book's reproduction page."""

from collections.abc import Sequence
from pathlib import Path

from ltdd_utils.analysis.text import folded, markdown
from ltdd_utils.campaign.plan import read_plan
from ltdd_utils.campaign.state import State, campaign_status, records_by_name, status_totals

__all__ = ["campaign_section", "estimate"]

INTRODUCTION = """## What is still to run

A campaign is a list of runs, the most valuable first; the files are in `results/campaigns/`. `ltdd campaign` shows its
state, `ltdd campaign run` carries out what is missing, and can be stopped and called again at any time. *minutes* are
what a run would add to what is done, by the seconds in our records, of this project's machine with other work beside
it; "more than" where a stage has never been timed, "unknown" where none has.
Blocks without a missing run are folded."""


def campaign_section(plans: Sequence[Path], records: Sequence[Path]) -> str:
    """How far each campaign is, and the command and expected cost of every run that is missing, in Markdown.

    Args:
        plans: files of the campaigns.
        records: files of the records that count.
    """
    parts, known = [INTRODUCTION], records_by_name(records)
    for path in plans:
        states = campaign_status(read_plan(str(path)), known)
        table = status_totals(states).drop(columns=["running", "begun"])
        blocks = table.iloc[:-1]
        over = blocks[blocks["missing"] == 0]
        parts += [f"### Campaign `{path.stem}`", markdown(table.drop(over.index))]
        if len(over):
            title = f"What is finished: {over['done'].sum()} runs in {len(over)} blocks"
            parts.append(folded(title, markdown(over[["block", "done"]])))
        coming = [f"{state.run.command}  # {estimate(state)}" for state in states if state.state != "done"]
        if coming:
            lines = "\n".join(["```text", *coming, "```"])
            parts.append(folded(f"What is missing: {len(coming)} runs", lines))
    return "\n\n".join(parts) + "\n"


def estimate(state: State) -> str:
    """The minutes that a run would add, as far as they are known."""
    known = f"{state.seconds / 60:.0f} min"
    return known if not state.unknown else f"more than {known}" if state.seconds >= 30 else "unknown"
