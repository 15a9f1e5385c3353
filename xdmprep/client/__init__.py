"""The client of the batch ingestion API: uploads that resume, batches that are followed to their end."""

from __future__ import annotations

from ..wire import Batch
from .api import Client
from .config import Config
from .series import Series

__all__ = ["Batch", "Client", "Config", "Series"]
