"""Compares what pyarrow, DuckDB and fastavro read in a bucket with the records that a sink was given."""

import base64
import csv
import datetime
import decimal
import gzip
import io
import json
import os
import sys
import tempfile

import duckdb
import fastavro
import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.json
import pyarrow.parquet

endpoint, bucket, state, *topics = sys.argv[1:]
lines, containers, columns = topics
store = pyarrow.fs.S3FileSystem(
    access_key="lab", secret_key="labpass", endpoint_override=endpoint, scheme="http", region="us-east-1"
)
OBJECTS, ROWS = 4, 25
COUNT = OBJECTS * ROWS
UTC = datetime.timezone.utc


def record(n):
    """A record as Python has it; the same rule as in readers.rs."""
    return {
        "n": n * 2**40,
        "small": n - 50,
        "half": n + 0.5,
        "flag": n % 2 == 0,
        "text": f'Ü {n}, "{n}"\nnext',
        "maybe": None if n % 3 == 0 else f"m{n}",
        "raw": bytes([n, 255, 0]),
        "price": decimal.Decimal(n * 25 - 100).scaleb(-2),
        "day": datetime.date(2026, 8, 7) + datetime.timedelta(days=n),
        "at": datetime.datetime(2026, 8, 7, 15, 30, tzinfo=UTC) + datetime.timedelta(milliseconds=1001 * n),
        "tags": [str(n), "x"],
        "inner": {"a": n, "b": None if n % 2 else f"b{n}"},
        "counts": {"one": n, "two": -n},
    }


def as_json(n):
    """The same as Connect's JSON has it."""
    days = lambda day: (day - datetime.date(1970, 1, 1)).days
    one = record(n)
    return one | {
        "raw": base64.b64encode(one["raw"]).decode(),
        "price": float(one["price"]),
        "day": days(one["day"]),
        "at": round(one["at"].timestamp() * 1000),
    }


def expect(what, found, expected):
    for index, (one, other) in enumerate(zip(found, expected)):
        assert one == other, f"{what}: row {index} is {one!r} instead of {other!r}"
    assert len(found) == len(expected), f"{what}: {len(found)} rows instead of {len(expected)}"
    print(f"{what}: {len(found)} rows as they were written")


def objects(topic):
    """The bytes of a topic's objects, in the order of their offsets."""
    found = store.get_file_info(pyarrow.fs.FileSelector(f"{bucket}/topics/{topic}/partition=0"))
    names = sorted(one.path for one in found if not one.path.endswith(".manifest"))
    small = state == "written"
    assert len(names) == (OBJECTS if small else 1), names
    assert small or ".0000000099.compacted." in names[0], names
    for name in names:
        with store.open_input_stream(name, compression=None) as stream:
            yield stream.read()


def on_disk(suffix, content):
    file = tempfile.NamedTemporaryFile(suffix=suffix)
    file.write(content)
    file.flush()
    return file


TYPED = pa.schema([
    ("n", pa.int64()),
    ("small", pa.int32()),
    ("half", pa.float64()),
    ("flag", pa.bool_()),
    ("text", pa.string()),
    ("maybe", pa.string()),
    ("raw", pa.binary()),
    ("price", pa.decimal128(9, 2)),
    ("day", pa.date32()),
    ("at", pa.timestamp("ms", tz="UTC")),
])
SQL_TYPES = {
    "n": "BIGINT", "small": "INTEGER", "half": "DOUBLE", "flag": "BOOLEAN", "text": "VARCHAR", "maybe": "VARCHAR",
    "raw": "BLOB", "price": "DECIMAL(9,2)", "day": "DATE", "at": "TIMESTAMP WITH TIME ZONE",
}
TOTAL = (COUNT, sum(record(n)["n"] for n in range(COUNT)))


def typed_parquet(what, files):
    """Parquet with the types of a Connect schema."""
    rows, total = [], [0, 0]
    for content in files:
        table = pyarrow.parquet.read_table(io.BytesIO(content))
        for field in TYPED:
            found = table.schema.field(field.name).type
            assert found == field.type, f"{what}: {field.name} is {found}, not {field.type}"
        rows += [row | {"counts": dict(row["counts"])} for row in table.to_pylist()]
        with on_disk(".parquet", content) as file:
            described = duckdb.sql(f"describe select * from '{file.name}'").fetchall()
            types = {name: kind for name, kind, *_ in described}
            for name, kind in SQL_TYPES.items():
                assert types[name] == kind, f"{what}: {name} is {types[name]} to DuckDB, not {kind}"
            count, added = duckdb.sql(f"select count(*), sum(n) from '{file.name}'").fetchall()[0]
            total[0] += count
            total[1] += added
    expect(f"{what} by pyarrow", rows, [record(n) for n in range(COUNT)])
    assert tuple(total) == TOTAL, total
    print(f"{what} by DuckDB: {total[0]} rows")


def found_parquet(what, files):
    """Parquet whose schema was found in JSON."""
    [content] = files
    table = pyarrow.parquet.read_table(io.BytesIO(content))
    types = {"n": pa.int64(), "half": pa.float64(), "flag": pa.bool_(), "text": pa.string(), "price": pa.float64()}
    for name, kind in types.items():
        assert table.schema.field(name).type == kind, table.schema
    expect(f"{what} by pyarrow", table.to_pylist(), [as_json(n) for n in range(COUNT)])
    with on_disk(".parquet", content) as file:
        total = duckdb.sql(f"select count(*), sum(n) from '{file.name}'").fetchall()[0]
    assert total == TOTAL, total


def avro(what, files):
    rows, kinds = [], set()
    for content in files:
        reader = fastavro.reader(io.BytesIO(content))
        kinds.add(json.dumps(reader.writer_schema, sort_keys=True))
        rows += list(reader)
    assert len(kinds) == 1, kinds
    expect(f"{what} by fastavro", rows, [record(n) for n in range(COUNT)])


def json_lines(what, files):
    rows, total = [], [0, 0]
    for content in files:
        text = gzip.decompress(content)
        assert text.endswith(b"\n")
        rows += [json.loads(line) for line in text.splitlines()]
        table = pyarrow.json.read_json(io.BytesIO(text))
        assert table.schema.field("n").type == pa.int64() and table.num_rows == ROWS, table.schema
        with on_disk(".json.gz", content) as file:
            count, added = duckdb.sql(f"select count(*), sum(n) from read_json('{file.name}')").fetchall()[0]
            total[0] += count
            total[1] += added
    expect(f"{what} by Python", rows, [as_json(n) for n in range(COUNT)])
    assert tuple(total) == TOTAL, total
    print(f"{what} by DuckDB: {total[0]} rows")


def comma_separated(what, files, expected):
    """CSV, whose fields are texts; `expected` is what they say."""
    [content] = files
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    parsed = []
    for row in rows:
        one = {name: row[name] for name in ("text", "raw")}
        one |= {name: int(row[name]) for name in ("n", "small")}
        one |= {"half": float(row["half"]), "price": float(row["price"]), "flag": row["flag"] == "true"}
        one |= {"maybe": row["maybe"] or None}
        one |= {name: json.loads(row[name]) for name in ("tags", "inner", "counts")}
        one |= {name: row[name] for name in ("day", "at")}
        parsed.append(one)
    expect(f"{what} by Python", parsed, [dict(expected(n)) for n in range(COUNT)])
    table = pyarrow.csv.read_csv(
        io.BytesIO(content), parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
    )
    assert table.num_rows == COUNT and table.schema.field("n").type == pa.int64(), table.schema
    with on_disk(".csv", content) as file:
        sheet = duckdb.sql(f"select count(*), sum(n) from read_csv('{file.name}', header=true, new_line='\\n')")
        total = sheet.fetchall()[0]
    assert total == TOTAL, total
    print(f"{what} by DuckDB: {total[0]} rows")


def plain(n):
    one = as_json(n)
    return one | {"day": str(one["day"]), "at": str(one["at"])}


def iso(n):
    one, own = as_json(n), record(n)
    at = own["at"].strftime("%Y-%m-%dT%H:%M:%S")
    millis = own["at"].microsecond // 1000
    fraction = f".{millis:03}".rstrip("0").rstrip(".") if millis else ""
    return one | {"day": own["day"].isoformat(), "at": f"{at}{fraction}Z"}


if state == "written":
    json_lines("JSON", objects(lines))
    avro("Avro", objects(containers))
    typed_parquet("Parquet", objects(columns))
elif state == "parquet":
    found_parquet("Parquet of JSON", objects(lines))
    typed_parquet("Parquet of Avro", objects(containers))
    typed_parquet("Parquet of Parquet", objects(columns))
else:
    comma_separated("CSV of JSON", objects(lines), plain)
    comma_separated("CSV of Avro", objects(containers), plain)
    comma_separated("CSV of Parquet", objects(columns), iso)

# Everything is compared. The libraries' threads end in no order with the interpreter and abort it now and then.
sys.stdout.flush()
os._exit(0)
