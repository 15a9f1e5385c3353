"""Spark DataFrames to checked XDM records, with the stage of one machine inside ``mapInArrow``.

Mapping and checks are compiled once a task and run on Arrow batches; Spark only moves the batches.  :func:`prepare`
writes parts, rejects and a manifest in one pass; :func:`records` and :func:`rejects` give DataFrames.  Driver and
executors need this package; the driver needs the extra ``spark``: ``pip install "xdmprep[spark]"``.
"""

from .job import prepare, validate
from .views import records, rejects

__all__ = ["prepare", "records", "rejects", "validate"]
