"""Where prepare's time goes: processor time a row of each stage, on one thread, and the floors under it.

Run it as ``stages.py --data DIR [--set crm|purchases] [--rows N]``.

Some blocks of the work set go through the steps that the command runs, several times; the least of each step counts.
A floor is the least that any program in Python pays for that part of the work: reading the bytes, Arrow's CSV
parser on ready blocks, one Arrow ``take`` of the encoder's texts, SHA-256 and writing of the finished bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import worksets

from xdmprep.mapping import MappingSet, map_stream
from xdmprep.read import open_source
from xdmprep.schema import Schema
from xdmprep.validate import check_stream
from xdmprep.write.encode import Encoder

BLOCKS, PASSES = 4, 6


def least(work: Callable[[], Any]) -> float:
    """Processor seconds of this thread for `work`, the least of several passes."""
    return min(timed(work)[0] for _ in range(PASSES))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of this thread for `work`, and what it gave."""
    start = time.thread_time()
    made = work()
    return time.thread_time() - start, made


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=sorted(worksets.MAKERS), default="crm")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    given.data.mkdir(parents=True, exist_ok=True)
    source = worksets.data(given.set, given.rows, given.data)
    schema_file, mapping_file = worksets.side_files(given.set, given.data)
    schema = Schema.load(schema_file)
    stream = check_stream(map_stream(open_source(source), MappingSet.load(mapping_file), schema), schema, "strict")
    encoder = Encoder(stream.leaves)

    def cut() -> list[Any]:
        return list(itertools.islice(stream.source(), BLOCKS))

    seconds: dict[str, list[float]] = {}
    chunks: list[Any] = []
    for _ in range(PASSES):
        spent, chunks = timed(cut)
        seconds.setdefault("cut (blocks that end at a record's end)", []).append(spent)
        raw = [bytes(block.data) for block in chunks]
        names = ("read (CSV to columns of text)", "map (types, dates, calculated values)", "check (strict rule set)")
        for name, step in zip(names, stream.steps, strict=True):
            spent, chunks = timed(lambda step=step, chunks=chunks: [step(chunk) for chunk in chunks])  # type: ignore[misc]
            seconds.setdefault(name, []).append(spent)
        spent, texts = timed(lambda chunks=chunks: [encoder.encode(c.records, None, c.source) for c in chunks])  # type: ignore[misc]
        seconds.setdefault("encode (JSON)", []).append(spent)
    rows = sum(len(chunk) for chunk in chunks)
    stages = {name: min(values) for name, values in seconds.items()}
    text = b"".join(texts)
    scratch = given.data / "stages.scratch"
    floors = {
        "read the file's bytes": least(lambda: _read(source, sum(map(len, raw)))),
        "Arrow's CSV parser, ready blocks": least(lambda: [_parsed(block, chunks[0].source.schema) for block in raw]),
        "one take of the texts, ready indexes": _take_floor(text, rows, len(encoder._columns)),
        "SHA-256 of the JSON": least(lambda: hashlib.sha256(text).digest()),
        "write of the JSON": least(lambda: _write(scratch, text)),
    }
    scratch.unlink()
    print(f"### {given.set}, {rows:,} rows in {BLOCKS} blocks: {sum(map(len, raw)) / rows:.0f} bytes of CSV a row, "
          f"{len(text) / rows:.0f} of JSON\n\n| part | µs a row |\n|---|---|")  # fmt: skip
    for name, spent in stages.items():
        print(f"| {name} | {spent / rows * 1e6:.2f} |")
    print(f"| all of these | {sum(stages.values()) / rows * 1e6:.2f} |\n\n| floor | µs a row |\n|---|---|")
    for name, spent in floors.items():
        print(f"| {name} | {spent / rows * 1e6:.2f} |")


def _read(path: Path, size: int) -> None:
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(5 << 20)
        while size > 0 and (got := file.readinto(buffer)):
            size -= got


def _parsed(block: bytes, columns: pa.Schema) -> pa.Table:
    return arrow_csv.read_csv(
        pa.BufferReader(block),
        arrow_csv.ReadOptions(use_threads=False, column_names=columns.names, block_size=1 << 30),
        arrow_csv.ParseOptions(newlines_in_values=True),
        arrow_csv.ConvertOptions(column_types=dict.fromkeys(columns.names, pa.string()), check_utf8=False),
    )


def _take_floor(text: bytes, rows: int, leaves: int) -> float:
    """A take of as many texts as the records have, cut evenly from the same bytes, a block's worth at a time."""
    count = 2 * leaves * rows // BLOCKS
    data = text[: len(text) // BLOCKS]
    offsets = np.linspace(0, len(data), count + 1).astype(np.int32)
    pool = pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
    order = pa.array(np.arange(count, dtype=np.int32))
    return least(lambda: pc.take(pool, order, boundscheck=False)) * BLOCKS


def _write(path: Path, text: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    view = memoryview(text)
    while view:
        view = view[os.write(descriptor, view[: 512 << 10]) :]
    os.close(descriptor)


if __name__ == "__main__":
    main()
