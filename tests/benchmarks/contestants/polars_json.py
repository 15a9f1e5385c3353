"""``polars_json.py IN OUT``: polars, structs, sink_ndjson; absent values are written as null, nothing is checked."""

import sys

from frames import scan, top

scan(sys.argv[1]).select(top(sys.argv[1])).sink_ndjson(sys.argv[2])
