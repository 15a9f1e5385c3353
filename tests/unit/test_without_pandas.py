"""Commands load pyarrow without pandas, which can be imported later."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from xdmprep.cli.arrow_runtime import without_pandas
without_pandas()
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
print(pa.array(np.ma.array([1, 2], mask=[True, False])).to_pylist())
print(pc.round(pa.array([1.25]), ndigits=1, round_mode="half_up").to_pylist())
table = pa.table({"a": pa.array([1, 2]), "b": pa.array(np.arange(2))})
print("pandas" in sys.modules)
frame = table.to_pandas()
print("pandas" in sys.modules, frame["a"].sum(), pa.Array.from_pandas(frame["b"]).to_pylist())
"""


def test_pyarrow_loads_lean_and_all_still_works() -> None:
    shown = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == ["[None, 2]", "[1.3]", "False", "True 3 [0, 1]"]
