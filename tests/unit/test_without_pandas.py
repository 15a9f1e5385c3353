"""Commands that never make DataFrames do not import pandas; those that do still can."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from xdmprep.cli.arrow_runtime import without_pandas
without_pandas()
import numpy as np
import pyarrow as pa
table = pa.table({"a": pa.array([1, 2]), "b": pa.array(np.arange(2))})
print("pandas" in sys.modules)
frame = table.to_pandas()
print("pandas" in sys.modules, frame["a"].sum(), pa.Array.from_pandas(frame["b"]).to_pylist())
"""


def test_pyarrow_does_not_import_pandas_and_pandas_still_works() -> None:
    shown = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == ["False", "True 3 [0, 1]"]
