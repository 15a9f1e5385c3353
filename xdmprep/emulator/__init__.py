"""The batch ingestion API on localhost: catalog, lake and profile store, strict as far as the sources say.

What the platform does not document is listed in ``xdmprep/docs/emulator.md``.
"""

from __future__ import annotations

from .server import Emulator

__all__ = ["Emulator"]
