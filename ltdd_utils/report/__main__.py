"""``python -m ltdd_utils.report``."""

import sys

from ltdd_utils.report.files import main

if __name__ == "__main__":
    sys.exit(main())
