"""``python -m ltdd_utils`` is the ``ltdd`` command."""

import sys


def main() -> int:
    """The command, without a traceback for whoever interrupts it while PyTorch is still being loaded."""
    try:
        from ltdd_utils.cli import main as command
    except KeyboardInterrupt:
        return 130
    return command()


if __name__ == "__main__":
    sys.exit(main())
