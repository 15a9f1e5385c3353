"""What the functions of `xdmprep.spark` take, refused before anything of Spark is needed."""

from __future__ import annotations

from typing import Any

import pytest

from xdmprep import spark
from xdmprep.errors import UsageError

CALLS: dict[str, Any] = {
    "prepare": lambda frame: spark.prepare(frame, None, "s.json", "out"),
    "validate": lambda frame: spark.validate(frame, "s.json"),
    "records": lambda frame: spark.records(frame, None, "s.json"),
    "rejects": lambda frame: spark.rejects(frame, None, "s.json"),
    "checked": lambda frame: spark.checked(frame, None, "s.json"),
    "diff": lambda frame: spark.diff(frame, frame, "s.json"),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("frame", [None, [{"a": 1}], "crm.csv", object()], ids=lambda frame: type(frame).__name__)
def test_what_is_no_spark_frame_is_named(name: str, frame: object) -> None:
    with pytest.raises(UsageError, match=f"^{name}: .*expected a Spark DataFrame"):
        CALLS[name](frame)


def test_every_public_function_is_here() -> None:
    assert set(CALLS) == {name for name in spark.__all__ if name[0].islower()}
