"""For the tests of those who use xdmprep: a Hypothesis strategy for records, and a pytest fixture with the emulator.

The fixture ``xdm_emulator`` is there in every pytest run where xdmprep is installed (:mod:`xdmprep.testing.plugin`).
Both need the extra ``testing``: ``pip install "xdmprep[testing]"``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..errors import needed_by
from ..sample import invalid_sample, sample
from ..schema import Schema, as_schema

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def records(schema: Schema | str | os.PathLike[str], valid: bool = True) -> SearchStrategy[Any]:
    """A Hypothesis strategy for the records of a schema.

    Args:
        schema: a Schema or a path.
        valid: records that the schema accepts; False gives pairs of a record that it refuses and the
            :class:`~xdmprep.errors.Issue` that says why.

    Returns:
        A strategy of dicts, or of pairs; it shrinks towards records with few fields.

    Raises:
        SchemaError: the schema cannot be read.
        MissingDependencyError: Hypothesis is not installed.

    Examples:
        >>> from hypothesis import given
        >>> from xdmprep.testing import records
        >>> @given(records(schema))
        ... def test_that_records_are_valid(record):
        ...     assert not schema.check(record)
        >>> test_that_records_are_valid()
    """
    with needed_by("xdmprep.testing.records"):
        from hypothesis import strategies as st
    loaded = as_schema(schema)

    def made(seed: int, tenths: int) -> Any:
        make = sample if valid else invalid_sample
        (one,) = make(loaded, 1, seed=seed, fill=tenths / 10)
        return one

    return st.builds(made, st.integers(0, 2**32 - 1), st.integers(0, 10))


__all__ = ["records"]
