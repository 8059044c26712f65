//! A table's rows are the same wherever they are: in one memory segment, in files, half and half,
//! before and after its columns were renamed; and skipping segments never loses a row.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::IntervalMonthDayNano;
use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;
use crate::base::Oid;
use crate::catalog::{Persistence, RelationKind};
use crate::storage::{SegmentWriter, Store, seal};
use crate::types::PgType;

fn column(attnum: i16, name: &str, ty: PgType) -> Column {
    Column {
        attnum,
        name: name.into(),
        stored_name: name.into(),
        ty,
        collation: None,
        not_null: false,
        default: None,
        generation: None,
        comment: None,
    }
}

fn relation(columns: Vec<Column>) -> Relation {
    Relation {
        oid: Oid(20000),
        row_type: Oid(20001),
        name: "t".into(),
        schema: Oid::PUBLIC_SCHEMA,
        owner: Oid::SUPERUSER,
        acl: None,
        comment: None,
        next_attnum: columns.len() as i16 + 1,
        columns,
        persistence: Persistence::Permanent,
        publication: 1,
        column_acls: std::collections::BTreeMap::new(),
        tuning: crate::catalog::Tuning::default(),
        constraints: crate::catalog::Constraints::NONE,
        row_security: Default::default(),
        triggers: Vec::new(),
        family: Default::default(),
        kind: RelationKind::Table {
            segments: Arc::new([]),
        },
    }
}

struct Bench {
    _directory: tempfile::TempDir,
    store: Arc<Store>,
    pool: Arc<ServerPool>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (store, _) = Store::open(directory.path()).expect("opens");
        Self {
            _directory: directory,
            store: Arc::new(store),
            pool: Arc::new(ServerPool::new(64 << 20)),
        }
    }

    fn segments(
        &self,
        relation: &Relation,
        arrays: Vec<ArrayRef>,
        file: bool,
    ) -> Vec<Arc<Segment>> {
        let fields: Vec<Field> = relation
            .columns
            .iter()
            .map(|column| column.ty.field(&column.name, true))
            .collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
        let mut writer = SegmentWriter::new(self.store.clone(), Arc::new(relation.clone()));
        writer.write(&batch).expect("writes");
        let segments = writer.finish().expect("finishes");
        if file {
            let sealed = seal(&self.store, &Arc::new(relation.clone()), &segments).expect("seals");
            assert!(matches!(sealed[0].location, Location::File { .. }));
            sealed
        } else {
            assert!(matches!(segments[0].location, Location::Memory(_)));
            segments
        }
    }

    async fn ask(&self, relation: &Relation, sql: &str) -> String {
        self.ask_of(table_provider(self.store.root(), relation), relation, sql)
            .await
    }

    /// Asks of columns that are kept decoded: waits until they are.
    async fn ask_decoded(&self, relation: &Relation, sql: &str) -> String {
        let rows = || kept_provider(self.store.root(), relation, false, &self.pool);
        for _ in 0..1000 {
            let plan = self
                .ask_of(rows(), relation, "explain select * from t")
                .await;
            if plan.contains("decoded") {
                return self.ask_of(rows(), relation, sql).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("never decoded");
    }

    async fn ask_of(&self, rows: Arc<dyn TableProvider>, relation: &Relation, sql: &str) -> String {
        let config = SessionConfig::new()
            .with_target_partitions(2)
            .set_bool("datafusion.sql_parser.enable_ident_normalization", true);
        let context = SessionContext::new_with_config(config);
        context.register_table("t", rows).expect("registers");
        context
            .register_table("addressed", addressed_provider(self.store.root(), relation))
            .expect("registers");
        let batches = context
            .sql(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .collect()
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        pretty_format_batches(&batches).expect("prints").to_string()
    }
}

fn with(relation: &Relation, segments: Vec<Arc<Segment>>) -> Relation {
    Relation {
        kind: RelationKind::Table {
            segments: segments.into(),
        },
        ..relation.clone()
    }
}

/// Three segments whose ranges overlap in part, with NULLs, NaN in one, negative numbers, times
/// before 1970.
fn samples() -> (Relation, Vec<Vec<ArrayRef>>) {
    let relation = relation(vec![
        column(1, "i", PgType::INT4),
        column(2, "f", PgType::FLOAT8),
        column(3, "s", PgType::TEXT),
        column(4, "ts", PgType::TIMESTAMPTZ),
        column(5, "d", PgType::DATE),
        column(6, "n", PgType::numeric(12, 2)),
        column(7, "b", PgType::BOOL),
    ]);
    let rows = |i: Vec<Option<i32>>, f: Vec<Option<f64>>, s: Vec<Option<&str>>| -> Vec<ArrayRef> {
        let times: Vec<Option<i64>> = i
            .iter()
            .map(|i| i.map(|i| i64::from(i) * 1_000_001))
            .collect();
        let days: Vec<Option<i32>> = i.clone();
        let numerics: Vec<Option<i128>> =
            i.iter().map(|i| i.map(|i| i128::from(i) * 101)).collect();
        let flags: Vec<Option<bool>> = i.iter().map(|i| i.map(|i| i % 2 == 0)).collect();
        vec![
            Arc::new(Int32Array::from(i)),
            Arc::new(Float64Array::from(f)),
            Arc::new(StringViewArray::from(s)),
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
            Arc::new(Date32Array::from(days)),
            Arc::new(
                Decimal128Array::from(numerics)
                    .with_precision_and_scale(12, 2)
                    .expect("fits"),
            ),
            Arc::new(BooleanArray::from(flags)),
        ]
    };
    let segments = vec![
        rows(
            vec![Some(-5), Some(-3), None, Some(0)],
            vec![Some(-1.5), Some(-0.0), None, Some(0.25)],
            vec![Some("apple"), None, Some(""), Some("Ähre")],
        ),
        rows(
            vec![Some(1), Some(2), Some(3)],
            vec![Some(f64::NAN), Some(2.0), Some(f64::NEG_INFINITY)],
            vec![Some("m"), Some("n"), Some("zebra")],
        ),
        rows(vec![None, None], vec![None, Some(100.0)], vec![None, None]),
    ];
    (relation, segments)
}

#[tokio::test]
async fn pruning_loses_no_row() {
    let bench = Bench::new();
    let (relation, samples) = samples();
    let build = |files: [bool; 3]| {
        let segments = samples
            .iter()
            .zip(files)
            .flat_map(|(arrays, file)| bench.segments(&relation, arrays.clone(), file))
            .collect();
        with(&relation, segments)
    };
    let in_memory = build([false, false, false]);
    let in_files = build([true, true, true]);
    let mixed = build([true, false, true]);
    for filter in [
        "true",
        "i < 0",
        "i <= -5",
        "i > 2",
        "i = 3",
        "i <> 3",
        "i in (-3, 2, 77)",
        "i not in (1, 2)",
        "i is null",
        "i is not null",
        "i between -3 and 1",
        "f > 50",
        "f > 1e300",
        "f < 0",
        "f = -0.0",
        "f >= 2",
        "not (f < 2)",
        "f <> 2",
        "s = 'zebra'",
        "s >= 'n'",
        "s < 'B'",
        "s like 'z%'",
        "s is null",
        "s = ''",
        "ts < timestamp '1970-01-01'",
        "ts >= timestamp '1970-01-01 00:00:02'",
        "d <= date '1969-12-28'",
        "d = date '1970-01-03'",
        "n > 2.5",
        "n = -5.05",
        "b",
        "not b",
        "b is null",
        "i < 0 or f > 50",
        "i > 0 and s < 'n'",
    ] {
        let sql = format!("select * from t where {filter} order by i, f, s");
        let expected = bench.ask(&in_memory, &sql).await;
        assert_eq!(
            bench.ask(&in_files, &sql).await,
            expected,
            "files: {filter}"
        );
        assert_eq!(bench.ask(&mixed, &sql).await, expected, "mixed: {filter}");
        for decoded in [&in_files, &mixed] {
            assert_eq!(
                bench.ask_decoded(decoded, &sql).await,
                expected,
                "decoded: {filter}"
            );
        }
    }
    // Arrow orders NaN last, as PostgreSQL does; the bounds of Parquet leave it out.
    let greatest = bench
        .ask(&in_files, "select i from t where f > 1e300")
        .await;
    assert!(greatest.contains("| 1 "), "{greatest}");
    for sql in [
        "select count(*), count(i), min(i), max(i), min(s), max(s), min(ts), max(ts) from t",
        "select min(d), max(d), min(n), max(n), min(f), max(f), bool_or(b) from t",
        "select count(*) from t",
        "select i, f from t order by f desc nulls last limit 2",
        "select s from t order by s desc limit 3",
    ] {
        let expected = bench.ask(&in_memory, sql).await;
        assert_eq!(bench.ask(&in_files, sql).await, expected, "{sql}");
        assert_eq!(bench.ask(&mixed, sql).await, expected, "{sql}");
        assert_eq!(bench.ask_decoded(&mixed, sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn decoded_chunks_are_skipped_and_shared_out() {
    let bench = Bench::new();
    let relation = relation(vec![
        column(1, "a", PgType::INT4),
        column(2, "s", PgType::TEXT),
    ]);
    let rows = |from: i32, to: i32| -> Vec<ArrayRef> {
        let texts = (from..to).map(|i| (i % 7 != 0).then(|| format!("text number {i}")));
        vec![
            Arc::new(Int32Array::from_iter_values(from..to)),
            Arc::new(StringViewArray::from_iter(texts)),
        ]
    };
    let mut segments = bench.segments(&relation, rows(0, 50_000), true);
    segments.extend(bench.segments(&relation, rows(50_000, 100_000), true));
    let relation = with(&relation, segments);
    for sql in [
        "select * from t where a between 49990 and 50010 order by a",
        "select count(*), count(s), sum(a), min(s), max(s) from t",
        "select a % 10 as d, count(*), max(s) from t where s > 'text number 5' group by 1 order by 1",
        "select * from t where a > 99995 or a < 3 order by a",
        "select a from t limit 3",
        "select count(*) from t where a is null",
    ] {
        let expected = bench.ask(&relation, sql).await;
        assert_eq!(bench.ask_decoded(&relation, sql).await, expected, "{sql}");
    }
    let plan = bench
        .ask_decoded(&relation, "explain analyze select * from t where a = 70000")
        .await;
    assert!(plan.contains("decoded"), "{plan}");
    assert!(
        plan.contains("output_rows=8.19 K") || plan.contains("output_rows=8192"),
        "{plan}"
    );
}

#[tokio::test]
async fn columns_come_and_go() {
    let bench = Bench::new();
    let mut relation = relation(vec![
        column(1, "a", PgType::INT4),
        column(2, "b", PgType::TEXT),
    ]);
    let rows = |a: i32, b: &str| -> Vec<ArrayRef> {
        vec![
            Arc::new(Int32Array::from(vec![a])),
            Arc::new(StringViewArray::from(vec![b])),
        ]
    };
    let mut segments = bench.segments(&relation, rows(1, "one"), true);
    segments.extend(bench.segments(&relation, rows(2, "two"), false));

    // a is renamed, b dropped, another b added, and a column c: old segments know none of it.
    relation.columns[0].name = "id".into();
    relation.columns.remove(1);
    let mut again = column(3, "b", PgType::TEXT);
    again.stored_name = "b_3".into();
    relation.columns.push(again);
    relation.columns.push(column(4, "c", PgType::INT8));
    relation.next_attnum = 5;
    let newer: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![3])),
        Arc::new(StringViewArray::from(vec!["three"])),
        Arc::new(Int64Array::from(vec![33])),
    ];
    segments.extend(bench.segments(&relation, newer, true));
    let relation = with(&relation, segments);

    let all = bench.ask(&relation, "select * from t order by id").await;
    let expected = "\
+----+-------+----+
| id | b     | c  |
+----+-------+----+
| 1  |       |    |
| 2  |       |    |
| 3  | three | 33 |
+----+-------+----+";
    assert_eq!(all, expected);
    let decoded = bench
        .ask_decoded(&relation, "select * from t order by id")
        .await;
    assert_eq!(decoded, expected);
    let one = bench
        .ask(&relation, "select id from t where id = 1 and b is null")
        .await;
    assert!(one.contains("| 1 "), "{one}");
    let three = bench
        .ask(&relation, "select id from t where c > 5 or b = 'three'")
        .await;
    assert!(three.contains("| 3 ") && !three.contains("| 1 "), "{three}");
    let counts = bench
        .ask(&relation, "select count(*), count(b), max(c) from t")
        .await;
    assert!(counts.contains("| 3        | 1          | 33"), "{counts}");
}

#[tokio::test]
async fn rows_have_addresses() {
    let bench = Bench::new();
    let relation = relation(vec![column(1, "a", PgType::INT4)]);
    let rows = |from: i32, to: i32| -> Vec<ArrayRef> {
        vec![Arc::new(Int32Array::from_iter_values(from..to))]
    };
    let mut segments = bench.segments(&relation, rows(0, 3000), true);
    segments.extend(bench.segments(&relation, rows(3000, 3010), false));
    segments.extend(bench.segments(&relation, rows(3010, 9000), true));
    let relation = with(&relation, segments);
    for (a, address) in [
        (0, [0, 0]),
        (2999, [0, 2999]),
        (3003, [1, 3]),
        (8999, [2, 5989]),
    ] {
        let found = bench
            .ask(
                &relation,
                &format!(
                    "select \"{SEGMENT_COLUMN}\" as segment, \"{ROW_COLUMN}\" as row \
                     from addressed where a = {a}"
                ),
            )
            .await;
        let numbers: Vec<u64> = found
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect();
        assert_eq!(numbers, address, "{a}: {found}");
    }
    let whole = bench
        .ask(
            &relation,
            &format!("select count(*), max(\"{ROW_COLUMN}\") from addressed"),
        )
        .await;
    assert!(whole.contains("9000") && whole.contains("5989"), "{whole}");
}

#[tokio::test]
async fn intervals_and_lists_come_back() {
    let bench = Bench::new();
    let list = PgType::INT4.array().expect("has an array type");
    let relation = relation(vec![
        column(1, "i", PgType::INTERVAL),
        column(2, "l", list),
        column(3, "u", PgType::UUID),
    ]);
    let mut builder =
        ListBuilder::new(Int32Builder::new()).with_field(PgType::INT4.field("item", true));
    builder.append_value([Some(1), None]);
    builder.append_null();
    let uuids = FixedSizeBinaryArray::try_from_iter([[1_u8; 16], [2; 16]].into_iter())
        .expect("sixteen bytes each");
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(IntervalMonthDayNanoArray::from(vec![
            Some(IntervalMonthDayNano::new(1, -2, 3_000)),
            None,
        ])),
        Arc::new(builder.finish()),
        Arc::new(uuids),
    ];
    let mut segments = bench.segments(&relation, arrays.clone(), true);
    segments.extend(bench.segments(&relation, arrays, false));
    let relation = with(&relation, segments);
    let answer = bench
        .ask(&relation, "select i, l from t where i is not null")
        .await;
    assert_eq!(answer.matches("1 mons -2 days").count(), 2, "{answer}");
    assert_eq!(answer.matches("[1, ]").count(), 2, "{answer}");
    let decoded = bench
        .ask_decoded(&relation, "select i, l from t where i is not null")
        .await;
    assert_eq!(decoded, answer);
    let answer = bench
        .ask(&relation, "select count(distinct u) from t")
        .await;
    assert!(answer.contains("| 2 "), "{answer}");
}
