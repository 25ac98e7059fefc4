"""A figure with controls that needs no kernel: a still, and a script that puts the player in its place.

Everything is in the element itself, so it works in a page that is read offline, in JupyterLab and in Colab. Where
scripts do not run (a notebook that is not trusted, GitHub, a browser without them) the still and the caption are there.
"""

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

__all__ = ["Control", "Moving", "address", "moving"]

LIGHT_AND_DARK = "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#d1d7e0}}</style>"


@dataclass(frozen=True)
class Control:
    """What a reader moves: a slider, or a list to choose from."""

    label: str
    values: Sequence[str]  # a word or number with its unit, one per position
    at: int = 0  # the position at the begin
    choose: bool = False  # a list instead of a slider
    beside: bool = True  # whether the value stands beside the slider
    spoken: str = ""  # its name for who does not see the figure, where the label is empty

    def html(self) -> str:
        """A label with its control."""
        label = f"<label>{escape(self.label)} "
        if self.choose:
            options = (f"<option{' selected' * (i == self.at)}>{escape(v)}</option>" for i, v in enumerate(self.values))
            return f"{label}<select>{''.join(options)}</select></label>"
        ends = f'min="0" max="{len(self.values) - 1}" value="{self.at}" step="1"'
        ends += f' aria-label="{escape(self.spoken)}"' * bool(self.spoken)
        beside = '<span class="ltdd-value"></span>' * self.beside
        return f'{label}<input type="range" {ends} data-names="{_attribute(self.values)}">{beside}</label>'


class Moving(str):
    """The HTML element of a figure that moves; a notebook shows it as the value of its cell."""

    alternative: str  # what is seen, in words

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        """What is seen: all that a notebook without HTML can show."""
        return self.alternative


def moving(
    still: str,
    drawn: str,
    controls: Sequence[Control],
    states: Sequence[str],
    *,
    alternative: str,
    button: bool = False,
    auto: bool = False,
    enlarged: int | None = None,
) -> Moving:
    """The element.

    Args:
        still: address of an image (``address``) for where scripts do not run.
        drawn: HTML of the player. In it, the children of class ``ltdd-state`` are shown one at a time, images in a
            ``ltdd-screen`` are strips of which one state is in sight, and an element with ``data-points`` moves.
        controls: their values make the states, the last one changing fastest.
        states: of each state, what it shows, in words.
        alternative: what is seen, for who does not see it.
        button: whether there is one that plays the first control from its begin to its end.
        auto: whether that begins by itself, where no less motion was asked for.
        enlarged: pixels of a reader's screen that the still is wide, if it has fewer of its own; each stays a square.

    Raises:
        ValueError: not one text for each state.
    """
    count = math.prod(len(control.values) for control in controls)
    if len(states) != count:
        raise ValueError(f"{len(states)} texts for {count} states; give one for each")
    bar = ('<button type="button">Play</button>' if button else "") + "".join(control.html() for control in controls)
    said = f'<output aria-live="{"off" if button else "polite"}" data-states="{_attribute(states)}"></output>'
    style = f"<style>{_asset('moving.css')}</style>"
    player = f'{style}<div class="ltdd-player">{drawn}<div class="ltdd-controls">{bar}</div>{said}</div>'
    key = hashlib.sha256(player.encode()).hexdigest()[:12]
    code = json.dumps(player).replace("</", "<\\/")  # else a tag in the text would end the script
    size = ("", "") if enlarged is None else (f' width="{enlarged}"', "; image-rendering: pixelated")
    shape = f'style="max-width: 100%{size[1]}"{size[0]}'
    image = f'<img class="ltdd-still dark-light" src="{still}" alt="{escape(alternative)}" {shape}>'
    group = f'role="group" aria-label="{escape(alternative)}"'
    opened = f'<div class="ltdd-moving" data-moving="{key}"{" data-auto" * auto} {group}>'
    made = Moving(f'{opened}{image}<script>{_asset("moving.js")}("{key}", {code});</script></div>')
    made.alternative = alternative
    return made


def address(content: bytes | str, kind: str) -> str:
    """A ``data:`` address of an image: bytes, or the text of an SVG, which takes the colour of the reader's system."""
    if isinstance(content, str):
        content = content.replace(">", f">{LIGHT_AND_DARK}", 1).encode()
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _attribute(values: Sequence[str]) -> str:
    return escape(json.dumps(list(values), ensure_ascii=False))


def _asset(name: str) -> str:
    return files("ltdd_utils.plots").joinpath(name).read_text(encoding="utf-8").strip()
