"""The plane of trajectories is the one in which they are spread the most."""

import pytest
import torch

from ltdd_utils import plots
from ltdd_utils.core.seeds import generator
from ltdd_utils.plots.paths import principal_plane


def test_what_lies_in_a_plane_keeps_its_distances():
    rng = generator(0, "plane")
    inside, basis = torch.randn(9, 2, generator=rng), torch.linalg.qr(torch.randn(50, 2, generator=rng))[0]
    points = inside @ basis.T + 3
    places, share = principal_plane([points[:4], points[4:]])
    assert [tuple(one.shape) for one in places] == [(4, 2), (5, 2)] and share == pytest.approx(1)
    torch.testing.assert_close(torch.cdist(torch.cat(places), torch.cat(places)), torch.cdist(inside, inside))


def test_the_share_is_that_of_the_two_largest_variances():
    points = torch.randn(40, 6, generator=generator(0, "cloud")) * torch.tensor([5.0, 3.0, 1.0, 1.0, 1.0, 1.0])
    _, share = principal_plane([points])
    variances = torch.linalg.eigvalsh(points.T.cov())
    assert share == pytest.approx((variances[-2:].sum() / variances.sum()).item())


def test_two_points_have_no_plane():
    with pytest.raises(ValueError, match="2 points have no plane"):
        principal_plane([torch.zeros(2, 5)])


def test_a_trajectory_is_drawn_from_its_ring_to_its_mark():
    walk = torch.cumsum(torch.randn(5, 8, generator=generator(0, "walk")), dim=0)
    (axes,) = plots.paths({"a": {"one": walk, "two": -walk}}).axes
    (whole,) = [line for line in axes.get_lines() if len(line.get_xdata()) == 5][:1]
    ring, mark = [line for line in axes.get_lines() if len(line.get_xdata()) == 1][:2]
    assert ring.get_xdata()[0] == whole.get_xdata()[0] and mark.get_xdata()[0] == whole.get_xdata()[-1]
    assert "% of the spread" in axes.get_title()
