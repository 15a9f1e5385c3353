"""The batch API's words: addresses, payloads, statuses, limits.  No input or output happens here.

Client and emulator share only this module, so that a slip here would hide from both; the tests in
``tests/conformance`` hold it against the published API descriptions.

Source of the rules: *Batch Ingestion API Guide*, *Batch ingestion overview* and *troubleshooting*, *Guardrails for data
ingestion*, and Adobe's OpenAPI descriptions of batch ingestion, Catalog and Data Access.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .core.notebook import facts
from .errors import UsageError

PRODUCTION = "https://platform.adobe.io"
IMS = "https://ims-na1.adobelogin.com"
IMPORT = "/data/foundation/import"
CATALOG = "/data/foundation/catalog"
EXPORT = "/data/foundation/export"
REGISTRY = "/data/foundation/schemaregistry"
CONVERSION = "/data/foundation/conversion"  #: Data Prep
PROFILE = "/data/core/ups/access/entities"
TOKEN = "/ims/token/v3"  # noqa: S105  (an address, not a secret)
SCOPES = "openid,session,AdobeID,read_organizations,additional_info.projectedProductContext"

JSON_TYPE = "application/json"
PATCH_TYPE = "application/json-patch+json"
BYTES_TYPE = "application/octet-stream"

FORMATS = ("json", "parquet", "csv")
ACTIONS = ("COMPLETE", "ABORT", "REVERT", "FAIL")
FILE_ACTIONS = ("INITIALIZE", "COMPLETE")

# Limits.  Where old and new pages differ, these are the newest figures.
SMALL_FILE_BYTES = 256 * 1024 * 1024  #: one PUT, at the gateway
CHUNK_BYTES = 512_000_000  #: one PATCH
BATCH_FILES, BATCH_FILES_ADVISED = 25_000, 10_000
BATCH_BYTES, BATCH_BYTES_ADVISED = 1 << 40, 100 * 1000**3
UPSERT_RECORDS_ADVISED = 2_000_000
URL_CHARACTERS = 2_000
LIST_LIMIT = 100
POLL_SECONDS = 120.0

EXPLAIN = {
    "loading": "created; files are being written and COMPLETE has not been called",
    "loaded": "complete; waiting for promotion",
    "queued": "waiting for promotion",
    "staging": "promotion under way",
    "staged": "promotion under way",
    "processing": "promotion under way",
    "retrying": "the service met transient trouble and tries again by itself; nothing to do",
    "stalled": "the service has given up trying; ask Adobe's support, or abort the batch and send it again",
    "active": "ingested and readable",
    "success": "ingested and readable",
    "failed": "nothing of it was ingested; the batch's errors say why",
    "failure": "nothing of it was ingested; the batch's errors say why",
    "aborted": "cancelled by ABORT",
    "abandoned": "the client never called COMPLETE in time",
    "inactive": "reverted, replaced or expired; its data no longer counts",
    "deleted": "its data is gone",
    "archived": "moved to cold storage",
    "retained": "taken out of the lake",
}
GOOD = frozenset({"active", "success"})
BAD = frozenset({"failed", "failure", "aborted", "abandoned"})
FINAL = GOOD | BAD | {"inactive", "deleted", "archived", "retained"}
WAITING = frozenset({"loaded", "queued", "staging", "staged", "processing", "retrying", "stalled"})


@dataclass(frozen=True, slots=True)
class Batch:
    """One ingestion batch as Catalog or the ingestion service describes it; unknown keys stay in `raw`."""

    id: str
    status: str
    dataset_id: str | None = None
    external_id: str | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    errors: tuple[dict[str, Any], ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, data: Mapping[str, Any], batch_id: str | None = None) -> Batch:
        """The batch that a JSON object of the API describes; what is of another type than documented counts as absent.

        An error that is a text, or an object without ``description``, becomes one with it.
        """
        related = data.get("relatedObjects")
        datasets = [
            item["id"] for item in (related if isinstance(related, list) else ())
            if isinstance(item, dict) and item.get("type") == "dataSet" and isinstance(item.get("id"), str)
        ]  # fmt: skip
        errors, metrics, external = data.get("errors"), data.get("metrics"), data.get("externalId")
        found = errors if isinstance(errors, list) else [] if errors in (None, "", {}) else [errors]
        return cls(
            _text(data.get("id")) or batch_id or "",
            _text(data.get("status")).lower(),
            datasets[0] if datasets else None,
            external if isinstance(external, str) and external else None,
            dict(metrics) if isinstance(metrics, dict) else {},
            tuple(item if isinstance(item, dict) else {"description": str(item)} for item in found),
            dict(data),
        )

    def _repr_html_(self) -> str:
        pairs = [
            ("status", f"{self.status}: {self.explanation}"), ("dataset", self.dataset_id),
            ("records read", self.input_records), ("records ingested", self.output_records),
            *((f"error {number}", str(error.get("description") or error.get("code") or error))
              for number, error in enumerate(self.errors[:20], 1)),
        ]  # fmt: skip
        return facts(f"batch {self.id}", pairs)

    @property
    def final(self) -> bool:
        """Terminal status."""
        return self.status in FINAL

    @property
    def ok(self) -> bool:
        """Ingested.  Rows may still have been lost: see `failed_records`."""
        return self.status in GOOD

    @property
    def explanation(self) -> str:
        """What the status means, in one clause."""
        return EXPLAIN.get(self.status, "a status that is not documented")

    @property
    def input_records(self) -> int | None:
        """Records read from the batch's files; None where the platform says nothing (CSV batches)."""
        return _count(self.metrics.get("inputRecordCount"))

    @property
    def output_records(self) -> int | None:
        """Records ingested."""
        return _count(self.metrics.get("outputRecordCount"))

    @property
    def failed_records(self) -> int | None:
        """Records lost: as the platform counts them, else input minus output."""
        failed = _count(self.metrics.get("failedRecordCount"))
        if failed is None and self.input_records is not None and self.output_records is not None:
            return self.input_records - self.output_records
        return failed

    def to_dict(self) -> dict[str, Any]:
        """The batch for ``--json``: what the API said, under stable names."""
        return {
            "id": self.id, "status": self.status, "explanation": self.explanation, "final": self.final, "ok": self.ok,
            "dataset": self.dataset_id, "externalId": self.external_id, "metrics": self.metrics,
            "recordsIn": self.input_records, "recordsOut": self.output_records, "recordsFailed": self.failed_records,
            "errors": list(self.errors),
        }  # fmt: skip


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    """A number of records, which some answers write as a text; None for what is none."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,15}", value):
        return int(value)
    fine = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15 and value == int(value)
    return int(value) if fine else None


# ---- addresses -----------------------------------------------------------------------------------------------------


def id_part(id: str) -> str:
    """An id as a part of an address; UsageError if it is empty, which would address all resources of its kind."""
    if not id.strip():
        raise UsageError("the id is empty. Give the id of one batch, dataset or schema.")
    return quote(id, safe="")


def batch_path(batch_id: str) -> str:
    """Address of a batch at the ingestion service."""
    return f"{IMPORT}/batches/{id_part(batch_id)}"


def file_path(batch_id: str, dataset_id: str, name: str) -> str:
    """Address of a file of a batch; each part of the name is percent-encoded, folders are kept."""
    parts = "/".join(quote(part, safe="=") for part in name.split("/"))
    return f"{batch_path(batch_id)}/datasets/{id_part(dataset_id)}/files/{parts}"


def catalog_batch_path(batch_id: str) -> str:
    """Address of a batch's status in Catalog."""
    return f"{CATALOG}/batches/{id_part(batch_id)}"


def dataset_path(dataset_id: str) -> str:
    """Address of a dataset in Catalog."""
    return f"{CATALOG}/dataSets/{id_part(dataset_id)}"


def mapping_set_path(set_id: str = "") -> str:
    """Address of a mapping set at Data Prep, or of all of them."""
    return f"{CONVERSION}/mappingSets" + (f"/{quote(set_id, safe='')}" if set_id else "")


def export_path(batch_id: str, what: str) -> str:
    """Address of a batch's ``meta``, ``failed`` or ``files`` at Data Access."""
    return f"{EXPORT}/batches/{id_part(batch_id)}/{what}"


_SAFE_PART = re.compile(r"[A-Za-z0-9._=-]+")


def check_file_name(name: str) -> str | None:
    """What is wrong with a batch file's name, or None.

    The platform documents no rule; letters, digits and ``. _ = -`` in folders are known to travel safely.
    """
    parts = name.split("/")
    if not all(_SAFE_PART.fullmatch(part) for part in parts) or any(part.strip(".") == "" for part in parts):
        return f"the file name {name!r} may hold only letters, digits, '.', '_', '=', '-' and '/' between folders"
    return None


# ---- payloads ------------------------------------------------------------------------------------------------------


def create_batch(
    dataset_id: str,
    format: str,
    *,
    multiline: bool = False,
    external_id: str | None = None,
    replay: Iterable[str] = (),
    replay_prefix: str = "",
    percent: float | None = None,
    diagnostics: bool = True,
) -> dict[str, Any]:
    """The body of ``POST /batches``.

    Args:
        dataset_id: the dataset that the batch goes to.
        format: ``json``, ``parquet`` or ``csv``.
        multiline: each JSON file is one array (``isMultiLineJson``).
        external_id: the client's own id of the batch.
        replay: ids of batches that this one replaces.
        replay_prefix: ``"$"`` writes the ids as the OpenAPI description wants them; the guide's answers show bare ids.
        percent: percentage of bad rows that the batch may have (``partialIngestionPercent``).
        diagnostics: keep the errors of single rows (``enableErrorDiagnostics``).

    Returns:
        A JSON object.

    Raises:
        UsageError: the format is none of these.
    """
    if format not in FORMATS:
        raise UsageError(f"format {format!r} is none of {', '.join(FORMATS)}.")
    input_format: dict[str, Any] = {"format": format}
    if multiline:
        input_format["isMultiLineJson"] = True
    body: dict[str, Any] = {"datasetId": dataset_id, "inputFormat": input_format}
    if external_id:
        body["externalId"] = external_id
    predecessors = [replay_prefix + batch for batch in replay]
    if predecessors:
        body["replay"] = {"predecessors": predecessors, "reason": "replace"}
    body["enableErrorDiagnostics"] = diagnostics
    if percent is not None:
        body["partialIngestionPercent"] = percent
    return body


def bare_id(batch_id: str) -> str:
    """A predecessor's id without the ``$`` or ``${...}`` that some descriptions put around it."""
    text = batch_id.strip().removeprefix("$")
    return text[1:-1] if text.startswith("{") and text.endswith("}") else text


def create_dataset(
    name: str,
    schema_id: str,
    *,
    profile: bool = False,
    upsert: bool = False,
    format: str | None = None,
) -> dict[str, Any]:
    """The body of ``POST /dataSets``.

    Args:
        name: the dataset's name.
        schema_id: ``$id`` of its schema.
        profile: enable it for Profile and Identity.
        upsert: enable it for Profile with ``isUpsert`` (implies `profile`).
        format: ``csv`` for an ad-hoc dataset; sets ``fileDescription``.

    Returns:
        A JSON object.
    """
    tags: dict[str, Any] = {}
    if profile or upsert:
        tags["unifiedIdentity"] = ["enabled: true"]
        tags["unifiedProfile"] = ["enabled: true", *(["isUpsert: true"] if upsert else [])]
    schema = {"id": schema_id, "contentType": "application/vnd.adobe.xed+json;version=1"}
    body: dict[str, Any] = {"name": name, "schemaRef": schema, "tags": tags}
    if format:
        body["fileDescription"] = {"persisted": True, "containerFormat": format, "format": format}
    return body


ADHOC = "https://ns.adobe.com/xdm/data/adhoc"  #: behavior of schemas whose fields are the columns of CSV files


def references(node: Any) -> Iterator[str]:
    """Ids of the documents that a schema refers to; references within itself (``#...``) are left out."""
    if isinstance(node, list):
        for part in node:
            yield from references(part)
    elif isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str) and not ref.startswith("#"):
            yield ref.partition("#")[0]
        for key, part in node.items():
            if key not in ("enum", "const", "default", "examples", "meta:descriptors"):
                yield from references(part)


def has_flag(tags: Mapping[str, Any] | None, tag: str, flag: str) -> bool:
    """Whether a dataset's tag holds ``flag: true``, with or without the blank, in any letter case."""
    values = (tags or {}).get(tag) or []
    wanted = f"{flag}:true".lower()
    listed = values if isinstance(values, list) else [values]
    return any(re.sub(r"\s", "", str(value)).lower() == wanted for value in listed)


def takes_upserts(tags: Mapping[str, Any] | None) -> bool:
    """Whether a dataset with these tags is enabled for patches: for Profile with upsert, and for Identity."""
    flags = (("unifiedProfile", "enabled"), ("unifiedProfile", "isUpsert"), ("unifiedIdentity", "enabled"))
    return all(has_flag(tags, tag, flag) for tag, flag in flags)


def enable_upsert(tags: Mapping[str, Any] | None) -> list[list[dict[str, Any]]]:
    """The JSON Patches that enable a dataset with these tags for patches, to be sent in order; none if it is.

    One that is enabled for Profile already cannot just be given the flag: it is disabled first, then enabled again.

    Source: *Enable a dataset for Profile updates using APIs*.
    """
    if takes_upserts(tags):
        return []
    patches = []
    if has_flag(tags, "unifiedProfile", "enabled"):
        patches.append(_set_tags(tags, {"unifiedProfile": ["enabled:false"], "unifiedIdentity": ["enabled:false"]}))
    flags = {"unifiedProfile": ["enabled:true", "isUpsert:true"], "unifiedIdentity": ["enabled:true"]}
    opened = [] if patches or isinstance(tags, Mapping) else [{"op": "add", "path": "/tags", "value": {}}]
    return [*patches, [*opened, *_set_tags(None, flags)]]


def restore_tags(tags: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON Patch that gives a dataset back the Profile tags that it had before :func:`enable_upsert`."""
    return _set_tags(None, {tag: tags[tag] for tag in ("unifiedProfile", "unifiedIdentity") if tag in tags})


def _set_tags(present: Mapping[str, Any] | None, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Operations that set tags: ``replace`` needs one to be there, ``add`` does not (RFC 6902)."""
    return [
        {"op": "replace" if tag in (present or {}) else "add", "path": f"/tags/{tag}", "value": value}
        for tag, value in values.items()
    ]


def content_range(first: int, last: int) -> str:
    """The header ``Content-Range`` of one part of a large file; `last` is included."""
    return f"bytes {first}-{last}"


_RANGE = re.compile(r"bytes +([0-9]{1,18})-([0-9]{1,18})(?:/([0-9]{1,18}|\*))?", re.IGNORECASE)


def parse_content_range(text: str | None) -> tuple[int, int] | None:
    """First and last byte of a ``Content-Range``; None if it is not one.

    The samples of the guide have no ``/total``; where one is given it must be larger than the last byte.

    Source: RFC 9110, 14.4.
    """
    match = _RANGE.fullmatch((text or "").strip(" \t"))
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    if last < first or (match[3] not in (None, "*") and int(match[3]) <= last):
        return None
    return first, last


def parse_received(text: str | None) -> list[tuple[int, int]]:
    """The ranges that the header ``Range`` of a HEAD answer names; empty if there are none or it is not readable."""
    found = re.findall(r"(?<![0-9])([0-9]{1,18})\s*-\s*([0-9]{1,18})(?![0-9])", (text or "")[:65536])
    return sorted((int(a), int(b)) for a, b in found if int(a) <= int(b))


def loads(body: bytes | str) -> Any:
    """The JSON value of a text from another program; ValueError if it is none, not UTF-8, or too deep."""
    try:
        return json.loads(body, parse_constant=no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def no_number(text: str) -> Any:
    """Refuse ``NaN`` and the infinities."""
    raise ValueError(f"{text} is no JSON")


def problem_text(body: bytes | str) -> tuple[str, str | None]:
    """The platform's words and its code in an error's body, whatever shape it has; never raises."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        data = loads(text)
    except ValueError:
        return " ".join(re.sub(r"<[^<>]*>", " ", text[:65536]).split()), None
    if isinstance(data, dict):
        words = [
            data[key]
            for key in ("title", "message", "detail", "errorMessage", "error_description", "error")
            if isinstance(data.get(key), str)
        ]
        report = data.get("report")
        if isinstance(report, dict) and isinstance(report.get("detailed-message"), str):
            words.append(report["detailed-message"])
        codes = (data.get(key) for key in ("error_code", "code", "type"))
        code = next((str(code) for code in codes if isinstance(code, str | int) and code), None)
        return ": ".join(dict.fromkeys(words)), code
    return text, None


def refusal_in(data: Any) -> bool:
    """Whether an answer that should be a success is one of the platform's error objects."""
    if not isinstance(data, dict):
        return False
    status = data.get("status")
    return "error_code" in data or "error" in data or (isinstance(status, int) and status >= 400)


_LOGIN = re.compile(r"//[^\s]*@")


def without_login(text: str) -> str:
    """`text` with the user and the password of each address in it replaced."""
    return _LOGIN.sub("//***@", text)
