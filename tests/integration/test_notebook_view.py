"""The HTML view in a real browser: it fits, it is readable in both themes, and no name in it comes alive."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from mlpack.show.facts import Facts, Level, Section, Table
from mlpack.show.html import render_html

EVIL = (
    "</style><script>document.body.dataset.owned='yes'</script><img src=x onerror=\"document.body.remove()\">"
)

MEASURE = """
<script>
function channel(v) { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }
function light(c) {
    const [r, g, b] = c.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
}
function back(e) {
    for (; e; e = e.parentElement) {
        const c = getComputedStyle(e).backgroundColor;
        if (c !== "rgba(0, 0, 0, 0)") return c;
    }
    return "rgb(255, 255, 255)";
}
let worst = 21;
for (const e of document.querySelectorAll(".mlpack-facts *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (e.tagName === "STYLE" || e.className === "mlpack-spoken") continue;
    const [a, b] = [light(getComputedStyle(e).color), light(back(e))].sort((x, y) => y - x);
    worst = Math.min(worst, (a + 0.05) / (b + 0.05));
}
const root = document.querySelector(".mlpack-facts");
const result = document.createElement("pre");
result.id = "result";
result.textContent = JSON.stringify({
    contrast: worst,
    background: getComputedStyle(root).backgroundColor,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    owned: document.body.dataset.owned || "no",
    scripts: root.querySelectorAll("script, img").length,
    fetched: performance.getEntriesByType("resource").length,
});
document.body.append(result);
</script>
"""


@pytest.fixture(scope="session")
def chromium() -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium here")
    return program


@pytest.fixture(scope="session")
def view() -> str:
    levels: tuple[Level, ...] = ("good", "plain", "warning", "bad")
    pairs = tuple((f"{level} thing", f"sha256:{'0f' * 32}", level) for level in levels)
    table = Table(columns=("column", "n" * 60), rows=(("z" * 300, "1"), (EVIL, "2")) * 20)
    sections = (
        Section(title="Identity", pairs=pairs),
        Section(title=EVIL, pairs=((EVIL, EVIL, "bad"),), table=table),
    )
    return render_html(Facts(title=EVIL, sections=sections, warnings=(EVIL, "w " * 100)))


def measure(chromium: str, folder: Path, body: str, width: int) -> dict[str, Any]:
    """Open a page in a browser without network and return what the script in it measured."""
    page = folder / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{body}", encoding="utf-8")
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--proxy-server=127.0.0.1:9", f"--user-data-dir={folder / 'profile'}"]
    command += [f"--window-size={width},900", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stdout[-2000:] + done.stderr[-2000:]
    measured: dict[str, Any] = json.loads(unescape(found[1]))
    return measured


THEMES = {
    "light": ('<body data-jp-theme-light="true">', "rgb(255, 255, 255)"),
    "dark": ('<body data-jp-theme-light="false">', "rgb(22, 25, 29)"),
}


@pytest.mark.parametrize("width", [420, 1200])
@pytest.mark.parametrize("theme", THEMES)
def test_the_view_is_readable_and_harmless(
    chromium: str, view: str, tmp_path: Path, theme: str, width: int
) -> None:
    body, background = THEMES[theme]
    measured = measure(chromium, tmp_path, body + view + MEASURE, width)
    assert measured["contrast"] >= 4.5  # WCAG 2.2, 1.4.3
    assert measured["background"] == background
    assert measured["overflow"] <= 0
    assert (measured["owned"], measured["scripts"], measured["fetched"]) == ("no", 0, 0)
