//! A data directory is a DuckLake: the real DuckDB reads what commons wrote, while commons has it
//! open.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray,
    Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, StringViewArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, IntervalMonthDayNano};
use arrow::record_batch::RecordBatch;
use commons::base::{Oid, SessionId, Version};
use commons::catalog::{
    Change, Column, ObjectId, Persistence, Relation, RelationKind, Schema, View,
};
use commons::database::{Database, Isolation, Transaction};
use commons::privileges::authorize;
use commons::storage::{SegmentWriter, read_segment};
use commons::types::PgType;
use libtest_mimic::{Failed, Trial};

/// DuckDB and its extensions, pinned together: an extension loads into its own version only.
const PACKAGES: [&str; 3] = [
    "duckdb==1.5.5",
    "duckdb-extension-ducklake==1.5.5",
    "duckdb-extension-sqlite==1.5.5",
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("lake/duckdb_reads_it", duckdb_reads_it)]
}

fn duckdb_reads_it() -> Result<(), Failed> {
    let (python, extensions) = duckdb()?;
    let directory = tempfile::tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let (database, version) = runtime.block_on(write(directory.path()))?;

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lake/read.py");
    let said = run(Command::new(python)
        .arg(script)
        .arg(extensions)
        .arg(directory.path())
        .arg(version.to_string()))?;
    drop(database);
    let expected = include_str!("../lake/expected.txt");
    if said != expected {
        return Err(format!("DuckDB says:\n{said}\ninstead of:\n{expected}").into());
    }
    Ok(())
}

/// Python with DuckDB, and the folder of the extensions under the names DuckDB loads them by. Made
/// once per target folder.
fn duckdb() -> Result<(PathBuf, PathBuf), Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("duckdb");
    let (python, extensions) = (folder.join("bin/python"), folder.join("extensions"));
    let marker = folder.join("packages");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok((python, extensions));
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(PACKAGES))?;
    std::fs::create_dir_all(&extensions)?;
    for (package, extension, loaded_as) in [
        ("duckdb_extension_ducklake", "ducklake", "ducklake"),
        ("duckdb_extension_sqlite", "sqlite", "sqlite_scanner"),
    ] {
        let found = run(Command::new(&python).arg("-c").arg(format!(
            "import pathlib, {package} as p; \
             print(next(pathlib.Path(p.__path__[0]).rglob('{extension}.duckdb_extension')))"
        )))?;
        let name = format!("{loaded_as}.duckdb_extension");
        std::fs::copy(found.trim(), extensions.join(name))?;
    }
    std::fs::write(marker, wanted)?;
    Ok((python, extensions))
}

fn run(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{command:?} failed:\n{said}").into())
    }
}

/// One column of every type DuckDB shares, and those it does not.
const COLUMNS: [(&str, PgType); 15] = [
    ("id", PgType::INT4),
    ("name", PgType::TEXT),
    ("x", PgType::FLOAT8),
    ("amount", PgType::numeric(12, 2)),
    ("at", PgType::TIMESTAMPTZ),
    ("local", PgType::TIMESTAMP),
    ("day", PgType::DATE),
    ("time", PgType::TIME),
    ("flag", PgType::BOOL),
    ("bytes", PgType::BYTEA),
    ("key", PgType::UUID),
    ("doc", PgType::JSONB),
    ("object", PgType::OID),
    ("list", PgType::of(1007)),
    ("span", PgType::INTERVAL),
];

fn relation(database: &Database, name: &str, schema: Oid, columns: &[(&str, PgType)]) -> Relation {
    let columns: Vec<Column> = (1..)
        .zip(columns)
        .map(|(attnum, (name, ty))| Column {
            attnum,
            name: (*name).to_owned(),
            stored_name: (*name).to_owned(),
            ty: *ty,
            collation: None,
            not_null: attnum == 1,
            default: None,
            generation: None,
            comment: None,
        })
        .collect();
    Relation {
        oid: database.new_oid(),
        row_type: database.new_oid(),
        name: name.to_owned(),
        schema,
        owner: Oid::SUPERUSER,
        acl: None,
        comment: None,
        next_attnum: i16::try_from(columns.len()).unwrap_or(0) + 1,
        columns,
        persistence: Persistence::Permanent,
        publication: 1,
        column_acls: std::collections::BTreeMap::new(),
        tuning: commons::catalog::Tuning::default(),
        constraints: commons::catalog::Constraints::NONE,
        row_security: Default::default(),
        triggers: Vec::new(),
        family: Default::default(),
        kind: RelationKind::Table {
            segments: Arc::from([]),
        },
    }
}

fn rows(from: i32, to: i32) -> Vec<ArrayRef> {
    let ids: Vec<i32> = (from..to).collect();
    let count = ids.len();
    let each = |of: fn(i32) -> i64| ids.iter().map(|id| of(*id)).collect::<Vec<i64>>();
    let micros = |id| i64::from(id) * 1_000_001;
    let item = match PgType::of(1007).data_type() {
        DataType::List(item) => item,
        other => unreachable!("an array is a list, not {other}"),
    };
    vec![
        Arc::new(Int32Array::from(ids.clone())),
        Arc::new(StringViewArray::from_iter(
            ids.iter()
                .map(|id| (id % 10 != 0).then(|| format!("title {id:04}"))),
        )),
        Arc::new(Float64Array::from_iter_values(ids.iter().map(
            |id| match id {
                13 => f64::NAN,
                id => f64::from(*id) / 2.0,
            },
        ))),
        Arc::new(
            Decimal128Array::from_iter_values(ids.iter().map(|id| i128::from(*id) * 101))
                .with_precision_and_scale(12, 2)
                .unwrap_or_else(|error| unreachable!("{error}")),
        ),
        Arc::new(TimestampMicrosecondArray::from(each(micros)).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(each(micros))),
        Arc::new(Date32Array::from(ids.clone())),
        Arc::new(Time64MicrosecondArray::from(each(micros))),
        Arc::new(BooleanArray::from_iter(
            ids.iter().map(|id| Some(id % 2 == 0)),
        )),
        Arc::new(BinaryArray::from_iter_values(
            ids.iter().map(|id| id.to_be_bytes()),
        )),
        Arc::new(
            FixedSizeBinaryArray::try_from_iter(
                ids.iter()
                    .map(|id| u128::try_from(*id).unwrap_or(0).to_be_bytes()),
            )
            .unwrap_or_else(|error| unreachable!("{error}")),
        ),
        Arc::new(StringViewArray::from_iter_values(
            ids.iter().map(|id| format!("{{\"id\": {id}}}")),
        )),
        Arc::new(UInt32Array::from_iter_values(
            ids.iter()
                .map(|id| u32::MAX - u32::try_from(*id).unwrap_or(0)),
        )),
        Arc::new(ListArray::new(
            item,
            OffsetBuffer::from_lengths(std::iter::repeat_n(2, count)),
            Arc::new(Int32Array::from_iter_values(
                ids.iter().flat_map(|id| [*id, -id]),
            )),
            None,
        )),
        Arc::new(IntervalMonthDayNanoArray::from_iter_values(
            ids.iter()
                .map(|id| IntervalMonthDayNano::new(1, 2, i64::from(*id))),
        )),
    ]
}

fn filled(database: &Arc<Database>, relation: &Relation, arrays: Vec<ArrayRef>) -> Change {
    let names = relation.columns.iter().map(|column| column.name.clone());
    let batch = RecordBatch::try_from_iter_with_nullable(
        names.zip(arrays).map(|(name, array)| (name, array, true)),
    )
    .unwrap_or_else(|error| unreachable!("{error}"));
    let relation_of = Arc::new(relation.clone());
    let mut writer = SegmentWriter::new(Arc::clone(database.store()), relation_of);
    let segments = writer.write(&batch).and_then(|()| writer.finish());
    Change::AddSegments {
        relation: relation.oid,
        segments: segments.unwrap_or_else(|error| unreachable!("{error}")),
    }
}

async fn commit(database: &Arc<Database>, changes: Vec<Change>) -> Result<Version, Failed> {
    let mut transaction = Transaction::begin(
        database,
        Isolation::ReadCommitted,
        Oid::SUPERUSER,
        SessionId(1),
        None,
    );
    transaction.refresh()?;
    let changes = authorize(transaction.view(), &[], changes)?;
    transaction.push(changes)?;
    Ok(database.commit(transaction).await?.version)
}

/// A lake with a past: rows added, renamed, deleted, tables moved and dropped. The version is one
/// to travel to.
async fn write(directory: &Path) -> Result<(Arc<Database>, Version), Failed> {
    let (database, _) = Database::open(directory)?;
    let team = Schema {
        oid: database.new_oid(),
        name: "Team \"one\"".to_owned(),
        owner: Oid::SUPERUSER,
        acl: None,
        comment: None,
    };
    let measures = relation(&database, "measurements", team.oid, &COLUMNS);
    let (schema, table) = (team.oid, measures.oid);
    let moved = relation(&database, "moved", schema, &[("n", PgType::INT8)]);
    let gone = relation(&database, "gone", schema, &[("n", PgType::INT8)]);
    let (moved_oid, gone_oid) = (moved.oid, gone.oid);
    let ten: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10));
    let first = filled(&database, &measures, rows(0, 1000));
    let to_move = filled(&database, &moved, vec![Arc::clone(&ten)]);
    commit(
        &database,
        vec![
            Change::CreateSchema(team),
            Change::CreateRelation(Box::new(measures.clone())),
            first,
            Change::CreateRelation(Box::new(moved.clone())),
            to_move,
            Change::CreateRelation(Box::new(gone)),
        ],
    )
    .await?;
    let second = filled(&database, &measures, rows(1000, 1500));
    let then = commit(&database, vec![second]).await?;

    commit(
        &database,
        vec![
            Change::Rename {
                object: ObjectId::Relation(table),
                name: "measures".to_owned(),
            },
            Change::RenameColumn {
                relation: table,
                attnum: 2,
                name: "title".to_owned(),
            },
            Change::AddColumn {
                relation: table,
                column: Column {
                    attnum: measures.next_attnum,
                    name: "added".to_owned(),
                    stored_name: "added".to_owned(),
                    ty: PgType::INT8,
                    collation: None,
                    not_null: false,
                    default: None,
                    generation: None,
                    comment: Some("came later".to_owned()),
                },
            },
            Change::Comment {
                object: ObjectId::Relation(table),
                attnum: None,
                text: Some("what we measured".to_owned()),
            },
            Change::SetSchema {
                relation: moved_oid,
                schema: Oid::PUBLIC_SCHEMA,
            },
            Change::Drop(ObjectId::Relation(gone_oid)),
        ],
    )
    .await?;
    let more = filled(&database, &moved, vec![ten]);
    delete_below(&database, table, 500, vec![more]).await?;

    let mut view = relation(
        &database,
        "summary",
        Oid::PUBLIC_SCHEMA,
        &[("n", PgType::INT8)],
    );
    view.kind = RelationKind::View(View {
        query: "SELECT count(*) FROM \"Team \"\"one\"\"\".measures WHERE flag".to_owned(),
        search_path: vec!["public".to_owned()],
        depends_on: vec![table],
        next_attnums: Default::default(),
        names: Default::default(),
        keys: Default::default(),
        types: Vec::new(),
        check_option: None,
    });
    commit(&database, vec![Change::CreateRelation(Box::new(view))]).await?;
    Ok((database, then))
}

/// Rewrites the table's first segment without the ids from `limit` on, as DELETE does.
async fn delete_below(
    database: &Arc<Database>,
    table: Oid,
    limit: i32,
    mut changes: Vec<Change>,
) -> Result<(), Failed> {
    let snapshot = database.snapshot();
    let relation = snapshot.relation(table).ok_or("the table is there")?;
    let old = &relation.segments()[0];
    let mut writer = SegmentWriter::new(Arc::clone(database.store()), Arc::clone(relation));
    for batch in read_segment(database.store().root(), old, &relation.columns)? {
        let batch = batch?;
        let id = arrow::compute::kernels::cmp::lt(batch.column(0), &Int32Array::new_scalar(limit))?;
        writer.write(&arrow::compute::filter_record_batch(&batch, &id)?)?;
    }
    changes.push(Change::RemoveSegments {
        relation: table,
        segments: vec![old.id],
    });
    changes.push(Change::AddSegments {
        relation: table,
        segments: writer.finish()?,
    });
    commit(database, changes).await?;
    Ok(())
}
