"""``pandas_json.py IN OUT``: pandas, a loop, json.dumps; nothing is checked."""

import json
import sys
from pathlib import Path

from layout import layout_of
from rowwise import builder, rows

build = builder(layout_of(sys.argv[1]))
with Path(sys.argv[2]).open("w", encoding="utf-8") as out:
    for row in rows(sys.argv[1]):
        out.write(json.dumps(build(row), ensure_ascii=False, separators=(",", ":")) + "\n")
