"""How progress is told."""

from collections.abc import Callable
from typing import Any

__all__ = ["Watch"]

Watch = Callable[[dict[str, Any]], None]
