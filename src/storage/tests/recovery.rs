//! Reopening gives back what was committed, and nothing else stays.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::*;
use crate::base::SegmentId;
use crate::catalog::{
    Change, Location, Membership, ObjectId, RelationKind, Role, Schema, Segment, View,
};
use crate::types::PgType;

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
        pages: None,
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
        pages: None,
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
                names: Default::default(),
                keys: Default::default(),
                types: Vec::new(),
                check_option: None,
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
            bypass_row_security: false,
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
            // Some random changes are refused (a view reads the column to rename); they are no
            // commit.
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
