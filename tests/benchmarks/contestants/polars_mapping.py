"""``polars_mapping.py IN OUT``: the 40 mappings of the job `mapping` as polars expressions; absent values are null.

Polars has no SHA-256: it is computed by Python's hashlib over the column (``map_batches``), as its users do.
"""

import hashlib
import sys

import polars as pl
from frames import scan, value
from layout import Field, columns, layout_of

kinds = columns(layout_of(sys.argv[1]))


def digests(texts: pl.Series) -> pl.Series:
    """SHA-256 of each text."""
    found = [None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in texts]
    return pl.Series(texts.name, found, dtype=pl.String)


col = pl.col
parts = {name.lower(): value(Field((), name, kind)) for name, kind in kinds.items()}
parts |= {f"constant{number}": pl.lit(f"value {number}") for number in range(4)}
parts |= {
    "fullName": pl.concat_str(col("F_NAME").fill_null(""), pl.lit(" "), col("L_NAME").fill_null("")),
    "shout": col("L_NAME").str.to_uppercase(),
    "handle": col("F_NAME").str.to_lowercase(),
    "adult": pl.when(col("LOYALTY") >= 100000).then(pl.lit("gold")).otherwise(pl.lit("basic")),
    "hemisphere": pl.when(col("LAT") >= 0).then(pl.lit("north")).otherwise(pl.lit("south")),
    "joined": value(Field((), "CREATED_AT", "timestamp")),
    "region": col("COUNTRY").replace_strict({"US": "Americas", "JP": "Asia"}, default="Europe"),
    "salutation": col("TITLE").replace_strict({"Dr": "Doctor", "Rev": "Reverend"}, default="other"),
    "phoneDigits": col("PHONE").str.replace_all("-", "", literal=True),
    "emailHash": col("EMAIL").map_batches(digests, return_dtype=pl.String),
    "idWords": col("ID1").str.split("-").list.join(" "),
    "birthYear": col("DOB").str.slice(0, 4).cast(pl.Int32),
    "zip3": col("ZIP").str.slice(0, 3),
    "place": pl.coalesce("CITY", "STATE"),
    "plus": col("LOYALTY").fill_null(0) + 500,
}
scan(sys.argv[1]).select(pl.struct(**parts).alias("_acme")).sink_ndjson(sys.argv[2])
