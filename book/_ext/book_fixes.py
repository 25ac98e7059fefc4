"""Small repairs of the rendered pages."""

from typing import Any

from sphinx.application import Sphinx


def drop_repeated_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Keep one of equal inline scripts: sphinx-thebe adds its own twice, and the second stops with a SyntaxError."""
    unique: dict[str, object] = {}
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body")
        unique.setdefault(body or f"file {script}", script)
    context["script_files"] = list(unique.values())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", drop_repeated_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
