"""Values of every type, as Python has them and as PostgreSQL writes them."""
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

UTC = timezone.utc

# Type, Python's value, PostgreSQL's text.
SCALARS = [
    ("int2", -32768, "-32768"),
    ("int4", 2147483647, "2147483647"),
    ("int8", -9223372036854775808, "-9223372036854775808"),
    ("float4", 0.5, "0.5"),
    ("float8", 1e300, "1e+300"),
    ("float8", float("inf"), "Infinity"),
    ("numeric", Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
    ("numeric", Decimal("-0.00001"), "-0.00001"),
    ("numeric", Decimal("10000"), "10000"),
    ("text", "O'Neill \\ \u00e9 \u6f22 \U0001f600", "O'Neill \\ \u00e9 \u6f22 \U0001f600"),
    ("text", "", ""),
    ("varchar(10)", "ten", "ten"),
    ("bool", True, "true"),
    ("bool", False, "false"),
    ("bytea", b"\x00\xff'\\", "\\x00ff275c"),
    ("date", date(2024, 2, 29), "2024-02-29"),
    ("date", date(1, 1, 2), "0001-01-02"),
    ("time", time(23, 59, 59, 999999), "23:59:59.999999"),
    ("timestamp", datetime(2024, 2, 29, 12, 34, 56, 789012), "2024-02-29 12:34:56.789012"),
    ("timestamptz", datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC), "1999-12-31 23:59:59+00"),
    ("interval", timedelta(days=3, hours=4, microseconds=5), "3 days 04:00:00.000005"),
    ("interval", timedelta(days=-1, seconds=1), "-1 days +00:00:01"),
    ("uuid", UUID("0123e567-e89b-12d3-a456-426614174000"), "0123e567-e89b-12d3-a456-426614174000"),
]

ARRAYS = [
    ("int4[]", [1, None, 3], "{1,NULL,3}"),
    ("int8[]", [], "{}"),
    ("float8[]", [1.5, -0.25], "{1.5,-0.25}"),
    ("text[]", ["a", 'q"', "NULL", "", None], '{a,"q\\"","NULL","",NULL}'),
    ("bool[]", [True, False], "{t,f}"),
    ("numeric[]", [Decimal("1.10"), Decimal("2")], "{1.10,2}"),
    ("date[]", [date(2024, 1, 1)], "{2024-01-01}"),
    ("timestamptz[]", [datetime(2024, 1, 1, tzinfo=UTC)], '{"2024-01-01 00:00:00+00"}'),
    ("uuid[]", [UUID(int=1)], "{00000000-0000-0000-0000-000000000001}"),
]

DOCUMENT = {"a": [1, 2.5, None, True], "\u00e9": {"x": "y"}}

# Ranges: the type, the bounds (None is an empty range), which of them are within, and the text of it and of a multirange
# of it alone.
RANGES = [
    ("int4range", (1, 5), "[)", "[1,5)"),
    ("int8range", (None, 2**40), "()", f"(,{2**40})"),
    ("numrange", (Decimal("1.10"), Decimal("2.5")), "(]", "(1.10,2.5]"),
    ("daterange", (date(2024, 2, 29), date(2024, 3, 1)), "[)", "[2024-02-29,2024-03-01)"),
    ("tsrange", (datetime(2024, 1, 1, 10), None), "[)", '["2024-01-01 10:00:00",)'),
    (
        "tstzrange",
        (datetime(2024, 1, 1, 10, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)),
        "[]",
        '["2024-01-01 10:00:00+00","2024-01-02 00:00:00+00"]',
    ),
    ("int4range", None, "[)", "empty"),
]
