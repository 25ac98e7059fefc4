"""Trajectories of weights, as seen in a plane."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ltdd_utils.plots.canvas import canvas, label_left, legend, styled
from ltdd_utils.plots.style import looks

__all__ = ["paths", "principal_plane"]


def principal_plane(trajectories: Sequence[Tensor]) -> tuple[list[Tensor], float]:
    """Trajectories in the plane of the first two principal components of all their points.

    Args:
        trajectories: weights along the way, ``[E, D]`` each.

    Returns:
        The coordinates of each, ``[E, 2]``, and the share of the points' variance that the plane shows.

    Raises:
        ValueError: fewer than three points, which have no plane.
    """
    points = torch.cat(list(trajectories)).double()
    if len(points) < 3:
        raise ValueError(f"{len(points)} points have no plane; give three or more")
    centred = points - points.mean(dim=0)
    # Of the products of points, of which there are few, and not of weights, of which there are many.
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    two = values[-2:].flip(0).clamp(min=0)
    flat = vectors[:, -2:].flip(1) * two.sqrt()
    sizes = [len(one) for one in trajectories]
    return list(flat.split(sizes)), (two.sum() / values.clamp(min=0).sum()).item()


@styled
def paths(panels: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """Each panel has a plane of its own, the one in which its trajectories are spread the most.

    A ring is where a trajectory begins, a full mark where it ends; both axes have the same unit.

    Args:
        panels: title -> name -> weights along the way, ``[E, D]``.
    """
    figure, drawn = canvas(3.4, len(panels))
    styles = looks(name for trajectories in panels.values() for name in trajectories)
    for axes, (title, trajectories) in zip(drawn, panels.items(), strict=True):
        places, share = principal_plane(list(trajectories.values()))
        for name, place in zip(trajectories, places, strict=True):
            colour, marker = styles[name]
            axes.plot(*place.T.numpy(), color=colour, lw=1.3, marker=".", markersize=4)
            axes.plot(*place[:1].T.numpy(), marker="o", color=colour, markersize=7, markerfacecolor="none", lw=0)
            axes.plot(*place[-1:].T.numpy(), marker=marker, color=colour, markersize=7, lw=0)
        shown = f"{100 * share:.0f} % of the spread"
        axes.set(title=f"{title} ({shown})" if title else shown, xlabel="first component")
        axes.set_aspect("equal", adjustable="datalim")
    label_left(drawn, "second component")
    handles = [plt.Line2D([], [], color=colour, marker=marker, markersize=5) for colour, marker in styles.values()]
    legend(figure, handles, list(styles))
    return figure
