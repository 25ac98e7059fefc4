"""``python -m ltdd_utils`` is the ``ltdd`` command."""

import sys

from ltdd_utils.cli import main

if __name__ == "__main__":
    sys.exit(main())
