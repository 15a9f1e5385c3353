"""What was written: which files, how many rows and bytes, which hash, for which schema.

`manifest.json` is all that the network side knows of the data side.  It holds no times and no absolute paths, so
that the same run writes the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from ..errors import OutputError, SourceError, shorten, unwritable
from .arguments import PATH, takes
from .documents import (
    COUNT,
    FILE_NAME,
    FLAG,
    NUMBER,
    TEXT,
    DocumentKind,
    exists,
    is_folder,
    list_of,
    map_of,
    nullable,
    one_of,
    record,
)
from .notebook import facts
from .remote import as_local, shown, url_of_output

NAME = "manifest.json"
#: Folders of the batches of a patch that is too large for one; each has its manifest.
BATCHES = "batch-*"
VERSION = 1

_FILE = DocumentKind(SourceError, "Give the folder that `prepare` wrote.")
_FACTS = record({}, {
    "name": TEXT, "batch": COUNT, "batches": COUNT, "mended": list_of(COUNT),
    "files": list_of(record({"name": TEXT, "rows": COUNT})), "notRead": list_of(TEXT),
})  # fmt: skip
_SHAPE = record(
    {
        "format": one_of("json", "parquet", "csv"),
        "files": list_of(record({"name": FILE_NAME, "rows": COUNT, "bytes": COUNT, "sha256": TEXT})),
        "counts": record({"rows": COUNT, "written": COUNT, "rejected": COUNT}),
        "schema": record({}, {"id": TEXT, "title": TEXT, "version": TEXT, "sha256": TEXT}),
        "source": _FACTS, "upsert": FLAG, "multiline": FLAG, "threshold": nullable(NUMBER), "software": TEXT,
    },
    {"values": map_of(record({"read": COUNT, "written": COUNT, "lost": COUNT}))},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    """One written file: `name` within the folder, rows, bytes, sha256 (hex)."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one run wrote.

    Attributes:
        format: ``json`` (single-line), ``parquet`` or ``csv``.
        files: the parts, in order.
        rows: rows read; rows == written + rejected always.
        written, rejected: rows written to the parts, rows set aside.
        schema: ``{"id", "title", "version", "sha256"}`` of the XDM schema; empty without a schema.
        source: ``{"name"}`` and what else describes the source; of a patch of several batches its number (from 1) as
            ``batch``, and how many there are as ``batches``.
        upsert: True if the files are a Profile patch and the dataset must be enabled for upsert.
        multiline: True if JSON files are one array each (``isMultiLineJson``).
        values: destination -> ``{"read", "written", "lost"}`` for the mapped destinations that lost values, counted in
            the records that were written; read == written + lost.
        threshold: the percentage of bad rows the run allowed, for ``partialIngestionPercent``; None if not given.
        software: name and version of what wrote it.
        folder: where the manifest was read from or written to; not part of the file.

    Examples:
        >>> manifest = result.manifest
        >>> manifest.format, manifest.rows, manifest.written, manifest.rejected
        ('json', 300, 241, 59)
        >>> [(file.name, file.rows) for file in manifest.files]
        [('part-00000.json', 241)]
    """

    format: str
    files: tuple[File, ...]
    rows: int
    written: int
    rejected: int
    schema: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    upsert: bool = False
    multiline: bool = False
    threshold: float | None = None
    values: dict[str, dict[str, int]] = field(default_factory=dict)
    software: str = ""
    folder: Path | None = field(default=None, compare=False)

    def _repr_html_(self) -> str:
        pairs = [
            ("format", self.format + (", a patch" if self.upsert else "")), ("schema", self.schema.get("title", "")),
            ("source", self.source.get("name", "")), ("rows", self.rows), ("written", self.written),
            ("set aside", self.rejected), ("files", len(self.files)), ("bytes", sum(file.bytes for file in self.files)),
            ("values left out", sum(entry["lost"] for entry in self.values.values()) or None), ("folder", self.folder),
        ]  # fmt: skip
        return facts("manifest", pairs)

    def to_dict(self) -> dict[str, Any]:
        """The content of `manifest.json`.

        Examples:
            >>> sorted(result.manifest.to_dict())
            ['counts', 'files', 'format', 'manifestVersion', 'multiline', 'schema', 'software', 'source', 'threshold',
            'upsert', 'values']
        """
        return {
            "manifestVersion": VERSION, "software": self.software, "format": self.format, "multiline": self.multiline,
            "upsert": self.upsert, "threshold": self.threshold, "schema": self.schema, "source": self.source,
            "counts": {"rows": self.rows, "written": self.written, "rejected": self.rejected}, "values": self.values,
            "files": [asdict(file) for file in self.files],
        }  # fmt: skip

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write `manifest.json` into `folder` and return its path.

        Args:
            folder: an existing folder.

        Returns:
            The path of the file.

        Raises:
            OutputError: the file cannot be written.

        Examples:
            >>> result.manifest.save("out/").name
            'manifest.json'
        """
        path = Path(folder) / NAME
        with whole_file(path) as out:
            text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"
            out.write(text.encode("utf-8", "replace"))  # names of files may hold bytes that are no text
        return path

    @classmethod
    @takes(path=PATH)
    def load_all(cls, path: str | os.PathLike[str]) -> list[Manifest]:
        """The manifests below a folder in the order they are to be sent: its own, or one of each of its batches.

        Args:
            path: ``manifest.json``, its folder, or a folder with several batches.

        Returns:
            The manifests, at least one.

        Raises:
            SourceError: there is none, one of several batches is missing, or one is not a manifest.
            UsageError: an argument is of another type.

        Examples:
            >>> [manifest.written for manifest in xp.Manifest.load_all("out/")]
            [241]
        """
        folder = Path(path)
        files = sorted(folder.glob(f"{BATCHES}/{NAME}")) if is_folder(folder) and not exists(folder / NAME) else []
        if not files:
            return [cls.load(path)]
        found = [cls.load(file) for file in files]
        of = found[0].source.get("batches")
        whole = [(number, len(found)) for number in range(1, len(found) + 1)]
        if [(one.source.get("batch"), one.source.get("batches")) for one in found] != whole:
            raise SourceError(
                f"{folder}: holds {len(found)} of the {of} batches of a patch; the run that makes them did not end, or "
                "some were moved. Run the same command again."
            )
        return found

    @classmethod
    @takes(path=PATH)
    def load(cls, path: str | os.PathLike[str]) -> Manifest:
        """Read a manifest; `path` is the file or the folder that holds it.

        Args:
            path: ``manifest.json``, or the folder that holds it.

        Returns:
            The manifest.

        Raises:
            SourceError: there is none, or it is not a manifest.
            UsageError: an argument is of another type.

        Examples:
            >>> xp.Manifest.load("out/").written
            241
        """
        if (url := url_of_output(path)) is not None:
            raise SourceError(
                f"{shown(url)}: is not on this machine. Copy the folder with its manifest and parts, and give the copy."
            )
        file = Path(path)
        if is_folder(file):
            file = file / NAME
        if not exists(file):
            several = sorted(file.parent.glob(f"{BATCHES}/{NAME}")) if is_folder(file.parent) else []
            if several:
                raise SourceError(
                    f"{file.parent}: holds {len(several)} batches; give the folder of one, such as {several[0].parent}."
                )
        if file.name.startswith(("part-", "rejects", "issues", "run.json")) and exists(file.parent / NAME):
            raise SourceError(f"{file}: is a file of a run, not its manifest. Give the folder {file.parent}.")
        data = _FILE.read_json(file)
        if not isinstance(data, dict) or data.get("manifestVersion") != VERSION:
            other = data.get("manifestVersion") if isinstance(data, dict) else None
            if other is None:
                raise SourceError(f"{file}: is not a manifest. Give the folder that `prepare` wrote.")
            raise SourceError(
                f"{file}: is a manifest of version {shorten(other, 20)}, this xdmprep reads version {VERSION}. "
                "Run `prepare` again with this xdmprep, or install the one that wrote it."
            )
        _FILE.check(data, _SHAPE, file)
        counts = data["counts"]
        return cls(
            data["format"],
            tuple(File(one["name"], one["rows"], one["bytes"], one["sha256"]) for one in data["files"]),
            counts["rows"], counts["written"], counts["rejected"],
            data["schema"], data["source"], data["upsert"], data["multiline"], data["threshold"],
            data.get("values", {}), data["software"], file.parent,
        )  # fmt: skip


def local_output(path: str | os.PathLike[str]) -> Path:
    """The path of a file or folder to be written; OutputError if it is a URL."""
    if (url := url_of_output(path)) is not None:
        raise OutputError(
            f"{shown(url)}: output is written to this machine. Give a folder here, and copy it there; "
            "with Spark the output may be in an object store."
        )
    return Path(as_local(path))


def check_target(path: str | os.PathLike[str]) -> None:
    """Raise OutputError for a file that cannot be made, before the work whose result it is to hold."""
    file = local_output(path)
    if file.is_dir():
        raise OutputError(f"{file}: is a folder. Give a file.")
    if not file.parent.is_dir():
        raise OutputError(f"{file}: the folder {file.parent} does not exist. Make the folder first.")


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A binary file that appears whole or not at all (fsync, rename); OutputError if it cannot be written."""
    final = local_output(path)
    temporary = final.with_name(f".{final.name}.part")
    try:
        with temporary.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(final)
        sync_folder(final.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise unwritable(final, error) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` last through a power cut (a no-op where folders cannot be opened)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Hex SHA-256 of a file, read in blocks of 1 MiB."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock_file(handle: int) -> bool:
    """Lock an open file until it is closed or the process ends; False if another holds it. Some disks have no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            os.lseek(handle, 1 << 30, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
