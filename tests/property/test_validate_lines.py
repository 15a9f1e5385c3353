"""Places in a block of lines, beside numpy's own search."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xdmprep.validate.lines import few


@settings(deadline=None)
@given(st.integers(0, 400), st.sets(st.integers(0, 399)))
def test_few_places_are_found_eight_at_a_time(size: int, places: set[int]) -> None:
    mask = np.zeros(size, bool)
    mask[[place for place in places if place < size]] = True
    assert few(mask).tolist() == np.flatnonzero(mask).tolist()
