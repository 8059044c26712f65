//! Every system relation over a small catalog.

use std::sync::Arc;

use arrow::array::{Array, AsArray};

use super::*;
use crate::base::SessionId;
use crate::catalog::{Change, Persistence, Relation, RelationKind, Role, Schema, Snapshot, View};
use crate::database::Database;
use crate::observe::Sessions;
use crate::privileges;
use crate::settings::Settings;
use crate::types::PgType;

const ANN: Oid = Oid(16_384);
const TEAM: Oid = Oid(16_385);
const DELAYS: Oid = Oid(16_386);
const RESULT: Oid = Oid(16_388);

fn column(attnum: i16, name: &str, ty: PgType) -> Column {
    Column {
        attnum,
        name: name.into(),
        stored_name: name.into(),
        ty,
        collation: None,
        not_null: attnum == 1,
        default: (attnum == 2).then(|| "'x'::text".into()),
        generation: None,
        comment: None,
    }
}

fn relation(oid: Oid, name: &str, kind: RelationKind) -> Change {
    Change::CreateRelation(Box::new(Relation {
        oid,
        row_type: Oid(oid.0 + 1),
        name: name.into(),
        schema: TEAM,
        owner: ANN,
        acl: None,
        comment: Some("late flights".into()),
        columns: vec![
            column(1, "carrier", PgType::TEXT),
            column(2, "n", PgType::numeric(10, 2)),
        ],
        next_attnum: 3,
        persistence: Persistence::Permanent,
        publication: 1,
        column_acls: std::collections::BTreeMap::new(),
        tuning: crate::catalog::Tuning::default(),
        constraints: crate::catalog::Constraints::NONE,
        row_security: Default::default(),
        triggers: Vec::new(),
        family: Default::default(),
        kind,
    }))
}

/// A statement of ann's over a catalog with a schema, a table and a view of hers.
pub(crate) fn context() -> (tempfile::TempDir, Arc<StatementContext>) {
    let folder = tempfile::tempdir().unwrap();
    let (database, _) = Database::open(folder.path()).unwrap();
    let snapshot = Snapshot::genesis()
        .apply(&[
            Change::CreateRole(Role {
                oid: ANN,
                name: "ann".into(),
                superuser: false,
                inherit: true,
                create_role: false,
                create_db: false,
                login: true,
                bypass_row_security: false,
                connection_limit: -1,
                valid_until: None,
                settings: [("work_mem".into(), "1MB".into())].into(),
                comment: None,
            }),
            Change::CreateSchema(Schema {
                oid: TEAM,
                name: "team".into(),
                owner: ANN,
                acl: None,
                comment: None,
            }),
            relation(
                DELAYS,
                "delays",
                RelationKind::Table {
                    segments: Arc::new([]),
                },
            ),
            relation(
                RESULT,
                "Result",
                RelationKind::View(View {
                    query: "SELECT * FROM team.delays".into(),
                    search_path: vec!["public".into()],
                    depends_on: vec![DELAYS],
                    next_attnums: Default::default(),
                    names: Default::default(),
                    keys: Default::default(),
                    types: Vec::new(),
                    check_option: None,
                }),
            ),
        ])
        .unwrap();
    let path = privileges::search_path(&snapshot, ANN, &["public".to_owned()], None);
    let context = StatementContext {
        snapshot: Arc::new(snapshot),
        role: ANN,
        session_role: ANN,
        search_path: path,
        settings: Arc::new(Settings::new()),
        style: Arc::default(),
        statement_time: 0,
        transaction_time: 0,
        session: SessionId(1),
        sessions: Arc::new(Sessions::new(0)),
        database,
        listening: Arc::default(),
        prepared: Arc::default(),
        cursors: Arc::default(),
        effects: Arc::default(),
        last_values: Arc::default(),
        random: Arc::default(),
        interrupt: crate::observe::Interrupt::new(),
        files: None,
        large_objects: None,
        read_only: false,
        reads: None,
        constraint_modes: Arc::default(),
        view_definition: |_, _, view| Ok(view.query.clone()),
        view_base: |_, _| None,
        laid_out: |_, text, _| crate::statement::LaidOut {
            text: text.to_owned(),
            is_call: false,
        },
        in_routine: false,
        arguments: None,
        calls: None,
        skipped: Arc::default(),
        trigger_depth: 0,
        transitions: Arc::from([]),
    };
    (folder, Arc::new(context))
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<String> {
    let array = batch.column_by_name(column).unwrap().as_string_view();
    (0..array.len())
        .map(|row| array.value(row).to_owned())
        .collect()
}

#[test]
fn every_base_relation_has_rows_of_its_own_shape() {
    let (_folder, context) = context();
    for relation in all() {
        let batch = rows(relation, &context).unwrap();
        assert_eq!(batch.schema(), relation.arrow_schema(), "{}", relation.name);
        for (column, array) in relation.columns.iter().zip(batch.columns()) {
            assert!(
                !column.not_null || array.null_count() == 0,
                "{}.{}",
                relation.name,
                column.name
            );
        }
    }
}

#[test]
fn users_objects_are_beside_the_systems() {
    let (_folder, context) = context();
    let of = |name: &str| {
        let relation = find(Oid::PG_CATALOG, name).unwrap();
        rows(relation, &context).unwrap()
    };
    let classes = texts(&of("pg_class"), "relname");
    for name in ["delays", "Result", "pg_class", "columns", "publications"] {
        assert!(classes.iter().any(|class| class == name), "{name}");
    }
    assert!(texts(&of("pg_type"), "typname").contains(&"_pg_class".to_owned()));
    assert!(texts(&of("pg_attribute"), "attname").contains(&"carrier".to_owned()));
    assert_eq!(of("pg_attrdef").num_rows(), 2);
    let settings = of("pg_settings");
    assert!(texts(&settings, "name").contains(&"search_path".to_owned()));
}

#[test]
fn names_are_qualified_only_where_needed() {
    let (_folder, context) = context();
    let name = |reg, oid| names::name(&context, reg, Oid(oid)).unwrap_or_else(|| "?".into());
    for (reg, oid, text) in [
        (PgType::REGCLASS, 1259, "pg_class"),
        (PgType::REGCLASS, DELAYS.0, "team.delays"),
        (PgType::REGCLASS, RESULT.0, "team.\"Result\""),
        (PgType::REGCLASS, 0, "-"),
        (PgType::REGCLASS, 99, "?"),
        (PgType::REGTYPE, 23, "integer"),
        (PgType::REGTYPE, 1007, "integer[]"),
        (PgType::REGTYPE, 2276, "\"any\""),
        (PgType::REGTYPE, 83, "pg_class"),
        (PgType::REGTYPE, DELAYS.0 + 1, "team.delays"),
        (PgType::REGPROC, 750, "array_in"),
        (PgType::REGPROCEDURE, 1242, "boolin(cstring)"),
        (PgType::REGNAMESPACE, 11, "pg_catalog"),
        (PgType::REGROLE, 10, "commons"),
    ] {
        assert_eq!(name(reg, oid), text);
    }
    let parse = |reg, text: &str| names::parse_reg(&context, reg, text).map(|oid| oid.0);
    assert_eq!(parse(PgType::REGCLASS, "pg_class").unwrap(), 1259);
    assert_eq!(parse(PgType::REGCLASS, "Team.Delays").unwrap(), DELAYS.0);
    assert_eq!(parse(PgType::REGCLASS, "16386").unwrap(), DELAYS.0);
    assert_eq!(
        parse(PgType::REGTYPE, "character varying(30)").unwrap(),
        1043
    );
    assert_eq!(
        parse(PgType::REGTYPE, "timestamp with time zone").unwrap(),
        1184
    );
    assert_eq!(parse(PgType::REGTYPE, "pg_catalog.int4[]").unwrap(), 1007);
    assert_eq!(parse(PgType::REGTYPE, "team.delays").unwrap(), DELAYS.0 + 1);
    assert_eq!(parse(PgType::REGPROC, "array_in").unwrap(), 750);
    let code = |reg, text: &str| parse(reg, text).unwrap_err().state().code().to_owned();
    assert_eq!(code(PgType::REGCLASS, "delays"), "42P01");
    assert_eq!(code(PgType::REGTYPE, "hstore"), "42704");
    assert_eq!(code(PgType::REGNAMESPACE, "nowhere"), "3F000");
    assert_eq!(code(PgType::REGCLASS, "a b"), "42602");
}
