"""Build hook: a wheel carries ``results/`` as ``ltdd_utils/_results``; an editable install reads the clone's own.

The chapters and commands read the records; installed from a wheel, as on Colab, they find them inside the package, and
so does `ltdd campaign export` with the files of its engine (``workflow/``).
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["WheelRecords"]


class WheelRecords(BuildHookInterface):
    """Adds the records to a real wheel alone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """As hatchling calls it, with ``version`` "standard" or "editable"."""
        if version == "standard":
            build_data["force_include"] |= {"results": "ltdd_utils/_results", "workflow": "ltdd_utils/_workflow"}
