"""What every other package builds on: errors, paths, documents, Arrow types, the stream of record batches."""
