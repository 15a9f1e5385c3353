"""``duckdb_parquet.py IN OUT``: DuckDB COPY to Parquet with Snappy, order kept; nothing is checked."""

import sys

from duck import copy

copy(sys.argv[1], sys.argv[2], "FORMAT parquet, COMPRESSION snappy", typed=True)
