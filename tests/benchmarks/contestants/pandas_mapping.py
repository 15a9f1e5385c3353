"""``pandas_mapping.py IN OUT``: the 40 mappings by DataFrame.apply, json.dumps; nothing is checked."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from layout import columns, layout_of

REGIONS = {"US": "Americas", "JP": "Asia"}
TITLES = {"Dr": "Doctor", "Rev": "Reverend"}
kinds = columns(layout_of(sys.argv[1]))
frame = pd.read_csv(sys.argv[1], dtype=str, keep_default_na=False, na_values=[""])[list(kinds)]
for name, kind in kinds.items():
    if kind in ("number", "integer"):
        frame[name] = pd.to_numeric(frame[name])
frame = frame.astype(object)
frame = frame.where(frame.notna(), None)


def convert(kind: str, value: Any) -> Any:
    """A column's value as the record holds it."""
    if value is None:
        return None
    if kind == "integer":
        return int(value)
    if kind == "boolean":
        return value == "true"
    return value.replace(" ", "T") + "Z" if kind == "timestamp" else value


def record(row: Any) -> str:
    """A row's line."""
    out = {name.lower(): convert(kind, row[name]) for name, kind in kinds.items()}
    out |= {f"constant{number}": f"value {number}" for number in range(4)}
    first, last, email, points, lat = (row[name] for name in ("F_NAME", "L_NAME", "EMAIL", "LOYALTY", "LAT"))
    out["fullName"] = (first or "") + " " + (last or "")
    out["shout"] = last.upper() if last else None
    out["handle"] = first.lower() if first else None
    out["adult"] = "gold" if points is not None and points >= 100000 else "basic"
    out["hemisphere"] = "north" if lat is not None and lat >= 0 else "south"
    out["joined"] = row["CREATED_AT"].replace(" ", "T") + "Z" if row["CREATED_AT"] else None
    out["region"] = REGIONS.get(row["COUNTRY"], "Europe")
    out["salutation"] = TITLES.get(row["TITLE"], "other")
    out["phoneDigits"] = row["PHONE"].replace("-", "") if row["PHONE"] else None
    out["emailHash"] = hashlib.sha256(email.encode()).hexdigest() if email else None
    out["idWords"] = " ".join(row["ID1"].split("-"))
    out["birthYear"] = int(row["DOB"][:4]) if row["DOB"] else None
    out["zip3"] = row["ZIP"][:3] if row["ZIP"] else None
    out["place"] = row["CITY"] or row["STATE"]
    out["plus"] = int(points or 0) + 500
    present = {name: value for name, value in out.items() if value is not None}
    return json.dumps({"_acme": present}, ensure_ascii=False, separators=(",", ":"))


lines = frame.apply(record, axis=1)
Path(sys.argv[2]).write_text("\n".join(lines) + "\n", encoding="utf-8")
