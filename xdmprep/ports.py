"""Functions that a lower floor calls and an upper floor provides, so that imports go down only.

The package's face (``xdmprep/__init__``) fills them when the package is first imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import Issue

#: ``Schema.check(record, rules=...)``: set to :func:`xdmprep.validate.check_record` by the face.
check_record: Callable[[Any, Any, str], list[Issue]]
