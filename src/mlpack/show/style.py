"""The style of the HTML rendering: one string, every rule inside `.mlpack-facts`."""

from __future__ import annotations

__all__ = ["STYLE"]

_LIGHT = (
    "--mp-back:var(--jp-layout-color1,#fff);--mp-soft:var(--jp-layout-color2,#f6f7f9);"
    "--mp-ink:var(--jp-content-font-color1,#1f2328);--mp-faint:#59636e;--mp-line:#d5dae0;"
    "--mp-good:#0f6b35;--mp-warning:#8a4b00;--mp-bad:#b3261e;--mp-warning-back:#fff8ea;--mp-warning-line:#e5c488;"
    "color-scheme:light"
)
_DARK = (
    "--mp-back:var(--jp-layout-color1,#16191d);--mp-soft:var(--jp-layout-color2,#20242a);"
    "--mp-ink:var(--jp-content-font-color1,#e3e6ea);--mp-faint:#a0a8b2;--mp-line:#3a4048;"
    "--mp-good:#63c988;--mp-warning:#efb658;--mp-bad:#ff8a80;--mp-warning-back:#2b2314;--mp-warning-line:#6b5426;"
    "color-scheme:dark"
)

# The system's theme holds, unless the notebook (JupyterLab, VS Code, Colab) says which one it shows.
_THEMES = (
    f".mlpack-facts{{{_LIGHT}}}"
    f"@media (prefers-color-scheme:dark){{.mlpack-facts{{{_DARK}}}}}"
    'body[data-jp-theme-light="true"] .mlpack-facts,body.vscode-light .mlpack-facts,'
    f"html[theme=light] .mlpack-facts{{{_LIGHT}}}"
    'body[data-jp-theme-light="false"] .mlpack-facts,body.vscode-dark .mlpack-facts,'
    f"html[theme=dark] .mlpack-facts{{{_DARK}}}"
)

_RULES = """
.mlpack-facts{background:var(--mp-back);color:var(--mp-ink);border:1px solid var(--mp-line);border-radius:8px;
max-width:56rem;margin:.25rem 0;padding:0 1.25rem 1rem;box-sizing:border-box;overflow:hidden;
font:13px/1.5 var(--jp-ui-font-family,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif);text-align:left}
.mlpack-facts *{box-sizing:border-box}
.mlpack-facts .mlpack-title{font-size:16px;font-weight:600;line-height:1.35;margin:0 -1.25rem;
padding:.75rem 1.25rem;background:var(--mp-soft);border-bottom:1px solid var(--mp-line);
overflow-wrap:anywhere}
.mlpack-facts .mlpack-heading{font-size:13px;font-weight:600;margin:1.1rem 0 .35rem;overflow-wrap:anywhere}
.mlpack-facts .mlpack-warnings{list-style:none;margin:.9rem 0 0;padding:.5rem .75rem;border-radius:6px;
background:var(--mp-warning-back);border:1px solid var(--mp-warning-line);color:var(--mp-ink)}
.mlpack-facts .mlpack-warnings li{display:flex;margin:.15rem 0;padding:0;list-style:none;
overflow-wrap:anywhere}
.mlpack-facts .mlpack-warnings .mlpack-mark{color:var(--mp-warning)}
.mlpack-facts .mlpack-pairs{display:grid;grid-template-columns:minmax(5rem,9.5rem) minmax(0,1fr);
gap:.2rem 1.25rem;margin:0;padding:0}
.mlpack-facts .mlpack-pairs dt{grid-column:1;color:var(--mp-faint);font-weight:400;margin:0;padding:0;
float:none;width:auto;overflow-wrap:anywhere}
.mlpack-facts .mlpack-pairs dd{grid-column:2;margin:0;padding:0;display:flex;overflow-wrap:anywhere;
font-variant-numeric:tabular-nums}
.mlpack-facts .mlpack-pairs dd span:last-child{min-width:0}
.mlpack-facts code{font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);
font-size:12px;line-height:inherit;color:inherit;background:none;border:0;padding:0;white-space:normal}
.mlpack-facts .mlpack-mark{flex:none;width:1.25rem;font-weight:700}
.mlpack-facts .mlpack-good{color:var(--mp-good)}
.mlpack-facts .mlpack-warning{color:var(--mp-warning)}
.mlpack-facts .mlpack-bad{color:var(--mp-bad)}
.mlpack-facts .mlpack-spoken{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);
white-space:nowrap}
.mlpack-facts .mlpack-frame{overflow:auto;max-height:22rem;margin:.5rem 0 0;border:1px solid var(--mp-line);
border-radius:6px}
.mlpack-facts .mlpack-frame:focus-visible{outline:2px solid var(--jp-brand-color1,#1f6feb);outline-offset:1px}
.mlpack-facts .mlpack-table{border-collapse:separate;border-spacing:0;border:0;margin:0;width:100%;
font-size:12px;font-variant-numeric:tabular-nums;table-layout:auto}
.mlpack-facts .mlpack-table th,.mlpack-facts .mlpack-table td{padding:.3rem .75rem;border:0;
border-bottom:1px solid var(--mp-line);text-align:left;vertical-align:top;background:none;color:inherit;
max-width:24rem;overflow-wrap:break-word;white-space:normal}
.mlpack-facts .mlpack-table thead th{position:sticky;top:0;background:var(--mp-soft);color:var(--mp-faint);
font-weight:600;white-space:nowrap}
.mlpack-facts .mlpack-table tbody tr:nth-child(n){background:none}
.mlpack-facts .mlpack-table tbody tr:last-child td{border-bottom:0}
.mlpack-facts .mlpack-table .mlpack-number{text-align:right;white-space:nowrap}
.mlpack-facts .mlpack-charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(14rem,1fr));
gap:.75rem 1.25rem;margin:.5rem 0 0}
.mlpack-facts .mlpack-charts figure{margin:0}
.mlpack-facts .mlpack-charts figcaption{font-size:12px;overflow-wrap:anywhere}
.mlpack-facts .mlpack-charts svg{display:block;width:100%;height:4.5rem;
border-bottom:1px solid var(--mp-line)}
.mlpack-facts .mlpack-charts .mlpack-s0{fill:#7b8794}
.mlpack-facts .mlpack-charts .mlpack-s1{fill:#1f6feb}
.mlpack-facts .mlpack-charts .mlpack-key{font-size:11px;color:var(--mp-faint)}
.mlpack-facts .mlpack-charts .mlpack-key i{display:inline-block;width:.7rem;height:.7rem;margin:0 .3rem 0 0}
.mlpack-facts .mlpack-charts .mlpack-key span{margin-right:.8rem}
.mlpack-facts .mlpack-charts .mlpack-k0{background:#7b8794}
.mlpack-facts .mlpack-charts .mlpack-k1{background:#1f6feb}
"""

STYLE = _THEMES + _RULES.replace("\n", "")
"""CSS without addresses, imports or fonts to fetch."""
