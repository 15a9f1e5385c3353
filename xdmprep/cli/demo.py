"""The command `xdmprep demo`: the whole main job on one machine, with no account."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import click

from ..core.shipped import shipped
from ..core.typing import Format
from .command import Command
from .findings import show_next
from .options import FILE, JSON, OVERWRITE
from .printer import answer, show


@click.command(cls=Command, epilog="Example: xdmprep demo --out demo/ --format parquet")
@click.option("--out", "-o", type=FILE, help="Keep the files here.  [default: a temporary folder]")
@click.option("--format", "-f", type=click.Choice(["json", "parquet"]), default="json", show_default=True)
@OVERWRITE
@JSON
def demo(out: Path | None, format: Format, overwrite: bool) -> int:
    """Map, check, write, upload, ingest and read back a bundled CRM export, against a local emulator."""
    with tempfile.TemporaryDirectory(prefix="xdmprep-demo-") as temporary:
        facts = _run(out or Path(temporary), format, overwrite)
    answer(lambda: facts)
    show_next("init", "YOUR.csv", "--schema", "YOUR.schema.json")
    return 0 if facts["batch"]["status"] in ("success", "active") else 1


def _run(out: Path, format: Format, overwrite: bool) -> dict[str, Any]:
    from ..client import Client
    from ..emulator import Emulator
    from ..pipeline.prepare import prepare

    source, mapping = shipped("examples/crm-profiles.csv"), shipped("crm-profile.mapping.yaml")
    schema = shipped("crm-profile.schema.json")
    show(f"1. map, check, write   {source.name} with {mapping.name} to {schema.name}")
    result = prepare(source, mapping, schema, out, format=format, overwrite=overwrite)
    show(f"   {result}")
    for line in str(result.report).splitlines():
        show(f"   {line}")
    with Emulator(schemas=schema.parent) as server:
        show(f"2. emulator            {server.url}")
        client = Client(url=server.url)
        dataset = client.create_dataset("CRM profiles", result.manifest.schema["id"], profile=True)
        show(f"3. dataset             {dataset}")
        batch = client.upload(out, dataset_id=dataset)
        show(f"4. upload              batch {batch.id}: {batch.status}")
        batch = client.wait(batch.id)
        metrics = batch.metrics
        show(
            f"5. ingest              {batch.status}: {metrics.get('inputRecordCount')} records in, "
            f"{metrics.get('outputRecordCount')} out, {metrics.get('failedRecordCount')} failed"
        )
        identity = _first_identity(next(out.glob("part-*")))
        profile = client.profile("LOYALTYID", identity)
        show(f"6. read back           the profile with LOYALTYID {identity}")
        for line in json.dumps(profile, indent=2, ensure_ascii=False).splitlines():
            show(f"   {line}")
    return {
        "rows": result.rows, "written": result.written, "rejected": result.rejected,
        "batch": {"id": batch.id, "status": batch.status, "metrics": dict(metrics)}, "profile": profile,
    }  # fmt: skip


def _first_identity(part: Path) -> str:
    from ..core.shred import to_pylist
    from ..read import open_source

    first = next(open_source(part).chunks())
    return str(to_pylist(first.nested().slice(0, 1))[0]["identityMap"]["LOYALTYID"][0]["id"])
