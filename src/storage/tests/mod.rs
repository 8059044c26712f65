//! A store with a catalog, and random rows for it.

mod recovery;
mod rows;

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, IntervalMonthDayNano};
use arrow::record_batch::RecordBatch;
use rand::Rng;
use rand::rngs::StdRng;

use super::*;
use crate::catalog::{Change, Column, Persistence, RelationKind, Segment};
use crate::types::PgType;

/// A store with its catalog, changed the way the database changes it.
struct Bench {
    directory: tempfile::TempDir,
    store: Arc<Store>,
    snapshot: Snapshot,
    next_oid: u32,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (store, recovered) = Store::open(directory.path()).expect("opens");
        assert!(recovered.first_start);
        Self {
            directory,
            store: Arc::new(store),
            snapshot: recovered.snapshot,
            next_oid: recovered.next_oid.0,
        }
    }

    fn oid(&mut self) -> Oid {
        self.next_oid += 1;
        Oid(self.next_oid - 1)
    }

    fn commit(&mut self, changes: &[Change]) {
        let after = self
            .snapshot
            .apply(changes)
            .expect("applies")
            .at_version(self.snapshot.version().next());
        self.store
            .commit(&[CommitRecord {
                before: &self.snapshot,
                after: &after,
                next_oid: Oid(self.next_oid),
                author: "commons",
                passwords: &[],
                pages: None,
            }])
            .expect("commits");
        self.snapshot = after;
    }

    fn reopen(&mut self) {
        let path = self.directory.path().to_owned();
        // The lock must go before the directory is opened again.
        let old = std::mem::replace(&mut self.store, Arc::new(Bench::new().store_only()));
        drop(Arc::try_unwrap(old).expect("nobody else has the store"));
        let (store, recovered) = Store::open(&path).expect("opens again");
        assert_eq!(recovered.snapshot, self.snapshot);
        // What was given and never committed is given again.
        assert!(recovered.next_oid <= Oid(self.next_oid));
        assert!(
            recovered
                .snapshot
                .relations()
                .all(|r| r.row_type < recovered.next_oid)
        );
        self.next_oid = recovered.next_oid.0;
        // What is compared by pointer must be as if it was read: go on with what was recovered.
        self.snapshot = recovered.snapshot;
        self.store = Arc::new(store);
    }

    fn store_only(self) -> Store {
        let Self { store, .. } = self;
        Arc::try_unwrap(store).expect("nobody else has the store")
    }

    fn write(&self, relation: &Arc<Relation>, batch: &RecordBatch) -> Vec<Arc<Segment>> {
        let mut writer = SegmentWriter::new(Arc::clone(&self.store), Arc::clone(relation));
        writer.write(batch).expect("written");
        let segments = writer.finish().expect("finished");
        seal(&self.store, relation, &segments).expect("sealed")
    }

    fn rows(&self, relation: &Relation) -> Vec<RecordBatch> {
        relation
            .segments()
            .iter()
            .flat_map(|segment| {
                read_segment(self.store.root(), segment, &relation.columns).expect("opens")
            })
            .map(|batch| batch.expect("reads"))
            .collect()
    }
}

fn column(attnum: i16, ty: PgType) -> Column {
    Column {
        attnum,
        name: format!("c{attnum}"),
        stored_name: format!("c{attnum}"),
        ty,
        collation: None,
        not_null: false,
        default: None,
        generation: None,
        comment: None,
    }
}

fn relation(
    oid: Oid,
    name: &str,
    schema: Oid,
    columns: Vec<Column>,
    kind: RelationKind,
) -> Relation {
    Relation {
        oid,
        row_type: Oid(oid.0 + 1),
        name: name.to_owned(),
        schema,
        owner: Oid::SUPERUSER,
        acl: None,
        comment: None,
        next_attnum: i16::try_from(columns.len()).expect("few") + 1,
        columns,
        persistence: Persistence::Permanent,
        publication: 1,
        column_acls: std::collections::BTreeMap::new(),
        tuning: crate::catalog::Tuning::default(),
        constraints: crate::catalog::Constraints::NONE,
        row_security: Default::default(),
        triggers: Vec::new(),
        family: Default::default(),
        kind,
    }
}

fn table(oid: Oid, name: &str, schema: Oid, types: &[PgType]) -> Relation {
    let columns = (1..).zip(types).map(|(n, ty)| column(n, *ty)).collect();
    let kind = RelationKind::Table {
        segments: Arc::from([]),
    };
    relation(oid, name, schema, columns, kind)
}

fn every_type() -> Vec<PgType> {
    let mut types: Vec<PgType> = crate::types::pgtype::all()
        .filter(|info| info.oid != PgType::VOID.oid)
        .map(|info| PgType::of(info.oid.0))
        .collect();
    types.extend([PgType::numeric(12, 2), PgType::numeric(50, 3)]);
    types
}

/// Random values of a type, a fifth of them NULL.
fn values(rng: &mut StdRng, data_type: &DataType, rows: usize) -> ArrayRef {
    macro_rules! primitive {
        ($array:ty, $value:expr) => {{
            let values: Vec<Option<_>> = (0..rows)
                .map(|_| rng.random_bool(0.8).then(|| $value(&mut *rng)))
                .collect();
            Arc::new(<$array>::from(values).with_data_type(data_type.clone())) as ArrayRef
        }};
    }
    match data_type {
        DataType::Boolean => Arc::new(
            (0..rows)
                .map(|_| rng.random_bool(0.8).then(|| rng.random()))
                .collect::<BooleanArray>(),
        ),
        DataType::Int16 => primitive!(Int16Array, |r: &mut StdRng| r.random()),
        DataType::Int32 => primitive!(Int32Array, |r: &mut StdRng| r.random()),
        DataType::Int64 => primitive!(Int64Array, |r: &mut StdRng| r.random()),
        DataType::UInt32 => primitive!(UInt32Array, |r: &mut StdRng| r.random()),
        DataType::Float32 => primitive!(Float32Array, |r: &mut StdRng| r.random::<f32>() * 1e30),
        DataType::Float64 => primitive!(Float64Array, |r: &mut StdRng| r.random::<f64>() * 1e300),
        DataType::Date32 => primitive!(Date32Array, |r: &mut StdRng| r.random_range(-9999..99_999)),
        DataType::Time64(_) => primitive!(Time64MicrosecondArray, |r: &mut StdRng| r
            .random_range(0..=86_400_000_000)),
        DataType::Timestamp(_, _) => primitive!(TimestampMicrosecondArray, |r: &mut StdRng| r
            .random_range(-1_000_000_000_000..1_000_000_000_000_000)),
        DataType::Decimal128(_, _) => primitive!(Decimal128Array, |r: &mut StdRng| r
            .random_range(-1_000_000i128..1_000_000)),
        DataType::Decimal256(_, _) => primitive!(Decimal256Array, |r: &mut StdRng| {
            arrow::datatypes::i256::from_i128(r.random())
        }),
        DataType::Interval(_) => primitive!(IntervalMonthDayNanoArray, |r: &mut StdRng| {
            IntervalMonthDayNano::new(r.random(), r.random(), r.random())
        }),
        DataType::Utf8View => Arc::new(
            (0..rows)
                .map(|_| {
                    let long = rng.random_range(0..40);
                    rng.random_bool(0.8).then(|| "é".repeat(long))
                })
                .collect::<StringViewArray>(),
        ),
        DataType::Binary => Arc::new(
            (0..rows)
                .map(|_| rng.random_bool(0.8).then(|| rng.random::<[u8; 3]>()))
                .collect::<BinaryArray>(),
        ),
        DataType::LargeBinary => Arc::new(
            (0..rows)
                .map(|_| rng.random_bool(0.8).then(|| rng.random::<[u8; 3]>()))
                .collect::<LargeBinaryArray>(),
        ),
        DataType::FixedSizeBinary(16) => {
            let values: Vec<Option<[u8; 16]>> = (0..rows)
                .map(|_| rng.random_bool(0.8).then(|| rng.random()))
                .collect();
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), 16)
                    .expect("sixteen bytes each"),
            )
        }
        DataType::List(item) => {
            let lengths: Vec<usize> = (0..rows).map(|_| rng.random_range(0..3)).collect();
            let nulls: Vec<bool> = (0..rows).map(|_| rng.random_bool(0.8)).collect();
            let inner = values(rng, item.data_type(), lengths.iter().sum());
            Arc::new(ListArray::new(
                Arc::clone(item),
                arrow::buffer::OffsetBuffer::from_lengths(lengths),
                inner,
                Some(nulls.into()),
            ))
        }
        DataType::LargeUtf8 => Arc::new(
            (0..rows)
                .map(|_| {
                    rng.random_bool(0.8)
                        .then(|| rng.random::<i64>().to_string())
                })
                .collect::<arrow::array::LargeStringArray>(),
        ),
        other => panic!("no values of {other}"),
    }
}

fn batch(rng: &mut StdRng, relation: &Relation, rows: usize) -> RecordBatch {
    let columns = relation.columns.iter().map(|column| {
        let array = values(rng, &column.ty.data_type(), rows);
        (column.name.clone(), array, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
}

fn same_rows(a: &RecordBatch, b: &RecordBatch) -> bool {
    a.columns() == b.columns()
}
