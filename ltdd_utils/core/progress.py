"""The type of a progress callback."""

from collections.abc import Callable
from typing import Any

__all__ = ["Watch"]

Watch = Callable[[dict[str, Any]], None]
