"""``duckdb_json.py IN OUT``: DuckDB COPY, order kept; absent values are written as null, nothing is checked."""

import sys

from duck import copy

copy(sys.argv[1], sys.argv[2], "FORMAT json")
