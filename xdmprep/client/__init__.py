"""The client of the batch ingestion API: uploads that resume, batches that are followed to their end."""

from __future__ import annotations

from ..wire import Batch
from .api import Client, Series
from .config import Config

__all__ = ["Batch", "Client", "Config", "Series"]
