"""``schema_rs.py IN OUT``: orjson reads each line of NDJSON, jsonschema-rs checks it; OUT gets the counts.

The schema is ``SET.schema.json`` beside IN, SET being the file name up to the first hyphen.
"""

import json
import sys
from pathlib import Path

import jsonschema_rs
import orjson

source = Path(sys.argv[1])
schema = json.loads((source.parent / f"{source.name.split('-')[0]}.schema.json").read_text(encoding="utf-8"))
check = jsonschema_rs.Draft7Validator(schema, validate_formats=True)
rows = invalid = 0
with source.open("rb") as lines:
    for line in lines:
        rows += 1
        invalid += not check.is_valid(orjson.loads(line))
Path(sys.argv[2]).write_text(json.dumps({"rows": rows, "invalid": invalid}), encoding="utf-8")
