"""``spark_json.py IN OUT``: PySpark on two local cores, structs, write.json."""

import sys

from layout import header
from pyspark.sql import SparkSession
from sql import Record, column_types

source, out = sys.argv[1:3]
kinds = column_types(source)
schema = ", ".join(f"`{name}` {kinds[name].replace('VARCHAR', 'STRING')}" for name in header(source))
record = Record(
    source,
    lambda members: "named_struct(" + ", ".join(f"'{key}', {text}" for key, text in members.items()) + ")",
    lambda items: f"filter(array({', '.join(items)}), x -> x IS NOT NULL)",
)
spark = (
    SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.ansi.doubleQuotedIdentifiers", "true").config("spark.sql.ansi.enabled", "true")
    .getOrCreate()
)  # fmt: skip
frame = spark.read.csv(source, schema=schema, header=True, quote='"', escape='"')
frame.createOrReplaceTempView("source")
spark.sql(f"SELECT {record.top()} FROM source".replace('"', "`")).write.json(out)
spark.stop()
