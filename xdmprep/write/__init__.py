"""The writers: single-line JSON, Parquet and CSV parts, what was set aside, and the manifest."""
