"""``arrow_parquet.py IN OUT``: pyarrow reads, nests and writes; clean files only, nothing is checked."""

import sys
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
from layout import Field, Tree, columns, guards, is_array, is_dirty, layout_of, tree

source, out = sys.argv[1:3]
if is_dirty(source):
    raise SystemExit("Arrow's CSV reader ends at the first number that does not parse.")
layout = layout_of(source)
KINDS: dict[str, Any] = {
    "number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "timestamp": pa.timestamp("ms"),
}  # fmt: skip


def value(leaf: Field, batch: Any) -> Any:
    """A leaf's column."""
    column = batch.column(leaf.column)
    if leaf.kind == "date":
        return column.cast(pa.date32())
    if leaf.kind == "year":
        return pc.utf8_slice_codeunits(column, 0, 4).cast(pa.int16())
    if leaf.kind == "month-day":
        return pc.utf8_slice_codeunits(column, 5)
    if leaf.kind in ("true", "false"):
        return pc.if_else(column.is_valid(), pa.scalar(leaf.kind == "true"), pa.scalar(None, pa.bool_()))
    return column


def absent(node: Tree, batch: Any) -> Any:
    """True where all of a node's columns are null."""
    masks = [batch.column(leaf.column).is_null() for leaf in guards(node)]
    whole = masks[0]
    for mask in masks[1:]:
        whole = pc.and_(whole, mask)
    return whole


def nested(node: Tree, batch: Any) -> Any:
    """A node as a struct or list array."""
    if not is_array(node):
        members = [value(m, batch) if isinstance(m, Field) else nested(m, batch) for m in node.values()]
        return pa.StructArray.from_arrays(members, names=list(node), mask=absent(node, batch))
    import numpy as np

    there = np.stack([~absent(member, batch).to_numpy(zero_copy_only=False) for member in node.values()], axis=1)
    items = pa.concat_arrays([nested(member, batch) for member in node.values()])
    places = (np.arange(len(node)) * len(batch) + np.arange(len(batch))[:, None])[there]
    offsets = np.concatenate([[0], there.sum(axis=1).cumsum()]).astype("int32")
    return pa.ListArray.from_arrays(pa.array(offsets), items.take(pa.array(places)))


types = {name: KINDS.get(kind, pa.string()) for name, kind in columns(layout).items()}
options = pcsv.ConvertOptions(column_types=types, strings_can_be_null=True, timestamp_parsers=["%Y-%m-%d %H:%M:%S"])
writer = None
for batch in pcsv.open_csv(source, pcsv.ReadOptions(block_size=4 << 20), convert_options=options):
    members = [value(m, batch) if isinstance(m, Field) else nested(m, batch) for m in tree(layout).values()]
    record = pa.RecordBatch.from_arrays(members, names=list(tree(layout)))
    writer = writer or pq.ParquetWriter(out, record.schema, compression="snappy")
    writer.write_batch(record)
if writer is not None:
    writer.close()
