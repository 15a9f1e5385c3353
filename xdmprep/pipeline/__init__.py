"""The jobs of the library, put together from the packages below: prepare, validate, upsert patches, resubmission."""
