"""Validation: what is wrong with records, for every one of them and before the platform refuses it.

One tree of checks (:mod:`.node`), compiled from the schema and the rule set, judges columns and single records alike.
Files are opened by :mod:`.opening`, which loads on its own.
"""

from .checks import check_record, check_stream, compile_checks, issue_pointer
from .ruleset import Rules

__all__ = ["Rules", "check_record", "check_stream", "compile_checks", "issue_pointer"]
