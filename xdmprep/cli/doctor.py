"""The command `xdmprep doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import click

from ..errors import EXTRAS, PlatformError, UsageError
from ..kernels.native import IN_USE
from .command import Command
from .connection import Connection, connection
from .printer import answer, show

#: Packages whose versions matter for what the command does.
PACKAGES = ("xdmprep", "pyarrow", "numpy", "jsonschema", "requests", "regex", "click")
#: Optional packages as they are imported -> what needs them.
OPTIONAL = {
    "starlette": "demo, emulate", "uvicorn": "demo, emulate", "pandas": "to_pandas()", "pandera": "prepare --contract",
    "fsspec": "further URLs", "ua_parser": "the ua_* functions", "pyspark": "--engine spark",
    "hypothesis": "xdmprep.testing",
}  # fmt: skip
#: Less free space than this is worth a warning.
LITTLE_SPACE = 1 << 30
#: Seconds for the request to the platform, unless --deadline says otherwise.
PATIENCE = 15.0


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at: its name, how it is, what was found, and what to do about it."""

    name: str
    status: Literal["ok", "warning", "error"]
    message: str
    hint: str = ""


def checks(to: Connection) -> Iterator[Diagnosis]:
    """Look at the installation, the machine and, where a connection is configured, the platform."""
    yield Diagnosis("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Diagnosis("packages", "ok", ", ".join(f"{name} {_version(name)}" for name in PACKAGES if _version(name)))
    missing = [name for name in OPTIONAL if find_spec(name) is None]
    names = ", ".join(f"{name} ({OPTIONAL[name]})" for name in missing)
    extras = ",".join(dict.fromkeys(EXTRAS[name] for name in missing))
    yield Diagnosis(
        "optional packages", "ok", f"not installed: {names}" if missing else "all installed",
        f'pip install "xdmprep[{extras}]" installs them.' if missing else "",
    )  # fmt: skip
    if IN_USE:
        yield Diagnosis("compiled loops", "ok", "in use")
    else:
        hint = "Install a C compiler and run the pip install line again; unset XDMPREP_NATIVE if it is 0."
        yield Diagnosis("compiled loops", "warning", "not in use, so large files take longer", hint)
    for name, folder in (("disk", Path.cwd()), ("temporary files", Path(tempfile.gettempdir()))):
        yield _space(name, folder)
    yield from _platform(to)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _space(name: str, folder: Path) -> Diagnosis:
    free = shutil.disk_usage(folder).free
    message = f"{free / 1e9:,.1f} GB free in {folder}"
    if not os.access(folder, os.W_OK):
        return Diagnosis(name, "warning", f"{folder} cannot be written to", "Give --out a folder that can.")
    if free < LITTLE_SPACE:
        return Diagnosis(name, "warning", message, "Make room before preparing large files.")
    return Diagnosis(name, "ok", message)


def _platform(to: Connection) -> Iterator[Diagnosis]:
    configured = (
        to.url
        or to.config
        or any(
            name.startswith("XDMPREP_")
            for name in os.environ.keys() - {"XDMPREP_NATIVE", "XDMPREP_LOG", "XDMPREP_DEBUG"}
        )
    )
    if not configured:
        none = "none configured; only upload, batch and dataset need one (--config, --url)"
        yield Diagnosis("connection", "ok", none)
        return
    try:
        client = replace(to, retries=to.retries or 1, deadline=to.deadline or PATIENCE).client()
    except UsageError as error:
        yield Diagnosis("connection", "error", str(error))
        return
    with client:
        config = client.config
        where = f"{config.url}, sandbox {config.sandbox}"
        yield Diagnosis("connection", "ok", where + (f", organisation {config.org}" if not config.local else ""))
        name = "token"
        try:
            if not config.token:
                client.session.token()
                yield Diagnosis(name, "ok", "accepted")
            name = "platform"
            client.batches(limit=1)
            yield Diagnosis(name, "ok", "answers")
        except PlatformError as error:
            yield Diagnosis(name, "error", str(error))


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  xdmprep doctor
  xdmprep doctor --config config.json --sandbox dev

Ends with 0 if nothing stands in the way (warnings included), 2 if the configuration is wrong, 3 if the platform cannot
be reached or refuses.
""",
)
@connection
def doctor(to: Connection) -> int:
    """Check the installation, the disk and, if one is configured, the connection to the platform."""
    found: list[Diagnosis] = []
    for check in checks(to):
        found.append(check)
        show(f"{check.status:<8} {check.name}: {check.message}")
        if check.hint:
            show(f"{'':8} hint: {check.hint}")
    wrong = [check.name for check in found if check.status == "error"]
    answer(lambda: {"ok": not wrong, "checks": [asdict(check) for check in found]})
    if not wrong:
        return 0
    return 2 if wrong == ["connection"] else 3
