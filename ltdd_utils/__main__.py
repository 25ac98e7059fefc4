"""``python -m ltdd_utils`` is the ``ltdd`` command."""

import gc
import sys


def main() -> int:
    """The command, without a traceback for whoever interrupts it while PyTorch is still being loaded."""
    try:
        from ltdd_utils.cli import main as command
    except KeyboardInterrupt:
        return 130
    status = command()
    gc.freeze()  # else Python looks once more through all that PyTorch is made of before it ends: a second or more
    return status


if __name__ == "__main__":
    sys.exit(main())
