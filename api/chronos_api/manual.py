"""The OpenAPI document as one HTML page: no script, no outside address, nothing to vendor."""

from __future__ import annotations

import json
from html import escape
from typing import Any

Json = dict[str, Any]

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_METHODS = ("get", "post", "put", "patch", "delete")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff }
code, pre { font: 14px/1.5 ui-monospace, monospace }
pre { background: #f3f4f6; padding: .75rem; overflow: auto; border-radius: 6px }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid #e3e5e8 }
details { border: 1px solid #d0d4d9; border-radius: 6px; margin: .6rem 0; padding: .5rem .9rem }
summary { cursor: pointer } summary b { display: inline-block; min-width: 4.5rem }
@media (prefers-color-scheme: dark) {
  body { color: #e6e8ea; background: #15181b } pre { background: #22272c }
  a { color: #7cb7ff } details, td, th { border-color: #3a4047 } }
"""


def render_manual(document: Json) -> str:
    """The page for an OpenAPI document."""
    info = document["info"]
    operations = "".join(
        _operation(method, path, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    )
    schemas = "".join(
        _schema(name, schema) for name, schema in sorted(document["components"]["schemas"].items())
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{escape(info['title'])} "
        f"{escape(info['version'])}</h1><p>{escape(info['description'])}</p>"
        f"<h2>Routes</h2>{operations}<h2>Schemas</h2>{schemas}</body></html>"
    )


def _operation(method: str, path: str, operation: Json) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(it['name'])}</code></td><td>{escape(it['in'])}</td>"
        f"<td>{_type(it['schema'])}</td><td>{escape(it.get('description', ''))}</td></tr>"
        for it in operation.get("parameters", [])
    )
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(it['description'])}</td>"
        f"<td>{_content(it)}</td></tr>"
        for status, it in operation["responses"].items()
    )
    body = operation.get("requestBody")
    return (
        f'<details id="{escape(operation["operationId"])}"><summary><b>{method.upper()}</b> '
        f"<code>{escape(path)}</code> {escape(operation['summary'])}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        + (f"<h4>Parameters</h4><table>{parameters}</table>" if parameters else "")
        + (f"<h4>Body</h4><p>{_content(body)}</p>" if body else "")
        + f"<h4>Answers</h4><table>{answers}</table></details>"
    )


def _content(part: Json) -> str:
    return ", ".join(
        f"<code>{escape(kind)}</code> {_type(it.get('schema', {}))}"
        for kind, it in part.get("content", {}).items()
    )


def _schema(name: str, schema: Json) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_type(it)}"
        f"{' (required)' if field in required else ''}</td>"
        f"<td>{escape(it.get('description', ''))}</td></tr>"
        for field, it in schema.get("properties", {}).items()
    )
    examples = "".join(
        f"<pre>{escape(json.dumps(example, indent=2))}</pre>"
        for example in schema.get("examples", [])
    )
    words = ", ".join(f"<code>{escape(str(word))}</code>" for word in schema.get("enum", []))
    return (
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"<p>{escape(schema.get('description', ''))} {words}</p><table>{rows}</table>{examples}"
        "</details>"
    )


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("type", "")))
