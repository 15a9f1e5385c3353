"""The public names: pinned here, so that a change of the face is a decision."""

from __future__ import annotations

import subprocess
import sys

import xdmprep as xp


def test_the_public_names_and_what_they_are() -> None:
    assert sorted(xp.__all__) == xp.__all__
    assert xp.__all__ == [
        "ArrowStage", "CsvOptions", "DataError", "ExcelOptions", "Issue", "Manifest", "MappingError", "MappingSet",
        "PlatformError", "Registry", "Report", "Result", "Schema", "SchemaError", "SourceError", "Stream",
        "XdmPrepError", "diff", "draft_schema", "evaluate", "map_rows", "mend", "prepare", "sample", "validate",
        "write_csv", "write_json", "write_parquet", "write_patch",
    ]  # fmt: skip
    for name in xp.__all__:
        assert callable(getattr(xp, name)), name


def test_a_public_function_survives_the_import_of_the_module_of_its_name() -> None:
    code = (
        "import xdmprep as xp; from xdmprep.pipeline.prepare import Result; from xdmprep.validate import check_stream;"
        "assert callable(xp.prepare) and callable(xp.validate); print('fine')"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "fine\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(xp, "nonsense")
