"""Set the address of the repository in pyproject.toml, and in every file that is held against it.

python tools/set_repository.py https://github.com/OWNER/NAME
"""

import re
import sys
from pathlib import Path

import readme
from notebook_pairs import ROOT, repository_url

HOLDERS = (
    "pyproject.toml",
    "README.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
    "book/*.md",
    "notebooks/*.py",
    "notebooks/*.ipynb",
)
PREFIX = "https://github.com/"


def slug(url: str) -> str:
    """The ``OWNER/NAME`` of an address on GitHub.

    Raises:
        ValueError: any other address.
    """
    address = url.strip().rstrip("/").removesuffix(".git")
    if not re.fullmatch(PREFIX + r"[\w.-]+/[\w.-]+", address):
        raise ValueError(f"the address {url!r} is not {PREFIX}OWNER/NAME: run make repository URL={PREFIX}OWNER/NAME")
    return address.removeprefix(PREFIX)


def set_repository(url: str, root: Path = ROOT) -> list[Path]:
    """Replace the old address by ``url``; returns the files that changed."""
    # Owner and name, not the whole address: Colab's links carry only these.
    old, new = slug(repository_url(root)), slug(url)
    changed = []
    for path in sorted(path for pattern in HOLDERS for path in root.glob(pattern)):
        text = path.read_text()
        replaced = re.sub(rf"/{re.escape(old)}(?![\w-])", f"/{new}", text)
        if replaced != text:
            path.write_text(replaced)
            changed.append(path)
    front = root / "README.md"
    text = readme.updated(front.read_text(), root)  # its links come and go with the address
    if text != front.read_text():
        front.write_text(text)
        changed = sorted({*changed, front})
    return changed


def main() -> int:
    """Set the address given on the command line."""
    try:
        changed = set_repository(sys.argv[1] if len(sys.argv) > 1 else "")
    except ValueError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    for path in changed:
        print(f"changed {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
