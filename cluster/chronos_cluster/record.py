"""Small JSON files that a kill at any moment leaves whole: either the old one or the new one."""

import json
from pathlib import Path
from typing import Any


def write_record(path: Path, content: dict[str, Any]) -> None:
    """Written beside the file, then moved over it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1))
    partial.replace(path)


def read_record(path: Path) -> dict[str, Any] | None:
    """The content; None where there is no readable record."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
