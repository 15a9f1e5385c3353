"""JSON records: what one line means, files as blocks of lines, blocks as columns.

One record is one JSON object (RFC 8259) in UTF-8, read strictly (:mod:`.strict`).  It means the same whatever surrounds
around it: in JSON lines or as an element of an array, alone or among others, in any command.
"""
