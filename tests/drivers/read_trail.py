"""Reads an audit trail with what people have: ARCHIVE. On standard input: the script of `weir audit sql`, a line of dashes,
and one question of SQL per line. Prints JSON: how many records of each event every reader finds, and the answers."""

import glob
import json
import shutil
import sys
import tempfile

import deltalake
import duckdb
import pandas
import polars

archive = sys.argv[1]
views, questions = sys.stdin.read().split("\n----\n")
files = sorted(glob.glob(f"{archive}/v1/*/*/*.parquet"))


def counts(pairs):
    return {event: int(number) for event, number in sorted(pairs)}


def by_delta():
    """delta-rs makes a table of the files as they lie there, by a log of its own: in a copy."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(f"{archive}/v1", copy, dirs_exist_ok=True)
        parts = deltalake.Schema([deltalake.Field(name, "string") for name in ("host", "day")])
        deltalake.convert_to_deltalake(copy, partition_by=parts, partition_strategy="hive")
        return deltalake.DeltaTable(copy).to_pyarrow_table().to_pandas()


connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
connection.execute(views)
readers = {
    "duckdb": connection.execute("SELECT weir_event, count(*) FROM audit GROUP BY 1").fetchall(),
    "pandas": pandas.concat(map(pandas.read_parquet, files)).groupby("weir_event").size().items(),
    "polars": polars.scan_parquet(f"{archive}/v1/**/*.parquet", hive_partitioning=True)
    .group_by("weir_event").len().collect().rows(),
    "delta-rs": by_delta().groupby("weir_event").size().items(),
}
answers = [connection.execute(question).fetchall() for question in questions.splitlines() if question]
print(json.dumps({
    "readers": {reader: counts(pairs) for reader, pairs in readers.items()},
    "answers": answers,
}, default=str))
