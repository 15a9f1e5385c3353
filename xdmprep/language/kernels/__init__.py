"""Kernels: what works on whole columns.

Importing this puts them into the table of functions (see :mod:`.table`).  ``texts``,
``numbers``, ``dates`` and ``regexes`` know nothing of the language: they take and give Arrow arrays.
"""

from . import analytics, choices, collections, json_objects, moments, operators, strings, urls
from .table import Body, Constants, Kernel, Rows, attempted, lifted, truths

__all__ = [
    "Body", "Constants", "Kernel", "Rows", "analytics", "attempted", "choices", "collections", "json_objects", "lifted",
    "moments", "operators", "strings", "truths", "urls",
]  # fmt: skip
