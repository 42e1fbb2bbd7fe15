"""``python charts/table.py``: writes the table of values into a chart's README, from values.yaml.

The comments above the keys are the only source. With ``--check`` nothing is written; exit code 1
where the table is not what the comments say, and in any case where a key has no comment.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str, ...]

KEY_LINE = re.compile(r"( *)([A-Za-z]+):")
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


def read_comments(text: str) -> dict[Key, str]:
    """What is said directly above each key; "" where nothing is."""
    comments: dict[Key, str] = {}
    above: list[str] = []
    parents: list[tuple[int, str]] = []
    for line in text.splitlines():
        found = KEY_LINE.match(line)
        if line.lstrip().startswith("#"):
            above.append(line.lstrip(" #"))
            continue
        if found:
            indent = len(found[1])
            parents = [parent for parent in parents if parent[0] < indent]
            parents.append((indent, found[2]))
            comments[tuple(name for _, name in parents)] = " ".join(above)
        above = []
    return comments


def find_rows(comments: dict[Key, str]) -> Iterator[tuple[Key, bool]]:
    """The keys to show, in order, each with whether it heads a group.

    Amounts of processor and memory are shown as one value. Raises ValueError for a key that
    nobody has commented.
    """
    for key, comment in comments.items():
        if "resources" in key[:-1]:
            continue
        if not comment.endswith("."):
            raise ValueError(f"{'.'.join(key)}: no sentence stands above this key")
        children = any(other[: len(key)] == key and other != key for other in comments)
        yield key, children and key[-1] != "resources"


def look_up(values: Any, key: Key) -> Any:
    """The value at a key."""
    for name in key:
        values = values[name]
    return values


def build_table(text: str) -> str:
    """The Markdown table of a values.yaml."""
    values, comments = yaml.safe_load(text), read_comments(text)
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for key, heads_group in find_rows(comments):
        default = "" if heads_group else f"`{json.dumps(look_up(values, key))}`"
        meaning = comments[key].replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| `{'.'.join(key)}` | {default} | {meaning} |")
    return "\n".join(lines) + "\n"


def build_readme(readme: str, table: str) -> str:
    """The README with the table between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the README lacks the marks {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + table + END + after


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument(
        "chart", nargs="?", type=Path, default=Path(__file__).parent / "chronos", help="its folder"
    )
    options = parser.parse_args()
    readme = options.chart / "README.md"
    try:
        table = build_table((options.chart / "values.yaml").read_text())
        wanted = build_readme(readme.read_text(), table)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if not options.check:
        readme.write_text(wanted)
    elif readme.read_text() != wanted:
        print(f"{readme} is not what values.yaml says: run {sys.argv[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
