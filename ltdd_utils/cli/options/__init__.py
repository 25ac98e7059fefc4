"""The commands of ``ltdd``: what each does, examples, its options, and the module of ``cli`` that does it.

A file here for each group of commands; ``shared`` has what several take. Nothing here imports what a command needs.
"""

from ltdd_utils.cli.options import cluster, data, listing, records, running, sets
from ltdd_utils.cli.options.shared import Command

__all__ = ["COMMANDS"]

# In the order of `ltdd --help`.
COMMANDS: dict[str, Command] = {
    **listing.COMMANDS,
    **running.COMMANDS,
    **cluster.COMMANDS,
    **sets.COMMANDS,
    **records.COMMANDS,
    **data.COMMANDS,
}
