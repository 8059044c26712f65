//! Arrays as DataFusion makes them, under the types commons gives them; and values in every style.
//! Expectations are PostgreSQL 15's answers for the same values, where it has them.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;

use super::*;
use crate::base::Result;
use crate::types::binary::BinaryColumn;
use crate::types::calendar;

fn shown_in(array: &dyn Array, ty: PgType, style: &Style) -> Vec<String> {
    let column = TextColumn::new(array, ty, style, UNNAMED).expect("fits");
    let show = |row| {
        let mut out = Vec::new();
        match column.write(row, &mut out) {
            Ok(true) => String::from_utf8(out).expect("text is UTF-8"),
            Ok(false) => "NULL".to_owned(),
            Err(error) => format!("{error}"),
        }
    };
    (0..array.len()).map(show).collect()
}

fn shown(array: &dyn Array, ty: PgType) -> Vec<String> {
    shown_in(array, ty, &Style::default())
}

fn sent(array: &dyn Array, ty: PgType, row: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    BinaryColumn::new(array, ty, PLAIN)?.write(row, &mut out)?;
    Ok(out)
}

#[test]
fn width_follows_the_type() {
    let array = UInt64Array::from(vec![1, u64::MAX]);
    assert_eq!(
        shown(&array, PgType::INT8),
        ["1", "bigint out of range (22003)"]
    );
    assert_eq!(
        sent(&array, PgType::INT8, 0).expect("fits"),
        1_i64.to_be_bytes()
    );
    assert_eq!(
        sent(&array, PgType::INT8, 1)
            .expect_err("too large")
            .message(),
        "bigint out of range"
    );
    let array = Int64Array::from(vec![Some(7), None, Some(1 << 40)]);
    assert_eq!(
        shown(&array, PgType::INT4),
        ["7", "NULL", "integer out of range (22003)"]
    );
    assert_eq!(
        sent(&array, PgType::INT4, 0).expect("fits"),
        7_i32.to_be_bytes()
    );
    // An integer sum is numeric in PostgreSQL.
    assert_eq!(shown(&array, PgType::NUMERIC)[2], "1099511627776");
    let array = UInt8Array::from(vec![255]);
    assert_eq!(
        sent(&array, PgType::INT2, 0).expect("fits"),
        255_i16.to_be_bytes()
    );
    let array = Float16Array::from(vec![half_of(1.5)]);
    assert_eq!(shown(&array, PgType::FLOAT4), ["1.5"]);
}

fn half_of(value: f32) -> <Float16Type as ArrowPrimitiveType>::Native {
    <Float16Type as ArrowPrimitiveType>::Native::from_f32(value)
}

#[test]
fn numerics_show_the_digits_their_type_has() {
    let decimal = |precision, scale, value: i128| {
        Decimal128Array::from(vec![value])
            .with_precision_and_scale(precision, scale)
            .expect("valid")
    };
    for (precision, scale, value, ty, want) in [
        (38, 10, 15_000_000_000, PgType::NUMERIC, "1.5000000000"),
        (38, 10, 0, PgType::NUMERIC, "0.0000000000"),
        (38, 10, -1, PgType::NUMERIC, "-0.0000000001"),
        (15, 2, 150, PgType::NUMERIC, "1.50"),
        (12, 2, 0, PgType::numeric(12, 2), "0.00"),
        (38, 10, 15_000_000_000, PgType::numeric(12, 2), "1.50"),
        (38, 10, 19_950_000_000, PgType::numeric(12, 2), "2.00"),
        (10, -2, 123, PgType::NUMERIC, "12300"),
        (1, 0, 5, PgType::numeric(12, 3), "5.000"),
    ] {
        let array = decimal(precision, scale, value);
        assert_eq!(shown(&array, ty), [want], "{precision} {scale} {value}");
    }
    let wide = i256::from_string("-12345678901234567890123456789012345678901234567890");
    let array = Decimal256Array::from(vec![wide])
        .with_precision_and_scale(60, 5)
        .expect("valid");
    assert_eq!(
        shown(&array, PgType::NUMERIC),
        ["-123456789012345678901234567890123456789012345.67890"],
    );
    assert_eq!(
        shown(&array, PgType::numeric(60, 5)),
        ["-123456789012345678901234567890123456789012345.67890"],
    );
    let array = Float64Array::from(vec![0.1, 1e20, f64::NAN, f64::INFINITY]);
    assert_eq!(
        shown(&array, PgType::NUMERIC),
        ["0.1", "100000000000000000000", "NaN", "Infinity"]
    );
}

#[test]
fn times_of_any_unit() {
    let stamp = |array: ArrayRef, ty| shown(&array, ty).concat();
    let seconds = 1_709_210_096;
    for array in [
        Arc::new(TimestampSecondArray::from(vec![seconds])) as ArrayRef,
        Arc::new(TimestampMillisecondArray::from(vec![seconds * 1_000])),
        Arc::new(TimestampMicrosecondArray::from(vec![seconds * 1_000_000])),
        Arc::new(TimestampNanosecondArray::from(vec![
            seconds * 1_000_000_000 + 999,
        ])),
    ] {
        assert_eq!(
            stamp(array.clone(), PgType::TIMESTAMP),
            "2024-02-29 12:34:56"
        );
        assert_eq!(
            sent(&array, PgType::TIMESTAMP, 0).expect("fits"),
            762_525_296_000_000_i64.to_be_bytes()
        );
    }
    let array = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
    assert_eq!(
        stamp(array, PgType::TIMESTAMP),
        "timestamp out of range (22008)"
    );
    let array = Arc::new(Date64Array::from(vec![-1]));
    assert_eq!(stamp(array, PgType::DATE), "1969-12-31");
    let array = Arc::new(Date32Array::from(vec![0]));
    assert_eq!(stamp(array, PgType::TIMESTAMPTZ), "1970-01-01 00:00:00+00");
    let array = Arc::new(Time32MillisecondArray::from(vec![1_500]));
    assert_eq!(stamp(array, PgType::TIME), "00:00:01.5");
    let array = Arc::new(Time64NanosecondArray::from(vec![1_500]));
    assert_eq!(stamp(array, PgType::TIME), "00:00:00.000001");
    let array = Arc::new(DurationSecondArray::from(vec![-90_000]));
    assert_eq!(stamp(array, PgType::INTERVAL), "-25:00:00");
    let array = Arc::new(IntervalYearMonthArray::from(vec![14]));
    assert_eq!(stamp(array, PgType::INTERVAL), "1 year 2 mons");
    let array = Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(
        1, 500,
    )]));
    assert_eq!(stamp(array, PgType::INTERVAL), "1 day 00:00:00.5");
}

#[test]
fn dates_in_every_style() {
    let ides = calendar::days(-43, 3, 14) * calendar::DAY + 65_192_000_000;
    let micros = [1_706_781_600_123_400, ides, i64::MAX];
    let array = TimestampMicrosecondArray::from(micros.to_vec()).with_timezone("UTC");
    let kolkata = Zone::Named(chrono_tz::Asia::Kolkata);
    let (mdy, dmy, ymd) = (DateOrder::Mdy, DateOrder::Dmy, DateOrder::Ymd);
    for (date_style, date_order, time_zone, want) in [
        (
            DateStyle::Iso,
            mdy,
            kolkata,
            [
                "2024-02-01 15:30:00.1234+05:30",
                "0044-03-15 00:00:00+05:53:28 BC",
            ],
        ),
        (
            DateStyle::Postgres,
            mdy,
            kolkata,
            [
                "Thu Feb 01 15:30:00.1234 2024 IST",
                "Fri Mar 15 00:00:00 0044 LMT BC",
            ],
        ),
        (
            DateStyle::Postgres,
            dmy,
            kolkata,
            [
                "Thu 01 Feb 15:30:00.1234 2024 IST",
                "Fri 15 Mar 00:00:00 0044 LMT BC",
            ],
        ),
        (
            DateStyle::Sql,
            mdy,
            kolkata,
            ["02/01/2024 15:30:00.1234 IST", "03/15/0044 00:00:00 LMT BC"],
        ),
        (
            DateStyle::Sql,
            dmy,
            kolkata,
            ["01/02/2024 15:30:00.1234 IST", "15/03/0044 00:00:00 LMT BC"],
        ),
        (
            DateStyle::German,
            mdy,
            kolkata,
            ["01.02.2024 15:30:00.1234 IST", "15.03.0044 00:00:00 LMT BC"],
        ),
        (
            DateStyle::Sql,
            ymd,
            Zone::Named(chrono_tz::America::New_York),
            ["02/01/2024 05:00:00.1234 EST", "03/14/0044 13:10:30 LMT BC"],
        ),
        (
            DateStyle::German,
            mdy,
            Zone::Named(chrono_tz::Etc::GMTPlus5),
            ["01.02.2024 05:00:00.1234 -05", "14.03.0044 13:06:32 -05 BC"],
        ),
    ] {
        let style = Style {
            date_style,
            date_order,
            time_zone,
            ..Style::default()
        };
        let got = shown_in(&array, PgType::TIMESTAMPTZ, &style);
        assert_eq!(got[..2], want);
        assert_eq!(got[2], "infinity");
    }
    let array = Date32Array::from(vec![19_754, i32::MIN]);
    for (date_style, date_order, want) in [
        (DateStyle::Iso, dmy, "2024-02-01"),
        (DateStyle::Postgres, mdy, "02-01-2024"),
        (DateStyle::Postgres, dmy, "01-02-2024"),
        (DateStyle::Sql, dmy, "01/02/2024"),
        (DateStyle::German, ymd, "01.02.2024"),
    ] {
        let style = Style {
            date_style,
            date_order,
            ..Style::default()
        };
        assert_eq!(shown_in(&array, PgType::DATE, &style), [want, "-infinity"]);
    }
}

#[test]
fn indexed_and_nested() {
    let array: DictionaryArray<Int8Type> = vec![Some("a"), None, Some("b"), Some("a")]
        .into_iter()
        .collect();
    assert_eq!(shown(&array, PgType::TEXT), ["a", "NULL", "b", "a"]);
    assert_eq!(sent(&array, PgType::TEXT, 2).expect("fits"), b"b");
    let ends = Int32Array::from(vec![2, 3]);
    let values = Int64Array::from(vec![Some(5), None]);
    let array = RunArray::<Int32Type>::try_new(&ends, &values).expect("valid");
    assert_eq!(shown(&array, PgType::INT8), ["5", "5", "NULL"]);
    let array = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let ints = PgType::INT4.array().expect("has one");
    assert_eq!(shown(&array, ints), ["{1,NULL}", "NULL", "{}"]);
    // Elements by the type's name, not the Arrow type's.
    let oids = PgType::INT8.array().expect("has one");
    assert_eq!(
        sent(&array, oids, 0).expect("fits")[8..12],
        20_u32.to_be_bytes()
    );
    let mut builder = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
    builder.values().append_value([Some("a b"), Some("")]);
    builder.values().append_value([Some("null"), Some("q\"\\")]);
    builder.append(true);
    builder.values().append_value([Some("x")]);
    builder.values().append_value([Some("y"), Some("z")]);
    builder.append(true);
    let array = builder.finish();
    let texts = PgType::TEXT.array().expect("has one");
    assert_eq!(shown(&array, texts)[0], r#"{{"a b",""},{"null","q\"\\"}}"#);
    assert_eq!(
        sent(&array, texts, 1).expect_err("ragged").state().code(),
        "2202E"
    );
    let fields = vec![
        (
            Arc::new(Field::new("a", DataType::Float64, true)),
            Arc::new(Float64Array::from(vec![Some(1.5), Some(f64::NAN)])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("b\"", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec![Some("x\n\u{1}"), None])),
        ),
    ];
    let array = StructArray::from(fields);
    assert_eq!(
        shown(&array, PgType::JSON),
        [
            r#"{"a":1.5,"b\"":"x\n\u0001"}"#,
            r#"{"a":"NaN","b\"":null}"#
        ]
    );
    assert_eq!(shown(&array, PgType::RECORD)[0], "(1.5,\"x\n\u{1}\")");
    assert_eq!(shown(&NullArray::new(1), PgType::TEXT), ["NULL"]);
}

#[test]
fn other_texts() {
    let array = BinaryArray::from(vec![&b"a\\\x00\xff"[..]]);
    let escape = Style {
        bytea_hex: false,
        ..Style::default()
    };
    assert_eq!(shown(&array, PgType::BYTEA), ["\\x615c00ff"]);
    assert_eq!(
        shown_in(&array, PgType::BYTEA, &escape),
        ["a\\\\\\000\\377"]
    );
    let array = StringViewArray::from(vec!["ä"]);
    let padded = PgType::BPCHAR.with_typmod(7);
    assert_eq!(shown(&array, padded), ["ä  "]);
    assert_eq!(sent(&array, padded, 0).expect("fits"), "ä  ".as_bytes());
    let array = UInt32Array::from(vec![0, 7]);
    assert_eq!(shown(&array, PgType::REGCLASS), ["-", "7"]);
    // A number shown where the planner only knows text.
    assert_eq!(shown(&Int64Array::from(vec![3]), PgType::TEXT), ["3"]);
    assert_eq!(
        sent(&Int64Array::from(vec![3]), PgType::TEXT, 0).expect("fits"),
        b"3"
    );
    assert!(TextColumn::new(&array, PgType::DATE, PLAIN, UNNAMED).is_err());
}
