"""Validation: finds what is wrong with each record before the platform refuses it.

One tree of checks (:mod:`.node`), compiled from the schema and the rule set, checks columns and single records alike.
Files are opened by :mod:`.opening`, which loads on its own.
"""

from .checks import check_record, check_stream, compile_checks, issue_pointer
from .ruleset import Rules

__all__ = ["Rules", "check_record", "check_stream", "compile_checks", "issue_pointer"]
