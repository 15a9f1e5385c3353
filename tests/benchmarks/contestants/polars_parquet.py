"""``polars_parquet.py IN OUT``: polars, structs, sink_parquet with Snappy; dates stay text, nothing is checked."""

import sys

from frames import scan, top

scan(sys.argv[1]).select(top(sys.argv[1])).sink_parquet(sys.argv[2], compression="snappy")
