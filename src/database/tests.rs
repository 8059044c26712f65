//! Transactions, commits, conflicts, merging: with a real data directory and no server.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, Int32Array};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;

use super::*;
use crate::base::{Result, SessionId, SqlState};
use crate::catalog::{
    Change, Column, Location, ObjectId, Persistence, Relation, RelationKind, Schema,
};
use crate::observe::Interrupt;
use crate::privileges::authorize;
use crate::storage::{SegmentWriter, read_segment};
use crate::types::PgType;

fn open() -> (tempfile::TempDir, Arc<Database>) {
    let directory = tempfile::tempdir().expect("a directory");
    let (database, first) = Database::open(directory.path()).expect("opens");
    assert!(first);
    (directory, database)
}

fn begin(database: &Arc<Database>, isolation: Isolation) -> Transaction {
    let mut transaction =
        Transaction::begin(database, isolation, Oid::SUPERUSER, SessionId(7), None);
    transaction.refresh().expect("refreshes");
    transaction
}

fn push(transaction: &mut Transaction, changes: Vec<Change>) -> Result<()> {
    let changes = authorize(transaction.view(), &[], changes)?;
    transaction.push(changes)
}

fn new_table(database: &Database, name: &str, schema: Oid, persistence: Persistence) -> Relation {
    let column = Column {
        attnum: 1,
        name: "n".to_owned(),
        stored_name: "n".to_owned(),
        ty: PgType::INT4,
        collation: None,
        not_null: false,
        default: None,
        generation: None,
        comment: None,
    };
    Relation {
        oid: database.new_oid(),
        row_type: database.new_oid(),
        name: name.to_owned(),
        schema,
        owner: Oid::SUPERUSER,
        acl: None,
        comment: None,
        columns: vec![column],
        next_attnum: 2,
        persistence,
        publication: 1,
        column_acls: std::collections::BTreeMap::new(),
        tuning: crate::catalog::Tuning::default(),
        constraints: crate::catalog::Constraints::NONE,
        row_security: Default::default(),
        triggers: Vec::new(),
        family: Default::default(),
        kind: RelationKind::Table {
            segments: Arc::from([]),
        },
    }
}

fn table(database: &Database, name: &str) -> Relation {
    new_table(database, name, Oid::PUBLIC_SCHEMA, Persistence::Permanent)
}

async fn create(database: &Arc<Database>, name: &str) -> Oid {
    let relation = table(database, name);
    let oid = relation.oid;
    let mut transaction = begin(database, Isolation::ReadCommitted);
    push(
        &mut transaction,
        vec![Change::CreateRelation(Box::new(relation))],
    )
    .expect("creates");
    database.commit(transaction).await.expect("commits");
    oid
}

fn insert(transaction: &mut Transaction, table: Oid, numbers: &[i32]) {
    let relation = Arc::clone(transaction.view().relation(table).expect("there"));
    let mut writer = SegmentWriter::new(Arc::clone(transaction.database.store()), relation);
    let array = Arc::new(Int32Array::from(numbers.to_vec()));
    let batch = RecordBatch::try_from_iter([("n", array as _)]).expect("a batch");
    writer.write(&batch).expect("writes");
    let segments = writer.finish().expect("finishes");
    push(
        transaction,
        vec![Change::AddSegments {
            relation: table,
            segments,
        }],
    )
    .expect("adds");
}

async fn insert_now(database: &Arc<Database>, table: Oid, numbers: &[i32]) {
    let mut transaction = begin(database, Isolation::ReadCommitted);
    insert(&mut transaction, table, numbers);
    database.commit(transaction).await.expect("commits");
}

fn delete_all(transaction: &mut Transaction, table: Oid) -> Result<()> {
    let relation = transaction.view().relation(table).expect("there");
    let segments = relation.segments().iter().map(|s| s.id).collect();
    push(
        transaction,
        vec![Change::RemoveSegments {
            relation: table,
            segments,
        }],
    )
}

fn numbers(database: &Database, snapshot: &Snapshot, table: Oid) -> Vec<i32> {
    let relation = snapshot.relation(table).expect("there");
    relation
        .segments()
        .iter()
        .flat_map(|segment| {
            read_segment(database.store().root(), segment, &relation.columns).expect("opens")
        })
        .flat_map(|batch| {
            let batch = batch.expect("reads");
            let column = batch.column(0).as_primitive::<Int32Type>();
            column.values().to_vec()
        })
        .collect()
}

fn state(outcome: Result<impl std::fmt::Debug>) -> SqlState {
    outcome.expect_err("refused").state()
}

#[tokio::test]
async fn commits_survive_reopening() {
    let (directory, database) = open();
    let oid = create(&database, "t").await;
    insert_now(&database, oid, &[1, 2, 3]).await;
    let before = database.snapshot();
    drop(database);
    let (database, first) = Database::open(directory.path()).expect("opens again");
    assert!(!first);
    assert_eq!(*database.snapshot(), *before);
    assert_eq!(numbers(&database, &database.snapshot(), oid), [1, 2, 3]);
    assert!(database.new_oid() > oid);
}

#[tokio::test]
async fn many_small_inserts_are_one_segment() {
    let (_directory, database) = open();
    let (t, u) = (create(&database, "t").await, create(&database, "u").await);
    let mut transaction = begin(&database, Isolation::ReadCommitted);
    for n in 0..10_000 {
        insert(&mut transaction, t, &[n]);
        insert(&mut transaction, u, &[-n]);
    }
    let view = Arc::clone(transaction.view());
    let expected: Vec<i32> = (0..10_000).collect();
    assert_eq!(
        numbers(&database, &view, t),
        expected,
        "read your own writes"
    );
    database.commit(transaction).await.expect("commits");
    let snapshot = database.snapshot();
    for table in [t, u] {
        let segments = snapshot.relation(table).expect("there").segments();
        assert_eq!(segments.len(), 1);
        assert!(matches!(segments[0].location, Location::File { .. }));
    }
    assert_eq!(numbers(&database, &snapshot, t), expected);
}

#[tokio::test]
async fn rows_added_and_removed_by_one_transaction_leave_no_trace() {
    let (_directory, database) = open();
    let oid = create(&database, "t").await;
    insert_now(&database, oid, &[1]).await;
    let mut transaction = begin(&database, Isolation::ReadCommitted);
    insert(&mut transaction, oid, &[2]);
    delete_all(&mut transaction, oid).expect("removes");
    insert(&mut transaction, oid, &[3]);
    assert_eq!(transaction.pending.changes().len(), 2);
    database.commit(transaction).await.expect("commits");
    assert_eq!(numbers(&database, &database.snapshot(), oid), [3]);
}

#[tokio::test]
async fn isolation_levels_see_what_they_should() {
    let (_directory, database) = open();
    let oid = create(&database, "t").await;
    let mut committed = begin(&database, Isolation::ReadCommitted);
    let mut repeatable = begin(&database, Isolation::RepeatableRead);
    insert(&mut committed, oid, &[10]);
    insert_now(&database, oid, &[1]).await;
    assert_eq!(numbers(&database, committed.view(), oid), [10]);
    committed.refresh().expect("refreshes");
    repeatable.refresh().expect("refreshes");
    assert_eq!(numbers(&database, committed.view(), oid), [1, 10]);
    assert!(numbers(&database, repeatable.view(), oid).is_empty());
    // Appends commute, whatever the level.
    insert(&mut repeatable, oid, &[20]);
    database.commit(repeatable).await.expect("commits");
    database.commit(committed).await.expect("commits");
    assert_eq!(numbers(&database, &database.snapshot(), oid), [1, 20, 10]);
}

#[tokio::test]
async fn conflicting_transactions_fail_cleanly() {
    let (_directory, database) = open();
    let oid = create(&database, "t").await;
    insert_now(&database, oid, &[1]).await;

    let mut first = begin(&database, Isolation::RepeatableRead);
    let mut second = begin(&database, Isolation::RepeatableRead);
    delete_all(&mut first, oid).expect("removes");
    delete_all(&mut second, oid).expect("removes");
    database.commit(first).await.expect("the first wins");
    let outcome = database.commit(second).await;
    assert_eq!(state(outcome), SqlState::SERIALIZATION_FAILURE);

    let mut first = begin(&database, Isolation::ReadCommitted);
    let mut second = begin(&database, Isolation::ReadCommitted);
    for transaction in [&mut first, &mut second] {
        let relation = Box::new(table(&database, "same"));
        push(transaction, vec![Change::CreateRelation(relation)]).expect("creates");
    }
    database.commit(first).await.expect("the first wins");
    let outcome = second.refresh();
    assert_eq!(state(outcome), SqlState::SERIALIZATION_FAILURE);
    let outcome = database.commit(second).await;
    assert_eq!(state(outcome), SqlState::SERIALIZATION_FAILURE);

    let mut late = begin(&database, Isolation::ReadCommitted);
    let relation = Box::new(table(&database, "same"));
    let outcome = push(&mut late, vec![Change::CreateRelation(relation)]);
    assert_eq!(
        state(outcome),
        SqlState::DUPLICATE_TABLE,
        "no conflict, just a mistake"
    );
}

#[tokio::test]
async fn a_lock_shows_what_its_last_holder_did() {
    let (_directory, database) = open();
    let oid = create(&database, "t").await;
    insert_now(&database, oid, &[1]).await;
    let interrupt = Interrupt::new();
    let mut first = begin(&database, Isolation::ReadCommitted);
    first
        .lock(oid, LockMode::Rewrite, &interrupt)
        .await
        .expect("free");
    let mut second = begin(&database, Isolation::ReadCommitted);
    let mut third = begin(&database, Isolation::RepeatableRead);
    third.view();
    let waiting = tokio::spawn(async move {
        let outcome = second.lock(oid, LockMode::Rewrite, &Interrupt::new()).await;
        outcome.map(|()| second)
    });
    delete_all(&mut first, oid).expect("removes");
    insert(&mut first, oid, &[2]);
    database.commit(first).await.expect("commits");
    let second = waiting.await.expect("no panic").expect("granted");
    assert_eq!(numbers(&database, second.view(), oid), [2]);
    drop(second);
    let outcome = third.lock(oid, LockMode::Rewrite, &interrupt).await;
    assert_eq!(state(outcome), SqlState::SERIALIZATION_FAILURE);
}

#[tokio::test]
async fn savepoints_take_back_changes_and_notifies() {
    let (_directory, database) = open();
    let oid = create(&database, "t").await;
    let mut mailbox = database.hub().open(SessionId(1), Oid::SUPERUSER);
    mailbox.listen("c");
    let mut transaction = begin(&database, Isolation::ReadCommitted);
    insert(&mut transaction, oid, &[1]);
    transaction.savepoint("a");
    insert(&mut transaction, oid, &[2]);
    transaction.notify("c".to_owned(), "lost".to_owned());
    transaction.savepoint("b");
    insert(&mut transaction, oid, &[3]);
    insert_now(&database, oid, &[0]).await;
    transaction.refresh().expect("refreshes");
    transaction.rollback_to("a").expect("there");
    assert_eq!(numbers(&database, transaction.view(), oid), [0, 1]);
    assert_eq!(
        state(transaction.rollback_to("b")),
        SqlState::INVALID_SAVEPOINT_SPECIFICATION
    );
    transaction.notify("c".to_owned(), "kept".to_owned());
    transaction.notify("c".to_owned(), "kept".to_owned());
    transaction.release("a").expect("there");
    database.commit(transaction).await.expect("commits");
    assert_eq!(numbers(&database, &database.snapshot(), oid), [0, 1]);
    let told = std::iter::from_fn(|| mailbox.try_next()).collect::<Vec<_>>();
    assert_eq!(told.len(), 1);
    assert_eq!((&*told[0].payload, told[0].sender), ("kept", SessionId(7)));
}

#[tokio::test]
async fn a_notify_alone_makes_no_version() {
    let (_directory, database) = open();
    let mut mailbox = database.hub().open(SessionId(1), Oid::SUPERUSER);
    mailbox.listen("c");
    let version = database.snapshot().version();
    let mut transaction = begin(&database, Isolation::ReadCommitted);
    transaction.notify("c".to_owned(), String::new());
    let committed = database.commit(transaction).await.expect("commits");
    assert_eq!(committed.version, version);
    assert_eq!(database.snapshot().version(), version);
    tokio::time::timeout(Duration::from_secs(5), mailbox.ready())
        .await
        .expect("it arrives");
    assert_eq!(&*mailbox.try_next().expect("there").channel, "c");
}

#[tokio::test]
async fn temporary_tables_are_their_session_s_alone() {
    let (directory, database) = open();
    let durable = create(&database, "t").await;
    let version = database.snapshot().version();
    let schema = Schema {
        oid: database.new_oid(),
        name: Schema::temporary_name(SessionId(7)),
        owner: Oid::SUPERUSER,
        acl: None,
        comment: None,
    };
    let private = new_table(&database, "x", schema.oid, Persistence::Temporary);
    let (schema_oid, oid) = (schema.oid, private.oid);
    let mut transaction = begin(&database, Isolation::ReadCommitted);
    push(
        &mut transaction,
        vec![
            Change::CreateSchema(schema),
            Change::CreateRelation(Box::new(private)),
        ],
    )
    .expect("creates");
    insert(&mut transaction, oid, &[1]);
    let committed = database.commit(transaction).await.expect("commits");
    assert_eq!(database.snapshot().version(), version, "nothing durable");
    assert!(database.snapshot().relation(oid).is_none());
    assert_eq!(numbers(&database, &committed.view, oid), [1]);

    let mut view = committed.view;
    for n in 2..40 {
        let mut transaction = Transaction::begin(
            &database,
            Isolation::ReadCommitted,
            Oid::SUPERUSER,
            SessionId(7),
            Some((schema_oid, view)),
        );
        transaction.refresh().expect("refreshes");
        insert(&mut transaction, oid, &[n]);
        insert(&mut transaction, durable, &[n]);
        view = database.commit(transaction).await.expect("commits").view;
    }
    let expected: Vec<i32> = (1..40).collect();
    assert_eq!(numbers(&database, &view, oid), expected);
    assert_eq!(
        numbers(&database, &database.snapshot(), durable),
        expected[1..]
    );
    let segments = view.relation(oid).expect("there").segments().len();
    assert!(segments < 8, "{segments} segments");

    drop((view, database));
    let (database, _) = Database::open(directory.path()).expect("opens again");
    assert!(database.snapshot().relation(oid).is_none());
}

#[tokio::test]
async fn rolling_back_removes_files() {
    let (directory, database) = open();
    let oid = create(&database, "t").await;
    let mut transaction = begin(&database, Isolation::ReadCommitted);
    let rows: Vec<i32> = (0..500_000).collect();
    let relation = Arc::clone(transaction.view().relation(oid).expect("there"));
    let mut writer = SegmentWriter::new(Arc::clone(database.store()), relation);
    let array = Arc::new(Int32Array::from(rows));
    let batch = RecordBatch::try_from_iter([("n", array as _)]).expect("a batch");
    for _ in 0..20 {
        writer.write(&batch).expect("writes");
    }
    let segments = writer.finish().expect("finishes");
    push(
        &mut transaction,
        vec![Change::AddSegments {
            relation: oid,
            segments,
        }],
    )
    .expect("adds");
    let files = || {
        let path = directory.path().join("data").join(format!("t{oid}"));
        std::fs::read_dir(path).map_or(0, Iterator::count)
    };
    assert!(files() > 0);
    drop(transaction);
    assert_eq!(files(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commits_are_all_there() {
    let (directory, database) = open();
    let oid = create(&database, "t").await;
    let start = database.snapshot().version();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let database = Arc::clone(&database);
        tasks.spawn(async move {
            let mut transaction = begin(&database, Isolation::ReadCommitted);
            insert(&mut transaction, oid, &[n]);
            let committed = database.commit(transaction).await.expect("commits");
            assert!(numbers(&database, &database.snapshot(), oid).contains(&n));
            committed.version
        });
    }
    let mut versions = tasks.join_all().await;
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), 40);
    assert_eq!(database.snapshot().version(), Version(start.0 + 40));
    let before = database.snapshot();
    drop(database);
    let (database, _) = Database::open(directory.path()).expect("opens again");
    assert_eq!(*database.snapshot(), *before);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_its_commit() {
    let (_directory, database) = open();
    let oid = create(&database, "t").await;
    let mut transaction = begin(&database, Isolation::ReadCommitted);
    insert(&mut transaction, oid, &[1]);
    // Polled once, then dropped.
    let commit = Box::pin(database.commit(transaction));
    let _ = futures::future::select(commit, std::future::ready(())).await;
    for _ in 0..200 {
        if numbers(&database, &database.snapshot(), oid) == [1] {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the commit never came");
}

#[tokio::test]
async fn small_segments_are_merged_without_changing_rows() {
    let (directory, database) = open();
    let oid = create(&database, "t").await;
    for n in 0..200 {
        insert_now(&database, oid, &[n]).await;
    }
    let old = database.snapshot();
    assert_eq!(old.relation(oid).expect("there").segments().len(), 200);

    let mut writer = begin(&database, Isolation::ReadCommitted);
    writer
        .lock(oid, LockMode::Rewrite, &Interrupt::new())
        .await
        .expect("free");
    assert_eq!(
        database.merge_small_segments().await.expect("runs"),
        0,
        "somebody rewrites it"
    );
    drop(writer);

    let mut appender = begin(&database, Isolation::ReadCommitted);
    appender
        .lock(oid, LockMode::Append, &Interrupt::new())
        .await
        .expect("free");
    insert(&mut appender, oid, &[200]);
    assert_eq!(database.merge_small_segments().await.expect("runs"), 1);
    database
        .commit(appender)
        .await
        .expect("appends and merging go together");

    let snapshot = database.snapshot();
    assert_eq!(snapshot.relation(oid).expect("there").segments().len(), 2);
    let expected: Vec<i32> = (0..=200).collect();
    assert_eq!(numbers(&database, &snapshot, oid), expected);
    database.sweep().await.expect("sweeps");
    assert_eq!(
        numbers(&database, &old, oid),
        expected[..200],
        "an old reader goes on"
    );
    drop((old, snapshot, database));
    let (database, _) = Database::open(directory.path()).expect("opens again");
    assert_eq!(numbers(&database, &database.snapshot(), oid), expected);
}

#[tokio::test]
async fn dropping_the_table_wins_over_an_insert_into_it() {
    let (_directory, database) = open();
    let oid = create(&database, "t").await;
    let mut transaction = begin(&database, Isolation::ReadCommitted);
    insert(&mut transaction, oid, &[1]);
    let mut drop_it = begin(&database, Isolation::ReadCommitted);
    push(&mut drop_it, vec![Change::Drop(ObjectId::Relation(oid))]).expect("drops");
    database.commit(drop_it).await.expect("commits");
    let outcome = database.commit(transaction).await;
    assert_eq!(state(outcome), SqlState::SERIALIZATION_FAILURE);
}
