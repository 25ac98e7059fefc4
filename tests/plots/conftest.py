from collections.abc import Iterator

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    """A figure is its caller's: pyplot keeps none."""
    yield
    assert plt.get_fignums() == []
