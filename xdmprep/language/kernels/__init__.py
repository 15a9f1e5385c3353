"""Kernels: what works on whole columns.

The table (:mod:`.table`) says which function works on which kinds of columns; the other modules fill it.  ``texts``,
``numbers``, ``dates`` and ``regexes`` know nothing of the language: they take and give Arrow arrays.
"""

from . import analytics, choices, collections, json_objects, moments, operators, strings, urls
from .collections import WALK as walked
from .table import KERNELS, LAMBDAS, LAZY, Constants, Kernel, Rows, attempted, lifted

__all__ = [
    "KERNELS", "LAMBDAS", "LAZY", "Constants", "Kernel", "Rows", "analytics", "attempted", "choices",
    "collections", "json_objects", "lifted", "moments", "operators", "strings", "urls", "walked",
]  # fmt: skip
