"""Pre-commit hook: refuse a file that is too large for the repository."""

import sys
from pathlib import Path

LIMIT = 500_000  # bytes


def main() -> int:
    """Name each file above the limit; the exit status is 1 if there is one."""
    large = [path for path in map(Path, sys.argv[1:]) if path.is_file() and path.stat().st_size > LIMIT]
    for path in large:
        print(f"{path} has {path.stat().st_size:,} bytes; the limit is {LIMIT:,}: keep it out of the repository")
    return int(bool(large))


if __name__ == "__main__":
    sys.exit(main())
