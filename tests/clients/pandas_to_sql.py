"""pandas writes 10,000 rows with to_sql and reads them back; SQLAlchemy reflects the table."""
import os

import pandas as pd
import sqlalchemy as sa

e = os.environ
url = sa.URL.create(
    "postgresql+psycopg", e["PGUSER"], e["PGPASSWORD"], e["PGHOST"], int(e["PGPORT"]), e["PGDATABASE"]
)
engine = sa.create_engine(url)
frame = pd.DataFrame(
    {
        "k": range(10_000),
        "x": [i / 7 for i in range(10_000)],
        "name": [f"row {i}" for i in range(10_000)],
        "at": pd.date_range("2024-01-01", periods=10_000, freq="min"),
        "ok": [i % 2 == 0 for i in range(10_000)],
    }
)
assert frame.to_sql("frame", engine, index=False) is not None
back = pd.read_sql("SELECT * FROM frame ORDER BY k", engine)
pd.testing.assert_frame_equal(back, frame, check_dtype=False)
columns = {c["name"]: str(c["type"]) for c in sa.inspect(engine).get_columns("frame")}
assert columns == {"k": "BIGINT", "x": "DOUBLE PRECISION", "name": "TEXT", "at": "TIMESTAMP", "ok": "BOOLEAN"}, columns
with engine.begin() as connection:
    total = connection.execute(sa.text("SELECT sum(k) FROM frame WHERE ok AND k < :top"), {"top": 100})
    assert total.scalar() == sum(range(0, 100, 2))
