"""The report page in a real browser: headless Chromium, where one is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from xdmprep.core.stream import Finding
from xdmprep.report import Report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; Debian's package is `chromium`"),
]


def big() -> Report:
    """60,000 findings: 50,000 warnings that came first, 10,000 errors of two kinds."""
    soft = np.arange(1, 50_001)
    hard, dates = np.arange(20_001, 28_001), np.arange(40_001, 42_001)
    return Report(
        "customers.csv",
        60_000,
        [
            Finding("soft-enum", "person.gender", "not suggested", soft, pa.array([f"g{n}" for n in soft])),
            Finding("pattern", "personalEmail.address", "no match", hard, pa.array([f"mail{n}" for n in hard])),
            Finding("format", "person.birthDate", "no date", dates, pa.array([f"<b>{n}</b>" for n in dates])),
        ],
    )


def browse(page: Path, script: str, width: int = 1200, *flags: str) -> object:
    """Open a page, run `script` in it (it returns JSON values), and give what it returned."""
    tried = page.with_suffix(".tried.html")
    asked = (
        "<script>Promise.resolve((async () => {" + script + "})()).catch(e => 'failed: ' + e)"
        ".then(v => { const s = document.createElement('script'); s.type = 'text/plain'; s.id = 'answer';"
        "s.textContent = JSON.stringify(v).replace(/</g, '\\\\u003c'); document.body.append(s) })</script>"
    )
    tried.write_text(page.read_text(encoding="utf-8").replace("</body>", asked + "</body>"), encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={page.parent / 'profile'}", f"--window-size={width},900", "--virtual-time-budget=8000",
         *flags, "--dump-dom", tried.as_uri()],
        capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    found = re.search(r'<script type="text/plain" id="answer">(.*?)</script>', done.stdout, re.S)
    assert found, done.stderr[-2000:] + done.stdout[-500:]
    return json.loads(found[1])


#: What the visible rows say, and a pause in which the page draws.
TOOLS = """
const rows = () => [...document.querySelectorAll('#rows tr:not(.gap)')].map(r => [...r.cells].map(c => c.textContent));
const wait = () => new Promise(done => setTimeout(done, 200));
const set = async (node, value) => { node.value = value; node.dispatchEvent(new Event('input'));
  node.dispatchEvent(new Event('change')); await wait(); };
const count = () => document.getElementById('shown').textContent;
"""


def test_the_table_opens_on_errors_filters_sorts_and_scrolls(tmp_path: Path) -> None:
    page = big().save(tmp_path / "report.html")
    seen = browse(
        page,
        TOOLS
        + """
        const out = {};
        out.box = getComputedStyle(document.getElementById('detail')).display;
        out.drawn = rows().length; out.first = rows()[0]; out.all = count();
        const pick = name => document.querySelector(`select[data-column=${name}]`);
        await set(pick('code'), 'format'); out.format = [count(), rows()[0]];
        await set(pick('code'), ''); await set(document.getElementById('filter'), 'mail25000'); out.text = rows();
        await set(document.getElementById('filter'), '');
        document.querySelector('button[data-sort=row]').click(); await wait(); out.lowest = rows()[0][0];
        document.querySelector('button[data-sort=row]').click(); await wait(); out.highest = rows()[0][0];
        const view = document.getElementById('view'); view.scrollTop = view.scrollHeight; await wait();
        view.dispatchEvent(new Event('scroll')); await wait(); out.last = rows().at(-1)[0];
        document.querySelector('#rows button').click(); out.detail = document.getElementById('detail').textContent;
        return out;
        """,
    )
    assert isinstance(seen, dict)
    assert seen["box"] == "none"  # no empty box before a row is chosen
    assert 10 < seen["drawn"] < 200 and seen["all"] == "60,000 of 60,000"
    assert seen["first"][1] == "error"
    assert seen["format"][0] == "2,000 of 60,000"
    assert seen["format"][1][5] == "<b>40001</b>"
    assert [row[0] for row in seen["text"]] == ["25000"]
    assert (seen["lowest"], seen["highest"], seen["last"]) == ("1", "50000", "1")
    assert "person.gender" in seen["detail"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [500, 1200])
def test_texts_have_contrast_and_the_page_fits(tmp_path: Path, theme: str, width: int) -> None:
    report = Report("f.csv", 9, [Finding("pattern", "a.b", "no match", [1, 2], pa.array(["x", "y" * 500]), hint="h")])
    page = report.save(tmp_path / "report.html")
    flags = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if theme == "dark" else []
    seen = browse(
        page,
        """
        const dark = matchMedia('(prefers-color-scheme: dark)').matches;
        const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => { v /= 255;
          return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126 * x + .7152 * y + .0722 * z };
        const numbers = text => text.match(/[\\d.]+/g).map(Number);
        const behind = node => { for (; node; node = node.parentElement) {
          const c = numbers(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] > 0) return c }
          return [255, 255, 255] };
        let worst = 99, where = '';
        for (const node of document.querySelectorAll('main *')) {
          const texts = [...node.childNodes].filter(c => c.nodeType === 3 && c.textContent.trim());
          if (!texts.length || node.closest('svg')) continue;
          const a = light(numbers(getComputedStyle(node).color)), b = light(behind(node));
          const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          if (ratio < worst) { worst = ratio; where = node.outerHTML.slice(0, 80) } }
        return { worst, where, dark, over: document.documentElement.scrollWidth - innerWidth };
        """,
        width,
        *flags,
    )
    assert isinstance(seen, dict)
    assert seen["dark"] == (theme == "dark")
    assert seen["worst"] >= 4.5, seen
    assert seen["over"] <= 0, seen


@pytest.mark.skipif("AXE" not in os.environ, reason="AXE=axe.min.js, of the npm package axe-core, checks accessibility")
def test_a_screen_reader_finds_no_fault(tmp_path: Path) -> None:
    page = big().save(tmp_path / "report.html")
    axe = Path(os.environ["AXE"]).read_text(encoding="utf-8").replace("</script", "<\\/script")
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", f"</main><script>{axe}</script>"))
    seen = browse(
        page,
        "const r = await axe.run(); return r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 100))])",
    )
    assert seen == []
