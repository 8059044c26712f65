//! Recovery gives back what was committed; rows come back as they went in.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, IntervalMonthDayNano};
use arrow::record_batch::RecordBatch;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::*;
use crate::base::{SegmentId, Version};
use crate::catalog::{
    Change, Column, Location, Membership, ObjectId, Persistence, RelationKind, Role, Schema,
    Segment, View,
};
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
        not_null: false,
        default: None,
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
    let bounds: Vec<(Option<&str>, Option<&str>, u64, Option<bool>)> = segment
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

#[test]
fn files_go_once_no_snapshot_kept_has_them() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut bench = Bench::new();
    let oid = bench.oid();
    bench.oid();
    let table = table(oid, "t", Oid::PUBLIC_SCHEMA, &[PgType::INT8]);
    bench.commit(&[Change::CreateRelation(Box::new(table))]);
    let relation = Arc::clone(bench.snapshot.relation(oid).expect("there"));
    let rows = batch(&mut rng, &relation, 10);
    let old = bench.write(&relation, &rows);
    let id = old[0].id;
    bench.commit(&[Change::AddSegments {
        relation: oid,
        segments: old.clone(),
    }]);
    let in_use = bench.snapshot.version();
    let new = bench.write(&relation, &rows);
    bench.commit(&[
        Change::RemoveSegments {
            relation: oid,
            segments: vec![id],
        },
        Change::AddSegments {
            relation: oid,
            segments: new,
        },
    ]);
    let nothing = History {
        age: chrono::TimeDelta::zero(),
        versions: 0,
    };
    let path = bench
        .store
        .root()
        .join(files::path_of(&old[0]).expect("a file"));
    assert_eq!(
        bench
            .store
            .sweep_history(in_use, History::default())
            .expect("sweeps"),
        0
    );
    assert_eq!(
        bench.store.sweep_history(in_use, nothing).expect("sweeps"),
        0
    );
    assert!(path.exists(), "a reader still has the version with it");
    let newest = bench.snapshot.version();
    assert_eq!(
        bench.store.sweep_history(newest, nothing).expect("sweeps"),
        1
    );
    assert!(!path.exists());
    bench.reopen();
    let relation = bench.snapshot.relation(oid).expect("there");
    assert!(same_rows(&bench.rows(relation)[0], &rows));

    // A file that a killed server left is older than the next start, and in no catalog.
    let orphan = path.with_file_name(format!("{}.parquet", SegmentId::new()));
    std::fs::write(&orphan, b"half").expect("written");
    std::thread::sleep(std::time::Duration::from_millis(5));
    bench.reopen();
    assert_eq!(bench.store.sweep(newest).expect("sweeps"), 1);
    assert!(!orphan.exists());
}

#[test]
fn a_second_server_is_refused() {
    let bench = Bench::new();
    let error = Store::open(bench.directory.path()).expect_err("locked");
    assert_eq!(error.state(), SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
    assert!(error.to_string().contains(&std::process::id().to_string()));
}

#[test]
fn a_newer_format_is_refused() {
    let bench = Bench::new();
    let path = bench.directory.path().to_owned();
    let Bench {
        directory, store, ..
    } = bench;
    drop(store);
    rusqlite::Connection::open(path.join("lake.sqlite"))
        .and_then(|lake| lake.execute("UPDATE commons_meta SET v = '99' WHERE k = 'format'", []))
        .expect("changed");
    let error = Store::open(&path).expect_err("refused");
    assert_eq!(error.state(), SqlState::FEATURE_NOT_SUPPORTED);
    assert!(error.fields().hint.is_some());
    drop(directory);
}

#[test]
fn verifiers_count_from_their_commit() {
    let mut bench = Bench::new();
    let verifier = secrets::scram_sha_256("secret");
    let after = bench.snapshot.at_version(bench.snapshot.version().next());
    let passwords = [(Oid::SUPERUSER, Some(verifier.clone()))];
    let record = CommitRecord {
        before: &bench.snapshot,
        after: &after,
        next_oid: Oid(bench.next_oid),
        author: "commons",
        passwords: &passwords,
    };
    // As if the server had died between the two files.
    bench.store.vault().store(&[record]).expect("stored");
    bench.reopen();
    assert_eq!(bench.store.verifier(Oid::SUPERUSER).expect("read"), None);

    let record = CommitRecord {
        before: &bench.snapshot,
        after: &after,
        next_oid: Oid(bench.next_oid),
        author: "commons",
        passwords: &passwords,
    };
    bench.store.commit(&[record]).expect("commits");
    bench.snapshot = after;
    bench.reopen();
    assert_eq!(
        bench.store.verifier(Oid::SUPERUSER).expect("read"),
        Some(verifier)
    );
}

/// One random change that applies to `bench`'s catalog, with whatever must come with it.
fn random_change(rng: &mut StdRng, bench: &mut Bench) -> Vec<Change> {
    let schemas: Vec<Oid> = bench
        .snapshot
        .schemas()
        .map(|s| s.oid)
        .filter(|oid| !oid.is_system() || *oid == Oid::PUBLIC_SCHEMA)
        .collect();
    let tables: Vec<Arc<Relation>> = bench
        .snapshot
        .relations()
        .filter(|r| r.relkind() == 'r')
        .cloned()
        .collect();
    let roles: Vec<Oid> = bench
        .snapshot
        .roles()
        .map(|r| r.oid)
        .filter(|oid| !oid.is_system())
        .collect();
    let fresh = bench.oid();
    let name = format!("n \"{fresh}\"");
    let Some(schema) = schemas.choose(rng).copied() else {
        return vec![];
    };
    let Some(table_of_choice) = tables.choose(rng).cloned() else {
        bench.oid();
        let types = every_type();
        let types: Vec<PgType> = (0..3).filter_map(|_| types.choose(rng).copied()).collect();
        return vec![Change::CreateRelation(Box::new(table(
            fresh, &name, schema, &types,
        )))];
    };
    let oid = table_of_choice.oid;
    let object = ObjectId::Relation(oid);
    match rng.random_range(0..16) {
        0 => vec![Change::CreateSchema(Schema {
            oid: fresh,
            name,
            owner: Oid::SUPERUSER,
            acl: None,
            comment: None,
        })],
        1 => {
            bench.oid();
            let types = every_type();
            let types: Vec<PgType> = (0..3).filter_map(|_| types.choose(rng).copied()).collect();
            vec![Change::CreateRelation(Box::new(table(
                fresh, &name, schema, &types,
            )))]
        }
        2 => {
            bench.oid();
            let view = View {
                query: "SELECT 1 AS c1".to_owned(),
                search_path: vec!["public".to_owned()],
                depends_on: vec![oid],
                next_attnums: Default::default(),
            };
            let columns = vec![column(1, PgType::INT4)];
            let kind = RelationKind::View(view);
            vec![Change::CreateRelation(Box::new(relation(
                fresh, &name, schema, columns, kind,
            )))]
        }
        3..=7 => {
            let rows = rng.random_range(1..50);
            let batch = batch(rng, &table_of_choice, rows);
            let segments = bench.write(&table_of_choice, &batch);
            vec![Change::AddSegments {
                relation: oid,
                segments,
            }]
        }
        8 => {
            let segments = table_of_choice.segments();
            let segments = segments
                .iter()
                .map(|s| s.id)
                .filter(|_| rng.random())
                .collect();
            vec![Change::RemoveSegments {
                relation: oid,
                segments,
            }]
        }
        9 => vec![Change::Rename { object, name }],
        10 => vec![Change::Comment {
            object,
            attnum: rng
                .random_bool(0.5)
                .then_some(table_of_choice.columns[0].attnum),
            text: rng.random_bool(0.7).then_some(name),
        }],
        11 => {
            let mut added = column(
                table_of_choice.next_attnum,
                PgType::INT4.array().expect("has one"),
            );
            added.name = name;
            vec![Change::AddColumn {
                relation: oid,
                column: added,
            }]
        }
        12 => vec![Change::RenameColumn {
            relation: oid,
            attnum: table_of_choice.columns[0].attnum,
            name,
        }],
        13 => vec![Change::CreateRole(Role {
            oid: fresh,
            name,
            superuser: false,
            inherit: true,
            create_role: false,
            create_db: false,
            login: true,
            connection_limit: -1,
            valid_until: None,
            settings: Default::default(),
            comment: None,
        })],
        14 => match (roles.first(), roles.last()) {
            (Some(role), Some(member)) if role != member => vec![Change::AddMember(Membership {
                role: *role,
                member: *member,
                grantor: Oid::SUPERUSER,
                admin: false,
            })],
            _ => vec![],
        },
        _ => match bench.snapshot.dependants(oid).next() {
            Some(view) => vec![Change::Drop(ObjectId::Relation(view.oid))],
            None => vec![Change::Drop(object)],
        },
    }
}

#[test]
fn reopening_gives_back_the_catalog_whatever_was_committed() {
    for seed in 0..4 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut bench = Bench::new();
        for round in 0..60 {
            let changes = random_change(&mut rng, &mut bench);
            // Some random changes are refused (a view reads the column to rename); they are no commit.
            if !changes.is_empty() && bench.snapshot.apply(&changes).is_ok() {
                bench.commit(&changes);
            }
            if round % 10 == 9 {
                bench.reopen();
                for relation in bench.snapshot.relations() {
                    let rows: usize = bench.rows(relation).iter().map(RecordBatch::num_rows).sum();
                    let said: u64 = relation.segments().iter().map(|s| s.rows).sum();
                    assert_eq!(rows as u64, said);
                    let on_disk = |s: &Arc<Segment>| matches!(s.location, Location::File { .. });
                    assert!(relation.segments().iter().all(on_disk));
                }
            }
        }
    }
}
