"""``polars_text.py IN OUT``: polars builds the JSON text by concat_str, absent values left out."""

import sys

from frames import scan, text
from layout import layout_of, tree

line = text(tree(layout_of(sys.argv[1]))).alias("line")
scan(sys.argv[1]).select(line).sink_csv(
    sys.argv[2], include_header=False, quote_style="never", separator="\x01", line_terminator="\n"
)
