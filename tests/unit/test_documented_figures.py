"""Limits and defaults: what the pages say is what the code has."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

import xdmprep as xp
from xdmprep import wire
from xdmprep.cli import printer
from xdmprep.cli import xdmprep as command_line
from xdmprep.client import Client, answer, config, mappings, registry, row_errors, session, upload
from xdmprep.core import losses, remote, stream, transport
from xdmprep.core.ndjson import blocks, fields, strict
from xdmprep.emulator import Emulator, app, ingest, profiles, responses
from xdmprep.emulator import mappings as emulated
from xdmprep.language import evaluation, grammar
from xdmprep.language.functions import agents
from xdmprep.mapping import forms, groups
from xdmprep.pipeline import prepare, upsert
from xdmprep.read import csv, ndjson
from xdmprep.report import page as report
from xdmprep.schema import model, resolve
from xdmprep.spark import task
from xdmprep.validate import platform
from xdmprep.write import parquet, parts

KB, MB = 1 << 10, 1 << 20
OUTPUT, SETTINGS = parts.WriteOptions(), config.Config()


def options(command: str) -> dict[str, click.Parameter]:
    """The options of a command, by name."""
    found = command_line.get_command(click.Context(command_line), command)
    assert found is not None
    return {str(one.name): one for one in found.params}


def default(command: str, option: str) -> float:
    return options(command)[option].default


#: page: what it says, and the figures there.
SAID: dict[str, list[tuple[str, tuple[float | str, ...]]]] = {
    "upload": [
        ("Files up to {} MB are sent with one PUT", (wire.SMALL_FILE_BYTES / MB,)),
        ("| `timeout` | {} | time without a byte", (SETTINGS.timeout,)),
        ("| `retries` | {} | tries of one request", (SETTINGS.retries,)),
        ("| `deadline` | {}, for a file plus one second per 100,000 bytes", (session.DEADLINE,)),
        ("`XDMPREP_TIMEOUT`, ... | {}, {}, {}, {} and more",
         (SETTINGS.timeout, SETTINGS.retries, SETTINGS.backoff, session.DEADLINE)),
        ("Headers have at most {} KB, responses {} MB uncompressed and {} levels",
         (transport.HEAD_BYTES / KB, answer.ANSWER_BYTES / MB, answer.DEPTH)),
        *(("listings {} pages", (pages,)) for pages in (mappings.PAGES, registry.PAGES, row_errors.PAGES)),
        ("a schema {} components", (registry.COMPONENTS,)),
        ("a secret of fewer than {} characters is not masked", (session.SECRET_IN_DATA,)),
    ],
    "emulator": [
        ("A PUT may have up to {} MiB (413 above), a PATCH {} bytes, other bodies {} MB",
         (wire.SMALL_FILE_BYTES / MB, wire.CHUNK_BYTES, app.JSON_BYTES / 1e6)),
        ("an expression has at most {} characters", (emulated.EXPRESSION_CHARACTERS,)),
        ("fragments of all linked identities, up to {},", (profiles.GRAPH_LIMIT,)),
        ("limited in size and depth ({} levels)", (responses.DEPTH,)),
    ],
    "output": [
        ("`--max-bytes` ({}; the platform takes {} MB in one request)",
         (OUTPUT.max_bytes, parts.PLATFORM_MAX_BYTES / 1e6)),
        ("More than {} parts, 1 TB in total, or {} fields per record are refused",
         (parts.PLATFORM_MAX_FILES, parts.PLATFORM_MAX_FIELDS)),
        ("compression is {}. A row group holds {} MiB", (OUTPUT.compression.title(), OUTPUT.group_bytes / MB)),
        ("in the first {} records have a dictionary", (parquet._SAMPLE_ROWS,)),
        ("Lines of more than {} characters and messages of more than {} are truncated",
         (printer.MAX_LINE, printer.MAX_MESSAGE)),
    ],
    "csv": [
        ("streamed in blocks of {} MB", (csv.CsvOptions().block_bytes / MB,)),
        ("types are inferred from the first {} MiB", (ndjson.SAMPLE_BYTES / MB,)),
        ("does not answer within {} seconds, or sends less than {} KiB per second",
         (remote.ANSWER_SECONDS, remote.LEAST_SPEED / KB)),
        ("has more than {} MiB; it is skipped", (csv.MAX_RECORD_BYTES / MB,)),
    ],
    "patches": [
        ("At most {} records make one batch", (upsert.MAX_RECORDS,)),
        ("The first {} records (`--trial N`)", (default("diff", "trial"),)),
    ],
    "mapping": [
        ("Rows are held in memory up to {} MB", (groups.MEMORY / MB,)),
        ("in chunks of {} MB ({} KB a column in tables of more than 256 columns, at most {} MB)",
         (stream._BYTES / MB, stream._COLUMN_BYTES / KB, stream._MOST_BYTES / MB)),
        ("a map if there are more than {} keys", (fields.MAP_KEYS,)),
        ("expressions above {} characters are listed", (forms.MAX_EXPRESSION,)),
    ],
    "validation": [
        ("a table of up to {} findings", (report.ROWS,)), ("a table of up to {} findings", (prepare.KEPT_FINDINGS,)),
        ("more than {} levels of objects and arrays, a number beyond the range of a double (`1e400`), an integer of "
         "more than {} digits", (strict.MAX_DEPTH, strict.MAX_DIGITS)),
        ("a record of more than {} MiB, which is not read", (blocks.MAX_RECORD_BYTES / MB,)),
    ],
    "schemas": [
        ("nested deeper than {} levels, or with more than {} fields", (resolve.MAX_DEPTH, model.MAX_FIELDS)),
    ],
    "clusters": [
        ("A batch takes {} parts", (wire.BATCH_FILES,)), ("A task holds up to {} MB of rows", (groups.MEMORY / MB,)),
        ("the first {} findings of each partition", (task.KEPT_FINDINGS,)),
    ],
    "performance": [
        ("the last {} answers are cached", (agents.REMEMBERED,)),
        ("a column of more than {} distinct values", (evaluation._WORDS,)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("page", SAID)
def test_the_figures_of_a_page_are_those_of_the_code(page: str) -> None:
    text = (Path(xp.__file__).parent / "docs" / f"{page}.md").read_text(encoding="utf-8")
    words = " ".join(text.split())
    said = [
        form.format(*(one if isinstance(one, str) else f"{one:,.10g}" for one in figures))
        for form, figures in SAID[page]
    ]
    assert [sentence for sentence in said if sentence not in words] == []


#: What the commands call.
CALLED: dict[str, tuple[Callable[..., Any], ...]] = {
    "prepare": (xp.prepare, csv.CsvOptions, parts.WriteOptions), "diff": (xp.write_patch, csv.CsvOptions),
    "validate": (xp.validate, csv.CsvOptions), "mend": (xp.mend,),
    "upload": (upload.UploadOptions, Client.upload, config.Config), "emulate": (Emulator,),
}  # fmt: skip


@pytest.mark.parametrize("command", CALLED)
def test_an_option_has_the_default_of_the_library(command: str) -> None:
    """An option without a default is not passed on, and a flag is off."""
    known, differ, compared = options(command), [], 0
    for called in CALLED[command]:
        for name, parameter in inspect.signature(called).parameters.items():
            option = known.get(name)
            flag = isinstance(option, click.Option) and option.is_flag
            if option is not None and (flag or isinstance(option.default, str | int | float)):
                compared += 1
                if parameter.default != (option.default if isinstance(option.default, bool) or not flag else False):
                    differ.append(name)
    assert differ == (["port"] if command == "emulate" else [])  # the command's can be written down beforehand
    assert compared or command == "mend"


#: What no page says, at the places that have to agree, and at those whose number is a rule of the platform.
SAME = {
    "largest share of values that a field may lose": (
        losses.MAX_LOSS,
        50,
        *(default(command, "max_loss") for command in ("prepare", "diff", "validate")),
    ),
    "largest profile record": (profiles.PROFILE_BYTES, platform.MAX_BYTES["record"], 100 * KB),
    "largest event": (profiles.EVENT_BYTES, platform.MAX_BYTES["time-series"], 10 * KB),
    "characters of an expression": (forms.MAX_EXPRESSION, grammar.MAX_LENGTH, emulated.EXPRESSION_CHARACTERS),
    "records of an upsert batch": (upsert.MAX_RECORDS, wire.UPSERT_RECORDS_ADVISED),
    "bytes of a batch": (parts.PLATFORM_MAX_BATCH_BYTES, wire.BATCH_BYTES, 1 << 40),
    "files of a batch": (parts.PLATFORM_MAX_FILES, wire.BATCH_FILES),
    "files of a batch that are recommended": (wire.BATCH_FILES_ADVISED, 10_000),
    "bytes of a batch that are recommended": (wire.BATCH_BYTES_ADVISED, 100_000_000_000),
    "seconds between two looks at a batch": (wire.POLL_SECONDS, 120),
    "bytes of a record of JSON": (blocks.MAX_RECORD_BYTES, 16 << 20),
    "batches promoted at the same time": (ingest.WORKERS, 2),
    "values of a schema with its references resolved": (resolve.MAX_SIZE, 2_000_000),
    "characters that escape and stand for null in CSV files": (OUTPUT.csv_escape + OUTPUT.csv_null, '"'),
}


@pytest.mark.parametrize("what", SAME)
def test_figures_that_must_agree(what: str) -> None:
    assert len(set(SAME[what])) == 1
