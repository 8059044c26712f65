//! Rows come back as they went in, and what is said of them is true.

use std::sync::Arc;

use arrow::array::*;
use arrow::record_batch::RecordBatch;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::base::Version;
use crate::catalog::Change;
use crate::types::PgType;

#[test]
fn rows_of_every_type_come_back() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut bench = Bench::new();
    let oid = bench.oid();
    bench.oid();
    let table = table(oid, "t", Oid::PUBLIC_SCHEMA, &every_type());
    bench.commit(&[Change::CreateRelation(Box::new(table))]);
    let relation = Arc::clone(bench.snapshot.relation(oid).expect("there"));
    let rows = batch(&mut rng, &relation, 500);
    let segments = bench.write(&relation, &rows);
    bench.commit(&[Change::AddSegments {
        relation: oid,
        segments,
    }]);
    bench.reopen();
    let relation = bench.snapshot.relation(oid).expect("there");
    let read = bench.rows(relation);
    assert_eq!(read.len(), 1);
    assert!(same_rows(&read[0], &rows));
}

#[test]
fn bounds_are_exact_or_absent() {
    let mut bench = Bench::new();
    let oid = bench.oid();
    bench.oid();
    let types = [
        PgType::INT4,
        PgType::TEXT,
        PgType::FLOAT8,
        PgType::TIMESTAMPTZ,
        PgType::DATE,
        PgType::numeric(12, 2),
        PgType::JSONB,
        PgType::BOOL,
        PgType::TEXT,
    ];
    bench.commit(&[Change::CreateRelation(Box::new(table(
        oid,
        "t",
        Oid::PUBLIC_SCHEMA,
        &types,
    )))]);
    let relation = Arc::clone(bench.snapshot.relation(oid).expect("there"));
    let long = "z".repeat(100);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(5), None, Some(-7)])),
        Arc::new(StringViewArray::from(vec![Some("b"), Some("a"), None])),
        Arc::new(Float64Array::from(vec![1.5, f64::NAN, -2.25])),
        Arc::new(
            TimestampMicrosecondArray::from(vec![0, 1_500_000, i64::MAX]).with_timezone("UTC"),
        ),
        Arc::new(Date32Array::from(vec![0, 1, 2])),
        Arc::new(
            Decimal128Array::from(vec![-5, 12345, 0])
                .with_precision_and_scale(12, 2)
                .expect("fits"),
        ),
        Arc::new(StringViewArray::from(vec!["{}", "[]", "1"])),
        Arc::new(BooleanArray::from(vec![None, None, Some(false)])),
        Arc::new(StringViewArray::from(vec![long.as_str(), "b", "c"])),
    ];
    let rows = RecordBatch::try_from_iter(
        relation
            .columns
            .iter()
            .map(|column| column.name.clone())
            .zip(columns),
    )
    .expect("a batch");
    let segments = bench.write(&relation, &rows);
    let [segment] = segments.as_slice() else {
        panic!("one segment");
    };
    let bounds: Vec<_> = segment
        .columns
        .iter()
        .map(|s| (s.min.as_deref(), s.max.as_deref(), s.nulls, s.contains_nan))
        .collect();
    assert_eq!(
        bounds,
        [
            (Some("-7"), Some("5"), 1, None),
            (Some("a"), Some("b"), 1, None),
            (Some("-2.25e0"), Some("1.5e0"), 0, Some(true)),
            (Some("1970-01-01 00:00:00+00"), None, 0, None),
            (Some("1970-01-01"), Some("1970-01-03"), 0, None),
            (Some("-0.05"), Some("123.45"), 0, None),
            (None, None, 0, None),
            (Some("false"), Some("false"), 2, None),
            (Some("b"), None, 0, None),
        ]
    );
}

#[test]
fn big_loads_become_files_and_abandoned_ones_go() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut bench = Bench::new();
    let oid = bench.oid();
    bench.oid();
    let table = table(oid, "t", Oid::PUBLIC_SCHEMA, &[PgType::INT8, PgType::UUID]);
    bench.commit(&[Change::CreateRelation(Box::new(table))]);
    let relation = Arc::clone(bench.snapshot.relation(oid).expect("there"));
    let rows = batch(&mut rng, &relation, 100_000);
    let mut writer = SegmentWriter::new(Arc::clone(&bench.store), Arc::clone(&relation));
    for _ in 0..15 {
        writer.write(&rows).expect("written");
    }
    let directory = bench.store.root().join(files::table_directory(oid));
    let count = || std::fs::read_dir(&directory).map_or(0, Iterator::count);
    assert_eq!(writer.rows(), 1_500_000);
    let segments = writer.finish().expect("finished");
    assert_eq!(segments.len(), 2);
    assert_eq!(segments.iter().map(|s| s.rows).sum::<u64>(), 1_500_000);
    assert_eq!(count(), 2);
    assert_eq!(
        bench.store.sweep(Version(1)).expect("sweeps"),
        0,
        "somebody has them"
    );
    drop(segments);
    assert_eq!(bench.store.sweep(Version(1)).expect("sweeps"), 2);
    assert_eq!(count(), 0);

    let mut writer = SegmentWriter::new(Arc::clone(&bench.store), Arc::clone(&relation));
    for _ in 0..15 {
        writer.write(&rows).expect("written");
    }
    assert_eq!(count(), 2);
    drop(writer);
    assert_eq!(count(), 0, "an unfinished writer removes its files");
}
