"""The pytest plugin of xdmprep: the fixture `xdm_emulator`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ..emulator import Emulator


@pytest.fixture
def xdm_emulator(request: Any) -> Iterator[Emulator]:
    """A running emulator of the batch ingestion API, empty for each test; its address is `xdm_emulator.url`.

    ``@pytest.mark.parametrize("xdm_emulator", [{"schemas": "schemas/"}], indirect=True)`` gives it arguments.
    """
    from ..emulator import Emulator

    with Emulator(**getattr(request, "param", {})) as server:
        yield server
