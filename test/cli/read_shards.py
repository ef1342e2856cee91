"""Reads a job's directory with DuckDB, pandas and pyarrow; prints what each read as one JSON object."""

import json
import sys

import duckdb
import pandas
import pyarrow.dataset

out, width, documented = sys.argv[1], int(sys.argv[2]), sys.argv[3]

described = duckdb.sql(f"DESCRIBE SELECT * FROM '{out}/*.parquet'").fetchall()
counted = duckdb.sql(
    f"SELECT error_code, count(*) FROM '{out}/*.parquet' GROUP BY error_code ORDER BY error_code NULLS FIRST"
).fetchall()
fixed = duckdb.sql(
    f"SELECT key, label, top5[1].label, len(top5), features::FLOAT[{width}], nats_per_token, width, height"
    f" FROM '{out}/*.parquet' WHERE key = 'animals/cat.jpg'"
).fetchall()[0]

frame = pandas.read_parquet(out)
cat = frame[frame.key == "animals/cat.jpg"].iloc[0]

table = pyarrow.dataset.dataset(out).to_table()

print(
    json.dumps(
        {
            "duckdb": {
                "types": {name: kind for name, kind, *_ in described},
                "counts": counted,
                "documented": duckdb.sql(documented).fetchall(),
                "cat": [*fixed[:4], list(fixed[4]), *fixed[5:]],
            },
            "pandas": {
                "rows": len(frame),
                "features": [str(cat.features.dtype), list(cat.features.shape), cat.features.astype(float).tolist()],
                "top": cat.top5[0]["label"],
                "failed": frame[frame.error_code.notna()].key.tolist(),
            },
            "pyarrow": {
                "rows": table.num_rows,
                "types": {field.name: str(field.type) for field in table.schema},
                "keys": table["key"].to_pylist(),
            },
        }
    )
)
