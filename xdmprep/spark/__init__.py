"""Spark DataFrames to checked XDM records, with the stage of one machine inside ``mapInArrow``.

Mapping and checks are compiled once a task and run on Arrow batches; Spark only moves the batches.  :func:`prepare`
writes parts, rejects and a manifest in one pass; :func:`checked`, :func:`records`, :func:`rejects` and :func:`diff`
give DataFrames.  Driver and executors need this package; the driver needs the extra ``spark``:
``pip install "xdmprep[spark]"``.
"""

from .job import prepare, validate
from .snapshots import Difference, diff
from .views import checked, records, rejects

__all__ = ["Difference", "checked", "diff", "prepare", "records", "rejects", "validate"]
