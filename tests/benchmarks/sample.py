"""prepare beside plain pandas + json.dumps on a file made of the CRM sample.

Run it as ``sample.py [ROWS] [SAMPLE.csv] [ROUNDS]``.

The file repeats the sample's rows until there are ROWS (200,000).  xdmprep maps, checks and sets faulty rows aside; the
script only nests and writes.  Prints rows per second, peak memory and the ratio, the two in turns.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCHEMAS = Path(__file__).parents[2] / "schemas"

PLAIN = """
import json, sys
import pandas as pd
frame = pd.read_csv(sys.argv[1], dtype=str, keep_default_na=False)
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for row in frame.itertuples(index=False):
        ids = {"CRMID": [{"id": row.ID1, "primary": False}], "LOYALTYID": [{"id": row.ID3, "primary": True}],
               "ECID": [{"id": row.ID2, "primary": False}, {"id": row.ID4, "primary": False}],
               "Email": [{"id": row.EMAIL, "primary": False}]}
        record = {
            "person": {"name": {"courtesyTitle": row.TITLE, "firstName": row.F_NAME, "lastName": row.L_NAME},
                       "gender": row.GENDER, "birthDate": row.DOB, "birthDayAndMonth": row.MONTH_AND_DATE,
                       "birthYear": int(row.YOB)},
            "identityMap": ids, "homePhone": {"number": row.PHONE}, "personalEmail": {"address": row.EMAIL},
            "homeAddress": {"street1": row.STREET, "city": row.CITY, "stateProvince": row.STATE, "country": row.COUNTRY,
                            "postalCode": row.ZIP,
                            "_schema": {"latitude": float(row.LAT), "longitude": float(row.LONG)}},
        }
        out.write(json.dumps(record, ensure_ascii=False) + "\\n")
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak MiB of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):  # 1: rows were set aside
        raise SystemExit(f"{command[:4]} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    """Make the file, run the two in turns, print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    sample = Path(sys.argv[2]) if len(sys.argv) > 2 else SCHEMAS / "examples" / "crm-profiles.csv"
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        header, *lines = sample.read_text(encoding="utf-8").splitlines(keepends=True)
        source = folder / "rows.csv"
        with source.open("w", encoding="utf-8") as out:
            out.write(header)
            out.writelines(lines[number % len(lines)] for number in range(rows))
        mapping, schema = SCHEMAS / "crm-profile.mapping.yaml", SCHEMAS / "crm-profile.schema.json"
        ours = [sys.executable, "-m", "xdmprep", "prepare", str(source), "--json"]
        ours += ["-m", str(mapping), "-s", str(schema), "-o", str(folder / "out")]
        plain = [sys.executable, "-c", PLAIN, str(source), str(folder / "plain.json")]
        samples = [(measured(ours), measured(plain)) for _ in range(rounds + 1)][1:]
        counts = json.loads((folder / "out" / "manifest.json").read_text(encoding="utf-8"))["counts"]
    for name, at in (("xdmprep prepare (mapped, checked)", 0), ("pandas + json.dumps (unchecked)", 1)):
        wall = statistics.median(pair[at][0] for pair in samples)
        peak = max(pair[at][1] for pair in samples)
        print(f"{name:36} {rows / wall:10,.0f} rows/s   {wall:6.2f} s   peak {peak:5.0f} MiB")
    print(f"speed beside pandas + json.dumps: {statistics.median(b[0] / a[0] for a, b in samples):.1f}x; {counts}")


if __name__ == "__main__":
    main()
