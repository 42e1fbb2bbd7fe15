"""A page that shows the OpenAPI document without any address from outside."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
)

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Chronos API</title>
<style>
 body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
 code,pre{font:14px/1.4 ui-monospace,monospace;background:#8881;border-radius:4px}
 code{padding:0 .3em}pre{padding:1em;overflow:auto}
 summary{cursor:pointer;padding:.3em 0}b{display:inline-block;min-width:5em}
</style>
<h1>Chronos API</h1>
<p>Send your key as <code>Authorization: Bearer KEY</code>. The document itself:
<code>/api/v1/openapi.json</code> (it needs the key, too).</p>
<label>Key <input id="key" type="password" autocomplete="off"></label>
<button id="load">Show</button><div id="out"></div>
<script>
const out = document.getElementById("out");
const add = (parent, tag, text) => {
  const node = parent.appendChild(document.createElement(tag));
  if (text !== undefined) node.textContent = text;
  return node;
};
document.getElementById("load").onclick = async () => {
  out.replaceChildren();
  const headers = {Authorization: "Bearer " + document.getElementById("key").value};
  const answer = await fetch("openapi.json", {headers});
  const api = await answer.json();
  if (!answer.ok) { add(out, "p", api.detail + ": " + api.remedy); return; }
  for (const [path, verbs] of Object.entries(api.paths))
    for (const [verb, operation] of Object.entries(verbs)) {
      const details = add(out, "details"), summary = add(details, "summary");
      add(summary, "b", verb.toUpperCase());
      add(summary, "code", path);
      add(summary, "span", " " + operation.summary);
      add(details, "p", operation.description);
      for (const parameter of operation.parameters || [])
        add(details, "p", parameter.name + " (" + parameter.in + "): " + parameter.description);
      add(details, "pre", JSON.stringify({body: operation.requestBody,
        answers: operation.responses}, null, 2));
    }
  const schemas = add(out, "details");
  add(schemas, "summary", "Schemas");
  add(schemas, "pre", JSON.stringify(api.components.schemas, null, 2));
};
</script></html>
"""


@router.get("/docs")
async def show_docs() -> HTMLResponse:
    """The page itself holds nothing secret, but like all else it needs the key."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})
