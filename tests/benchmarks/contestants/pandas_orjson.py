"""``pandas_orjson.py IN OUT``: pandas, a loop, orjson; nothing is checked."""

import sys
from pathlib import Path

import orjson
from layout import layout_of
from rowwise import builder, rows

build = builder(layout_of(sys.argv[1]))
with Path(sys.argv[2]).open("wb") as out:
    for row in rows(sys.argv[1]):
        out.write(orjson.dumps(build(row), option=orjson.OPT_APPEND_NEWLINE))
