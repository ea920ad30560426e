"""What a person sees in a browser: a page to try the model from, one on drift, and the OpenAPI document."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from mlpack.format.contract import CategoricalProfile, Input, NumericProfile
from mlpack.runtime.server.cells import encode_json
from mlpack.runtime.server.drift import DriftCounts
from mlpack.runtime.server.http import Handler, Refusal, Request, Response
from mlpack.runtime.server.openapi import openapi_document
from mlpack.runtime.server.served import Served
from mlpack.show.facts import Facts, Section, Table
from mlpack.show.html import render_html

__all__ = ["Pages"]

HTML = b"text/html; charset=utf-8"
_GUARDS = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)

_STYLE = """
body{margin:1rem auto;max-width:60rem;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;color:#1f2328;
background:#fff}
textarea{width:100%;box-sizing:border-box;min-height:14rem;font:13px/1.5 ui-monospace,monospace;padding:.6rem}
button{font:inherit;padding:.45rem 1.2rem;margin:.6rem 0}
pre{background:#f6f7f9;padding:.75rem;overflow:auto;min-height:3rem;white-space:pre-wrap}
nav a{margin-right:1rem}
@media (prefers-color-scheme:dark){body{background:#16191d;color:#e3e6ea}pre,textarea{background:#20242a;
color:inherit}a{color:#8ab4ff}}
"""

_SCRIPT = """
const form = document.querySelector("form"), out = document.querySelector("output");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  out.textContent = "asking ...";
  try {
    const answer = await fetch("predict", {
      method: "POST", headers: {"Content-Type": "application/json"}, body: form.rows.value,
    });
    const text = await answer.text();
    try { out.textContent = JSON.stringify(JSON.parse(text), null, 2); } catch { out.textContent = text; }
  } catch (error) { out.textContent = String(error); }
});
"""


class Pages:
    """`/`, `/drift` and `/openapi.json`."""

    def __init__(self, served: Served, drift: DriftCounts) -> None:
        """Show this model."""
        self._served = served
        self._drift = drift

    def routes(self) -> dict[str, dict[str, Handler]]:
        """Return what it answers."""
        return {
            "/": {"GET": self.front},
            "/page.js": {"GET": self.script},
            "/drift": {"GET": self.drift},
            "/openapi.json": {"GET": self.openapi},
            "/livez": {"GET": self.live},
            "/healthz": {"GET": self.live},
            "/readyz": {"GET": self.ready},
        }

    def refuse(self, refusal: Refusal) -> bytes:
        """Word an error."""
        return encode_json({"error": refusal.message})

    async def live(self, _: Request) -> Response:
        """Answer that the process answers."""
        return Response(encode_json({"live": True}))

    async def ready(self, _: Request) -> Response:
        """Answer whether requests are answered."""
        ready = self._served.ready
        return Response(encode_json({"ready": ready}), status=200 if ready else 503)

    async def openapi(self, _: Request) -> Response:
        """Describe the HTTP interface."""
        return Response(encode_json(openapi_document(self._served)))

    async def script(self, _: Request) -> Response:
        """Return the front page's script."""
        return Response(_SCRIPT.encode(), media=b"text/javascript; charset=utf-8", headers=_GUARDS)

    async def drift(self, request: Request) -> Response:
        """Compare what was asked with training: JSON, or a page where the caller prefers one."""
        report = self._drift.report()
        if b"text/html" not in request.headers.get(b"accept", b""):
            return Response(encode_json(report.document()))
        return self._page(f"Drift of {self._title}", render_html(report.facts(self._title)))

    async def front(self, _: Request) -> Response:
        """Show the interface, and a form with golden rows in it."""
        rows = json.dumps({"rows": example_rows(self._served)}, indent=2, ensure_ascii=False)
        form = (
            '<form><label for="rows">Rows to predict</label>'
            f'<textarea id="rows" name="rows" spellcheck="false">{escape(rows)}</textarea>'
            '<button type="submit">Predict</button></form><h2>Answer</h2>'
            '<pre><output aria-live="polite"></output></pre>'
        )
        links = "".join(
            f'<a href="{path}">{name}</a>'
            for path, name in (("drift", "Drift"), ("openapi.json", "OpenAPI"), ("metrics", "Metrics"))
        )
        tabular = self._served.contract.layout != "tensors"
        body = f"<nav>{links}</nav>{render_html(self._facts())}" + (form if tabular else "")
        return self._page(self._title, body, script=tabular)

    @property
    def _title(self) -> str:
        return f"{self._served.name} {self._served.version}"

    def _facts(self) -> Facts:
        served = self._served
        return Facts(
            title=self._title,
            sections=(
                Section(
                    title="Bundle",
                    pairs=(
                        ("digest", served.digest, "plain"),
                        ("signer", served.signer, "warning" if served.signer == "unsigned" else "good"),
                        ("state", served.state, "good" if served.ready else "warning"),
                    ),
                ),
                Section(
                    title="Inputs",
                    table=Table(
                        columns=("name", "type", "missing", "seen in training"),
                        rows=tuple(
                            (item.name, item.dtype, "allowed" if item.nulls else "refused", _seen(item))
                            for item in served.contract.inputs
                        ),
                    ),
                ),
                Section(
                    title="Outputs",
                    table=Table(
                        columns=("name", "type", "classes"),
                        rows=tuple(
                            (item.key, item.dtype, ", ".join(map(str, item.classes or ()))[:200])
                            for item in served.contract.outputs
                        ),
                    ),
                ),
            ),
        )

    def _page(self, title: str, body: str, *, script: bool = False) -> Response:
        tail = '<script src="page.js"></script>' if script else ""
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
            f"<body><main>{body}</main>{tail}</body></html>"
        )
        return Response(html.encode(), media=HTML, headers=_GUARDS)


def example_rows(served: Served, count: int = 2) -> list[dict[str, Any]]:
    """Return the first golden rows, as a caller would send them."""
    if served.contract.layout == "tensors":
        return []
    names = [item.name for item in served.contract.inputs]
    cells = [served.golden.inputs[name][:count] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*cells, strict=True)]


def _seen(item: Input) -> str:
    match item.profile:
        case NumericProfile(minimum=low, maximum=high):
            return f"{low:.6g} to {high:.6g}"
        case CategoricalProfile(categories=categories):
            shown = ", ".join(categories[:8])
            return shown + (f" and {len(categories) - 8} more" if len(categories) > 8 else "")
        case None:
            return ""
