"""The HTML of a table: the same in the book, in JupyterLab and in Colab, in the light and in the dark."""

from collections.abc import Sequence
from html import escape
from typing import Any

from ltdd_utils.tables.long import LONG, LOOK, SCRIPT

__all__ = ["FILLED", "HOLLOW", "STYLE", "framed", "mark"]

FILLED, HOLLOW = "\N{BLACK CIRCLE}", "\N{WHITE CIRCLE}"  # resolved, and not
MARKS = {FILLED: "resolved", HOLLOW: "not resolved"}
# Every table brings its style, since each output of Colab is a page of its own. The colour of the page is what the book
# or JupyterLab says it is; elsewhere nothing is painted.
STYLE = """
.ltdd-table{--ltdd-page:var(--pst-color-background,var(--jp-layout-color0,transparent));
--ltdd-shade:var(--pst-color-shadow,var(--jp-border-color1,transparent));margin:.6rem 0 1.2rem}
.ltdd-table .title{font-weight:600;font-size:.9em;line-height:1.35;margin:0 0 .35rem}
.ltdd-table .note{font-size:.8em;line-height:1.4;margin:.35rem 0 0}
.ltdd-table .box{overflow-x:auto;width:fit-content;max-width:100%;
background-repeat:no-repeat;background-attachment:local,scroll;
background-position:right center;background-size:28px 100%,10px 100%;
background-image:linear-gradient(to left,var(--ltdd-page) 60%,transparent),
linear-gradient(to left,var(--ltdd-shade),transparent)}
.ltdd-table table{width:auto!important;margin:0!important;border:0!important;border-collapse:collapse!important;
display:table!important;font-size:.85em!important;line-height:1.35;font-variant-numeric:tabular-nums lining-nums}
.ltdd-table tr,.ltdd-table tbody tr:nth-child(n):hover{background:none!important}
.ltdd-table :is(th,td){padding:.27rem .6rem!important;text-align:left!important;vertical-align:baseline!important;
white-space:normal!important;border:0!important;min-width:0!important;max-width:22em!important;font-weight:400;
color:inherit!important}
.ltdd-table thead th{font-weight:600;vertical-align:bottom!important;max-width:11em!important;
border-bottom:1.5px solid rgb(127 127 127/70%)!important;background:none!important}
.ltdd-table tbody :is(th,td){border-top:1px solid rgb(127 127 127/25%)!important}
.ltdd-table :is(th,td).n{text-align:right!important}
.ltdd-table td.n{white-space:nowrap!important}
.ltdd-table td.x{opacity:.7}
.ltdd-table tbody .k{white-space:nowrap!important}
.ltdd-table .v:is(td,th){padding:.27rem .3rem!important}
.ltdd-table td.v{padding-bottom:0!important;vertical-align:top!important}
.ltdd-table td svg,.ltdd-table th svg{display:block;width:170px!important;
max-width:none!important;min-width:170px;font-weight:400}
.ltdd-table :is(th,td):first-child{position:sticky;left:0;z-index:1;background:var(--ltdd-page)!important;
padding-left:.1rem!important}
.ltdd-table tbody .group th{font-weight:600;padding-top:.7rem!important;max-width:none!important}
.ltdd-table .group span{position:sticky;left:0;display:inline-block;max-width:calc(100vw - 3rem)}
.ltdd-table .sign{display:inline-block;width:1.1em;text-align:right}
.ltdd-table details{font-size:.85em;margin:.4rem 0 0}
.ltdd-table details.folded{font-size:inherit;margin:0}
.ltdd-table details.folded>summary{margin:0 0 .35rem;cursor:pointer}.ltdd-table summary .title{display:inline}
.ltdd-table pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.9em;margin:.3rem 0 0;padding:.5rem .7rem;
background:rgb(127 127 127/10%);color:inherit;border:0}
@media (min-width:601px){.ltdd-table table:has(td.v) :is(th,td):first-child{min-width:13em!important}}
@media (max-width:600px){.ltdd-table table :is(th,td):first-child{min-width:0!important;max-width:9.5em!important}
.ltdd-table table .w:first-child{min-width:8.5em!important}.ltdd-table .v{display:none}}
""".replace("\n", "")


def mark(sign: str) -> str:
    """A verdict as a sign that is read aloud as its word."""
    return f'<span class="sign" role="img" aria-label="{MARKS[sign]}" title="{MARKS[sign]}">{sign}</span>'


def framed(caption: str, heads: str, bodies: Sequence[str], below: str, *, folded: bool = False) -> str:
    """The whole of it: style, caption, a box that scrolls if it must, and what stands below.

    A table of more than ``LONG`` rows can be filtered and sorted where scripts run.

    Args:
        caption: a text.
        heads: cells of the head, HTML.
        bodies: groups of rows, HTML.
        below: notes and commands, HTML.
        folded: whether a click on the caption shows the rest.
    """
    kind = "span" if folded else "p"  # a summary has no paragraphs
    title = f'<{kind} class="title">{escape(caption)}</{kind}>' if caption else ""
    inside = "".join(f"<tbody>{body}</tbody>" for body in bodies)
    table = f'<table aria-label="{escape(caption)}"><thead><tr>{heads}</tr></thead>{inside}</table>'
    box = f'<div class="box" tabindex="0" role="region" aria-label="{escape(caption)}">{table}</div>'
    whole = f"{title}{box}{below}"
    if folded:
        whole = f'<details class="folded"><summary>{title}</summary>{box}{below}</details>'
    if inside.count("<tr>") <= LONG:
        return f'<div class="ltdd-table"><style>{STYLE}</style>{whole}</div>'
    look, added = f"<style>{STYLE}{LOOK}</style>", f"<script>{SCRIPT}</script>"
    return f'<div class="ltdd-table ltdd-long">{look}{whole}{added}</div>'


def cell(text: Any, kind: str, **attributes: str) -> str:  # noqa: ANN401 (a text, or HTML that is marked as such)
    """One cell of the body or the head."""
    told = "".join(f' {name.rstrip("_")}="{value}"' for name, value in attributes.items() if value)
    return f"<{kind}{told}>{text}</{kind}>"


def commands_below(commands: Sequence[str]) -> str:
    """Commands, folded."""
    lines = escape("\n".join(commands))
    count = len(commands)
    title = f"{count} command{'s' * (count != 1)}"
    return f"<details><summary>{title}</summary><pre>{lines}</pre></details>" if commands else ""
