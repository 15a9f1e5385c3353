"""Promotion: what happens to a batch after COMPLETE, in a few threads of its own.

``loaded -> staging -> staged -> active`` or ``failed``.  The batches of one dataset are promoted one after the other,
in the order of their COMPLETE, so that a later one wins over an earlier one and replaces what it says it replaces;
those of different datasets do not wait for each other.  Once a batch is ``staged`` its outcome is decided and it can
no longer be aborted.  Its records begin to count in the profile store together with the outcome, and only then does the
catalog say ``active``; so whatever moment the process dies at, the batch is ingested exactly once after a restart.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..core.batch_check import CheckedChunk, FailedRecord, IngestCheck
from ..errors import SchemaError, XdmPrepError
from ..wire import BATCH_BYTES, BATCH_FILES, WAITING, has_flag
from .profiles import Profiles, target_of
from .registry import Schemas
from .store import NO_ROOM, Store, is_full, now_ms, take_out

log = logging.getLogger("xdmprep.emulator")

TRIES = 3
WORKERS = 2  #: batches promoted at the same time; each holds one chunk of records in memory
IN_PROGRESS = WAITING - {"stalled"}
DESCRIPTIONS = {
    "INGEST-1212-400": "Rows do not fit the schema of the dataset. Review the associated diagnostic files.",
    "INGEST-1401-400": "The row has corrupted data and cannot be read or parsed. Fix the corrupted data and try again.",
    "INGEST-1555-400": "A required field is either missing or has a value of null. Add the required field to the input "
    "row and try again.",
}


#: The code of a batch's error for that of a row, and the other way round, where they differ.
BATCH_CODES = {"1401": "INGEST-1401-400", "1555": "INGEST-1555-400"}
ROW_CODES = {batch: row for row, batch in BATCH_CODES.items()}


class _Aborted(Exception):
    """The batch is no longer to be ingested."""


class Ingestion:
    """The threads that promote batches; the settings are those of :class:`.EmulatorServer`."""

    def __init__(
        self, store: Store, profiles: Profiles, schemas: Schemas, parse: IngestCheck, check: IngestCheck,
        delay: float = 0.0, abandon_after: float | None = None, collect_after: float | None = None,
    ) -> None:  # fmt: skip
        self.store, self.profiles, self.schemas, self.parse, self.check = store, profiles, schemas, parse, check
        self.delay, self.abandon_after, self.collect_after = delay, abandon_after, collect_after
        self.stalls: Counter[str] = Counter()  #: faults on request: how many batches will stall, or be retried
        self._tries: Counter[str] = Counter()
        self._stop, self._changed = threading.Event(), threading.Condition()
        self._busy: set[str] = set()  #: datasets of which a batch is being promoted
        jobs: list[Callable[[], None]] = [self._run] * WORKERS
        if abandon_after is not None or collect_after is not None:
            jobs.append(self._watch)
        self._threads = [
            threading.Thread(target=job, name=f"xdmprep-ingestion-{number}", daemon=True)
            for number, job in enumerate(jobs)
        ]

    def start(self) -> None:
        """Start; batches that a killed process had accepted are taken up again."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the chunks at hand; unfinished batches are taken up at the next start."""
        self._stop.set()
        self.wake()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=30)

    def wake(self) -> None:
        """There is something to do."""
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        """Take batch after batch, until the end."""
        while (taken := self._take()) is not None:
            batch_id, dataset = taken
            try:
                self.promote(batch_id)
            except Exception as error:
                if is_full(error):
                    log.warning("batch %s: there is no room left on the disk; it is tried again", batch_id)
                else:
                    log.exception("the emulator's ingestion met an error it does not know")
                self._give_up(batch_id)
            finally:
                with self._changed:
                    self._busy.discard(dataset)
                    self._changed.notify_all()

    def _take(self) -> tuple[str, str] | None:
        """The next batch and its dataset, of which no other is being promoted; None at the end."""
        with self._changed:
            while not self._stop.is_set():
                try:
                    for row in self.store.waiting():
                        if row["dataset"] not in self._busy:
                            self._busy.add(row["dataset"])
                            return row["id"], row["dataset"]
                except Exception:
                    log.exception("the emulator's ingestion cannot read the catalog")
                    self._changed.wait(1.0)
                    continue
                self._changed.wait()
        return None

    def _watch(self) -> None:
        """Abandon and collect batches when their time has come."""
        while not self._stop.wait(0.2):
            try:
                self._expire()
            except Exception:
                log.exception("the emulator's ingestion met an error it does not know")

    def _give_up(self, batch_id: str) -> None:
        """After some tries a batch that cannot be promoted (a full disk, say) stalls, so that others go on."""
        self._stop.wait(0.5)
        self._tries[batch_id] += 1
        status = "stalled" if self._tries[batch_id] >= TRIES else "retrying"
        with contextlib.suppress(Exception):
            self.store.change_batch(batch_id, IN_PROGRESS, status=status)

    def retry(self, batch_id: str) -> None:
        """A batch is to be tried again, as often as a new one: one that stalled, or is about to."""
        self._tries.pop(batch_id, None)

    def _expire(self) -> None:
        if self.abandon_after is not None:
            for doc in self.store.batches("status = 'loading'"):
                if doc["updated"] < now_ms() - self.abandon_after * 1000:
                    self.store.change_batch(doc["id"], {"loading"}, status="abandoned", completed=now_ms())
        if self.collect_after is not None:
            for doc in self.store.batches("status = 'inactive'"):
                if doc["updated"] < now_ms() - self.collect_after * 1000:
                    self._collect(doc["id"])

    def _collect(self, batch_id: str) -> None:
        with self.store.transaction() as db:
            if self.store.change_batch(batch_id, {"inactive"}, db, status="deleted") is None:
                return
            stored = [*take_out(db, "output", batch=batch_id), *take_out(db, "file", batch=batch_id)]
        self.store.drop_bytes(*stored)

    def _pause(self) -> None:
        if self._stop.wait(self.delay):
            raise _Aborted

    def promote(self, batch_id: str) -> None:
        """Bring one batch from COMPLETE to its end."""
        try:
            if (result := self.profiles.done(batch_id)) is None:
                self._pause()
                self._trouble(batch_id)
                if self.store.change_batch(batch_id, IN_PROGRESS, status="staging", started=now_ms()) is None:
                    return
                self._pause()
                result = self._ingest(batch_id)
            self._finish(batch_id, result)
        except _Aborted:
            return

    def _trouble(self, batch_id: str) -> None:
        """Stalled and retried batches, on request."""
        if self._strikes("stall"):
            self.store.change_batch(batch_id, IN_PROGRESS, status="stalled")
            raise _Aborted
        if self._strikes("retry"):
            self.store.change_batch(batch_id, IN_PROGRESS, status="retrying")
            self._stop.wait(max(self.delay, 0.2))

    def _strikes(self, fault: str) -> bool:
        """Whether a fault on request strikes now; it is used up by that."""
        with self._changed:
            struck = self.stalls[fault] > 0
            self.stalls[fault] -= struck
        return struck

    def _ingest(self, batch_id: str) -> dict[str, Any]:
        """Read, check and keep the batch's records; what becomes of the batch."""
        doc = self.store.batch(batch_id)
        if doc is None:
            raise _Aborted
        dataset_id = doc["relatedObjects"][0]["id"]
        dataset = self.store.resource(None, "dataSets", dataset_id) or {}
        schema, fault = None, ""
        try:
            schema = self.schemas.get((dataset.get("schemaRef") or {}).get("id"))
        except SchemaError as error:
            fault = str(error)
        tags = dataset.get("tags") or {}
        run = _BatchRun(self, doc, schema, tags, fault)
        enabled = has_flag(tags, "unifiedProfile", "enabled") and doc["inputFormat"]["format"] != "csv"
        target = target_of(dataset_id, schema, has_flag(tags, "unifiedProfile", "isUpsert"))
        self.profiles.discard(batch_id)  # of a try that failed
        skipped = 0
        try:
            for records in run.good():
                if self._stop.is_set() or (self.store.batch(batch_id) or {}).get("status") not in IN_PROGRESS:
                    raise _Aborted
                if enabled:
                    skipped += self.profiles.add(batch_id, target, records)
            result = run.result(skipped)
            self._stage(batch_id, result)
            if result["status"] == "active":
                self.profiles.finish(batch_id, self._predecessors(doc), result)
            else:
                self.profiles.discard(batch_id)
        except BaseException:
            run.discard()
            self.profiles.discard(batch_id)
            raise
        return result

    def _stage(self, batch_id: str, result: dict[str, Any]) -> None:
        """The outcome is decided: the batch is ``staged``, and its outputs belong to it.

        Outputs of an earlier run, which was killed before its outcome was kept, are dropped.
        """
        with self.store.transaction() as db:
            if self.store.change_batch(batch_id, IN_PROGRESS, db, status="staged") is None:
                raise _Aborted
            old = take_out(db, "output", batch=batch_id)
            db.executemany(
                "INSERT INTO output VALUES (:id, :batch, :kind, :name, :bytes, :records, :stored)", result["outputs"]
            )
        self.store.drop_bytes(*old)

    def _predecessors(self, doc: dict[str, Any]) -> list[str]:
        return list((doc.get("replay") or {}).get("predecessors") or [])

    def _finish(self, batch_id: str, result: dict[str, Any]) -> None:
        """Tell the catalog the outcome."""
        self._pause()
        changes = {"status": result["status"], "completed": now_ms(), **result["changes"]}
        with self.store.transaction() as db:
            doc = self.store.change_batch(batch_id, IN_PROGRESS, db, **changes)
            if doc is None:
                return
            if result["status"] == "active":
                for predecessor in self._predecessors(doc):
                    self.store.change_batch(predecessor, {"active", "success"}, db, status="inactive")


class _BatchRun:
    """Reading one batch: counts, errors, and the files that are made of it."""

    def __init__(
        self, ingestion: Ingestion, doc: dict[str, Any], schema: dict[str, Any] | None, tags: dict[str, Any],
        fault: str = "",
    ) -> None:  # fmt: skip
        self.ingestion, self.store, self.doc = ingestion, ingestion.store, doc
        self.schema, self.fault = schema, fault
        unchecked = "disabled" in (tags.get("acp_validationContext") or [])
        self.checked = schema is not None and not unchecked
        self.files = [row for row in self.store.files(doc["id"]) if row["whole"]]
        self.rows = self.out = 0
        self.by_code: Counter[str] = Counter()
        self.file_errors: list[dict[str, Any]] = []
        self.failed_rows = 0
        self.diagnostics = bool(doc.get("tags", {}).get("acp_enableErrorDiagnostics"))
        self.writers: dict[tuple[str, str], _Writer] = {}

    def good(self) -> Any:
        """The good records, chunk by chunk; everything else is counted and written on the way."""
        if self.fault:
            self._file_error("unknown", self.fault)
            return
        total = sum(row["bytes"] for row in self.files)
        if len(self.files) > BATCH_FILES or total > BATCH_BYTES:
            self._file_error(
                "unknown",
                f"Batch ingestion guardrails hit: {len(self.files)} files (over the {BATCH_FILES} threshold); "
                f"{total} bytes (over the {BATCH_BYTES} threshold)",
            )
            return
        if not self.files:
            self._file_error("106", "The dataset file is empty.")
            return
        for number, row in enumerate(self.files):
            if not row["bytes"]:
                self._file_error("106", f"The dataset file is empty: {row['name']}.")
                continue
            try:
                for chunk in self._read(self.store.bytes / row["stored"]):
                    self._take(chunk, number)
                    yield [record for _, record in chunk.records]
            except XdmPrepError as error:
                self._file_error("200", self.store.message_about(row, error))
            except OSError as error:
                if error.errno in NO_ROOM:
                    raise  # it is tried again, and stalls
                self._file_error("unknown", self.store.message_about(row, error))
            except Exception as error:  # a check of the caller's own, or a fault of ours: the batch fails, others go on
                log.exception("batch %s, file %s", self.doc["id"], row["name"])
                self._file_error("unknown", self.store.message_about(row, error))

    def _read(self, path: Path) -> Any:
        options = dict(self.doc["inputFormat"])
        format, multiline = options.pop("format"), bool(options.pop("isMultiLineJson", False))
        if not self.checked:
            return self.ingestion.parse(path, format, multiline, {}, options)
        return self.ingestion.check(path, format, multiline, self.schema or {}, options)

    def _take(self, chunk: CheckedChunk, number: int) -> None:
        self.rows += chunk.rows
        self.out += len(chunk.records)
        data = self._writer("data", f"part-{0:05d}.json")
        for _, record in chunk.records:
            data.add(record)
        for failed in chunk.failed:
            self._fail(failed, number)

    def _fail(self, failed: FailedRecord, number: int) -> None:
        self.failed_rows += 1
        original = [str(error.get("code", "")) for error in failed.errors]
        codes = {BATCH_CODES.get(code, code) for code in original} or {"INGEST-1212-400"}
        self.by_code.update(codes)
        corrupt = codes == {"INGEST-1401-400"}
        try:
            record = None if corrupt else json.loads(failed.raw)
        except ValueError:
            record = None
        shown = record if isinstance(record, dict) else {"_corrupt_record": failed.raw}
        name = f"{'parsing' if corrupt else 'conversion'}_errors_{number}.json"
        short = [
            {"code": ROW_CODES.get(code, code), "message": error.get("message", "")}
            for code, error in zip(original, failed.errors, strict=True)
        ]
        if self.diagnostics:
            self._writer("row_errors", name).add({**shown, "_errors": short, "_filename": name})
        keys = ("keyword", "message", "pointerToViolation", "schemaLocation")
        details = [
            {"causingExceptions": [], **{key: error[key] for key in keys if key in error}} for error in failed.errors
        ]
        self._writer("failed", f"part-{number:05d}.json").add({**shown, "_validationErrors": details})

    def _file_error(self, code: str, description: str) -> None:
        self.file_errors.append({"code": code, "description": description})

    def _writer(self, kind: str, name: str) -> _Writer:
        if (kind, name) not in self.writers:
            self.writers[kind, name] = _Writer(self.store.new_bytes(), self.doc["id"], kind, name)
        return self.writers[kind, name]

    def discard(self) -> None:
        """Throw away what was written."""
        for writer in self.writers.values():
            with contextlib.suppress(OSError):  # what is still to be written has no room, but goes anyway
                writer.close()
            writer.path.unlink(missing_ok=True)

    def result(self, skipped: int) -> dict[str, Any]:
        """What becomes of the batch."""
        percent = float(self.doc.get("tags", {}).get("acp_partialIngestionPercent") or 0)
        too_many = self.failed_rows > 0 and self.failed_rows / max(self.rows, 1) * 100 > percent
        good = not self.file_errors and not too_many
        errors = list(self.file_errors)
        if self.failed_rows and self.diagnostics:
            errors.append({
                "code": "INGEST-1212-400",
                "description": f"Encountered {self.failed_rows} errors in the data. Successfully ingested "
                f"{self.out if good else 0} rows. Review the associated diagnostic files for more details.",
            })  # fmt: skip
            for code, rows in sorted(self.by_code.items()):
                description = DESCRIPTIONS.get(code, f"Rows were refused with {code}.")
                errors.append({"code": code, "description": description, "recordCount": rows})
        elif self.failed_rows:
            errors.append({
                "code": "INGEST-1211-400",
                "description": "Encountered errors while parsing, converting or otherwise validating the data. Turn on "
                "error diagnostics and send the batch again to learn more.",
            })  # fmt: skip
        if self.diagnostics:
            inputs = self._writer("input_files", "part-00000.json")
            for row in self.files:
                inputs.add({"path": row["name"]})
        outputs = []
        for writer in self.writers.values():
            writer.close()
            if writer.kind == "data" and not good:
                writer.path.unlink(missing_ok=True)
            else:
                outputs.append(writer.output())
        data = [output for output in outputs if output["kind"] == "data" and output["records"]]
        kept = self.out if good else 0
        metrics = {
            "inputByteSize": sum(row["bytes"] for row in self.files), "inputFileCount": len(self.files),
            "inputRecordCount": self.rows, "outputRecordCount": kept, "failedRecordCount": self.rows - kept,
            "outputByteSize": sum(output["bytes"] for output in data), "outputFileCount": len(data),
            "partitionCount": len(data),
        }  # fmt: skip
        changes: dict[str, Any] = {"errors": errors} if errors else {}
        if good and self.doc["inputFormat"]["format"] != "csv":
            changes["metrics"] = metrics
        return {"status": "active" if good else "failed", "changes": changes, "outputs": outputs, "skipped": skipped}


class _Writer:
    """One file that ingestion makes, JSON Lines."""

    def __init__(self, path: Path, batch: str, kind: str, name: str) -> None:
        self.path, self.batch, self.kind, self.name = path, batch, kind, name
        self.records = 0
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace")

    def add(self, record: dict[str, Any]) -> None:
        """Write one object."""
        self._file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")
        self.records += 1

    def close(self) -> None:
        """Finish the file."""
        with contextlib.suppress(ValueError):
            self._file.close()

    def output(self) -> dict[str, Any]:
        """Its row in the catalog."""
        return {
            "id": f"{int(time.time() * 1000):013d}-{secrets.token_hex(6)}", "batch": self.batch, "kind": self.kind,
            "name": self.name, "bytes": self.path.stat().st_size, "records": self.records, "stored": self.path.name,
        }  # fmt: skip
