"""Pictures of what people see, to be looked at: ``python tests/screenshots.py FOLDER``.

The report page (light, dark, 390 pixels wide, as printed), a notebook's views, and the emulator's page, by headless
Chromium (Debian's package ``chromium``).  The terminal's output is drawn as a page of plain text.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

import xdmprep as xp
from xdmprep.client import Client
from xdmprep.emulator import Emulator

ROOT = Path(__file__).resolve().parents[1]
DARK = "--blink-settings=preferredColorScheme=0"
#: Width of a sheet of A4 at 96 points an inch, less the margins.
SHEET = 718


def picture(browser: str, address: str, file: Path, width: int, height: int, *flags: str) -> None:
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--hide-scrollbars", f"--user-data-dir={profile}", f"--window-size={width},{height}",
             "--virtual-time-budget=4000", *flags, f"--screenshot={file}", address],
            capture_output=True, timeout=120, check=True,
        )  # fmt: skip
    print(file)


def page(file: Path, body: str, style: str = "") -> str:
    head = f"<!doctype html><meta charset=utf-8><style>body{{font:14px/1.5 sans-serif}}{style}</style>"
    file.write_text(head + body, encoding="utf-8")
    return file.as_uri()


def report_pages(browser: str, work: Path, out: Path, result: xp.Result) -> None:
    report = result.report.save(work / "report.html")
    picture(browser, report.as_uri(), out / "report-light.png", 1200, 2200)
    picture(browser, report.as_uri(), out / "report-dark.png", 1200, 2200, DARK)
    frame = '<body style="margin:0"><iframe src="report.html" width=390 height=2600 style="border:0"></iframe>'
    picture(browser, page(work / "narrow.html", frame), out / "report-narrow.png", 500, 2600)
    printed = report.read_text(encoding="utf-8").replace("@media print", "@media all")
    (work / "printed.html").write_text(printed, encoding="utf-8")
    picture(browser, (work / "printed.html").as_uri(), out / "report-print.png", SHEET, 2200)


def notebook(browser: str, work: Path, out: Path, result: xp.Result, schema: xp.Schema, mapping: xp.MappingSet) -> None:
    stream = xp.map_rows("schemas/examples/crm-profiles.csv", mapping, schema)
    shown = [schema, mapping, stream, result, result.manifest]
    views = "".join(f"<h4>{type(one).__name__}</h4>{one._repr_html_()}" for one in shown)
    picture(browser, page(work / "notebook.html", views), out / "notebook-light.png", 1000, 2600)
    dark = "body{background:#111;color:#eee;color-scheme:dark}"
    picture(browser, page(work / "notebook-dark.html", views, dark), out / "notebook-dark.png", 1000, 2600, DARK)


def emulator(browser: str, out: Path, result: xp.Result) -> None:
    with Emulator(schemas="schemas/") as server, Client(url=server.url) as client:
        dataset = client.create_dataset("CRM profiles", result.manifest.schema["id"], profile=True)
        client.wait(client.upload("out/", dataset))
        picture(browser, server.url, out / "emulator.png", 1000, 700)
        picture(browser, server.url, out / "emulator-dark.png", 1000, 700, DARK)


def terminal(browser: str, work: Path, out: Path) -> None:
    files = "schemas/examples/crm-profiles.csv -m schemas/crm-profile.mapping.yaml -s schemas/crm-profile.schema.json"
    command = [sys.executable, "-m", "xdmprep", "prepare", *files.split(), "-o", "out", "--overwrite"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "110", "NO_COLOR": "1"}
    )
    picture(
        browser,
        page(work / "terminal.html", f"<pre style='white-space:pre-wrap'>{escape(done.stdout)}</pre>"),
        out / "terminal.png",
        1100,
        420,
    )


def main(out: Path) -> int:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("no Chromium here; Debian's package is `chromium`", file=sys.stderr)
        return 2
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="xdmprep-screenshots-") as name:
        work = Path(name)
        shutil.copytree(ROOT / "schemas", work / "schemas")
        os.chdir(work)
        schema = xp.Schema.load("schemas/crm-profile.schema.json")
        mapping = xp.MappingSet.load("schemas/crm-profile.mapping.yaml")
        result = xp.prepare("schemas/examples/crm-profiles.csv", mapping, schema, out="out")
        report_pages(browser, work, out, result)
        notebook(browser, work, out, result, schema, mapping)
        emulator(browser, out, result)
        terminal(browser, work, out)
        os.chdir(out)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")))
