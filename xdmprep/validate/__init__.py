"""Validation: what is wrong with records, for every one of them and before the platform refuses it.

Columns go through kernels (:mod:`.shredded`), single records through functions compiled from the schema
(:mod:`.record`); both give the same verdict.  Files are opened by :mod:`.opening`, which loads on its own.
"""

from .checks import check_record, check_stream, compile_checks, issue_pointer
from .ruleset import Rules

__all__ = ["Rules", "check_record", "check_stream", "compile_checks", "issue_pointer"]
