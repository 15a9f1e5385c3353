"""What every other package stands on: errors, paths, documents, Arrow types, the stream of record batches."""
