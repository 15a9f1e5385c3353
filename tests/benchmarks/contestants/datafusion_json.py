"""``datafusion_json.py IN OUT``: DataFusion COPY; absent fields left out, array elements null, row order lost.

It has no functions for JSON; members of an object in a text are found by a regular expression.
"""

import sys

import pyarrow as pa
from datafusion import SessionConfig, SessionContext
from layout import header
from sql import Record, column_types

source, out = sys.argv[1:3]
types = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64(), "BOOLEAN": pa.bool_()}
kinds = column_types(source)
context = SessionContext(SessionConfig().with_target_partitions(2).set(
    "datafusion.sql_parser.enable_ident_normalization", "false"))  # fmt: skip
context.register_csv("source", source, schema=pa.schema([(name, types[kinds[name]]) for name in header(source)]))
record = Record(
    source,
    lambda members: "named_struct(" + ", ".join(f"'{key}', {text}" for key, text in members.items()) + ")",
    lambda items: f"make_array({', '.join(items)})",
    member=lambda column, name: f'regexp_match({column}, \'"{name}": "([^"]*)"\')[1]',
    gathered="array_agg",
    first="first_value",
)
context.sql(f"COPY (SELECT {record.top()} FROM source{record.grouping}) TO '{out}' STORED AS JSON").collect()
