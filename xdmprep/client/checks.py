"""What is checked of the files: before anything is sent that they are there, unchanged and within the limits; when the
batch is ingested that the platform counts as many records as they hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .. import wire
from ..core.manifest import Manifest, sha256_of
from ..errors import PlatformError, SourceError, UsageError, counted, option, printable


def check_files(manifest: Manifest, jobs: int) -> list[str]:
    """The manifest's files are there and unchanged, and within the platform's limits; advice where they are large.

    Raises:
        SourceError: a file is missing or changed.
        UsageError: a limit that the platform enforces is exceeded, or there is nothing to send.
    """
    folder = manifest.folder or Path()
    if not manifest.files:
        raise UsageError(f"{folder}: the manifest lists no files; there is nothing to upload.")
    if manifest.format not in wire.FORMATS:
        raise UsageError(f"{folder}: format {manifest.format!r} is none of {', '.join(wire.FORMATS)}.")
    if manifest.rows != manifest.written + manifest.rejected:
        raise SourceError(f"{folder}: the manifest's counts do not add up. Run `prepare` again.")
    if sum(file.rows for file in manifest.files) != manifest.written:
        raise SourceError(f"{folder}: the files' rows are not the rows written. Run `prepare` again.")
    if manifest.threshold is not None and not 0 <= manifest.threshold <= 100:
        raise SourceError(f"{folder}: the manifest's threshold is no percentage. Run `prepare` again.")
    names = [file.name for file in manifest.files]
    if len(set(names)) != len(names):
        raise SourceError(f"{folder}: the manifest lists a file twice. Run `prepare` again.")
    for name in names:
        if fault := wire.check_file_name(name):
            raise UsageError(f"{folder}: {fault}.")
    total = sum(file.bytes for file in manifest.files)
    if len(names) > wire.BATCH_FILES:
        raise UsageError(f"{folder}: {len(names)} files; a batch takes at most {wire.BATCH_FILES}. Use larger parts.")
    if total > wire.BATCH_BYTES:
        raise UsageError(f"{folder}: {total} bytes; a batch takes at most {wire.BATCH_BYTES}. Send several batches.")
    with ThreadPoolExecutor(max(1, jobs), thread_name_prefix="xdmprep-check") as pool:
        for fault in pool.map(lambda file: _fault(folder, file.name, file.bytes, file.sha256), manifest.files):
            if fault:
                raise SourceError(fault)
    advice = []
    if len(names) > wire.BATCH_FILES_ADVISED:
        advice.append(f"{len(names)} files; fewer than {wire.BATCH_FILES_ADVISED} in a batch are recommended")
    if total > wire.BATCH_BYTES_ADVISED:
        advice.append(f"{total} bytes; batches below {wire.BATCH_BYTES_ADVISED} bytes are recommended")
    if manifest.upsert and manifest.written > wire.UPSERT_RECORDS_ADVISED:
        advice.append(
            f"{manifest.written} upsert records; at most {wire.UPSERT_RECORDS_ADVISED} in a batch are recommended"
        )
    if manifest.upsert and manifest.format != "parquet":
        advice.append("the platform's guide speaks of Parquet alone for upsert")
    return advice


def check_counts(manifest: Manifest, batch: wire.Batch) -> str:
    """Raise PlatformError unless the platform read the records that were sent; what was compared, in one clause."""
    read, done, failed = batch.input_records, batch.output_records, batch.failed_records
    if not batch.ok:
        return "the batch was not ingested"
    if read is None and done is None:
        return "the platform gives no counts for it, so there is nothing to compare with the manifest"
    total = read if read is not None else (done or 0) + (failed or 0)
    lost = 0 if done is None else total - done - (failed or 0)
    if total == manifest.written and not lost:
        return f"the platform's counts are those of the manifest ({counted(manifest.written, 'record')})"
    name = printable(batch.id, 80)
    raise PlatformError(
        f"batch {name} is {batch.status}, but the platform counts {counted(total, 'record')} read"
        f"{'' if done is None else f', {done} ingested'}{'' if failed is None else f', {failed} failed'}; the manifest "
        f"has {manifest.written}.",
        hint=f"Do not take the data for complete. See `xdmprep batch errors {name} --manifest {manifest.folder}`; to "
        f"put the files in its place, send them again with {option('replay', (name,))}.",
        code="counts-differ", batch=batch.id,
    )  # fmt: skip


def _fault(folder: Path, name: str, size: int, sha256: str) -> str | None:
    path = folder / name
    try:
        found = path.stat().st_size
        if found != size:
            return f"{path}: has {found} bytes, the manifest says {size}. Run `prepare` again."
        if sha256_of(path) != sha256:
            return f"{path}: its content has changed since the manifest was written. Run `prepare` again."
    except OSError as error:
        return f"{path}: {error.strerror or error}. Run `prepare` again."
    return None
