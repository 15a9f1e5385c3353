"""``pandas_merge.py BEFORE AFTER OUT``: two CRM snapshots merged on their key; the changed columns as NDJSON."""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from layout import columns, layout_of
from rowwise import builder

before, after, out = sys.argv[1:4]
layout = layout_of(before)
kinds = columns(layout)
old, new = (
    pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])[list(kinds)] for path in (before, after)
)
both = old.merge(new, on="ID1", suffixes=("_old", ""))
same = {name: (both[name] == both[f"{name}_old"]) | (both[name].isna() & both[f"{name}_old"].isna())
        for name in kinds if name != "ID1"}  # fmt: skip
changed = ~pd.DataFrame(same).all(axis=1)
# A patch holds the identities and what changed.
identities = {leaf.column for leaf in layout if leaf.path[0] == "identityMap"}
rows = both.loc[changed, list(kinds)].astype(object)
for name in kinds:
    if name not in identities:
        rows[name] = rows[name].where(~same[name][changed], None)
    if kinds[name] in ("number", "integer"):
        rows[name] = pd.to_numeric(rows[name]).astype(object)
rows = rows.where(rows.notna(), None)
build = builder(layout)
with Path(out).open("w", encoding="utf-8") as file:
    row: tuple[Any, ...]
    for row in rows.itertuples(index=False, name=None):
        file.write(json.dumps(build(row), ensure_ascii=False) + "\n")
