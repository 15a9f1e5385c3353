"""The inner loops: one interface, in C and without a compiler, chosen once.

::

    from .. import kernels

    ends = kernels.active.line_ends(data, size)

Callers ask `active` anew at each call; which implementation it is makes no difference to what they get.
"""

from __future__ import annotations

from . import _numpy, native
from .interface import Kernels

__all__ = ["Kernels", "active", "compiled", "plain"]

plain: Kernels = _numpy
compiled: Kernels | None = None
if native.compiled is not None:
    from . import _c

    compiled = _c
active: Kernels = compiled or plain
