//! Names: looked up along a path, kept where views use them, temporary ones laid over.

use super::*;

#[test]
fn names_that_views_use_keep_their_meaning() {
    let moved = team()
        .apply(&[Change::Rename {
            object: ObjectId::Schema(TEAM),
            name: "u".into(),
        }])
        .unwrap();
    let views = moved.relations().filter_map(|relation| relation.view());
    let paths: Vec<_> = views.flat_map(|view| &view.search_path).collect();
    assert!(paths.iter().all(|schema| *schema != "team"));
    let renamed = team()
        .apply(&[
            Change::Rename {
                object: ObjectId::Relation(UPPER),
                name: "top".into(),
            },
            Change::Rename {
                object: ObjectId::Schema(OTHER),
                name: "more".into(),
            },
        ])
        .unwrap();
    let path = SearchPath::default();
    let found = renamed
        .resolve_relation(&path, Some("more"), "top")
        .unwrap();
    assert_eq!(found.oid, UPPER);
    assert!(renamed.schema_named("other").is_none());
}

#[test]
fn temporary_objects_lie_over_newer_catalogs() {
    let mut mine = relation(Oid(20000), TEMP, "t", RelationKind::View(body(&[TABLE])));
    mine.persistence = Persistence::Temporary;
    let base = team();
    let session = base
        .apply(&[
            Change::CreateSchema(schema(TEMP, "pg_temp_7", Oid::SUPERUSER)),
            Change::CreateRelation(Box::new(mine)),
        ])
        .unwrap();
    let newer = base
        .apply(&[table(Oid(20002), TEAM, "new")])
        .unwrap()
        .with_temporary(TEMP, &session);
    let path = SearchPath::new(&newer, &["team".into()], ANN, Some(TEMP), |_| true);
    let find = |schema: Option<&str>, name| {
        newer
            .resolve_relation(&path, schema, name)
            .map(|relation| relation.oid)
    };
    assert_eq!(find(None, "t").unwrap(), Oid(20000));
    assert_eq!(find(Some("pg_temp"), "t").unwrap(), Oid(20000));
    assert_eq!(find(Some("team"), "t").unwrap(), TABLE);
    assert_eq!(find(None, "new").unwrap(), Oid(20002));
    assert_eq!(newer.without_temporary().relations().count(), 4);
    assert_eq!(base.with_temporary(TEMP, &base), base);
    refused(
        session.apply(&[view(Oid(20004), TEAM, "x", &[Oid(20000)])]),
        SqlState::INVALID_TABLE_DEFINITION,
        "view \"x\" must be temporary because it reads temporary relation \"t\"",
    );
    refused(
        session.apply(&[table(Oid(20004), TEMP, "x")]),
        SqlState::INVALID_TABLE_DEFINITION,
        "only temporary relations may be created in temporary schemas",
    );
}

#[test]
fn search_paths_put_the_system_first_unless_named() {
    let own = Oid(20000);
    let team = team()
        .apply(&[Change::CreateSchema(schema(own, "ann", ANN))])
        .unwrap();
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let path = SearchPath::new(&team, &names(&["$user", "public"]), ANN, None, |_| true);
    assert_eq!(path.lookup, [Oid::PG_CATALOG, own, Oid::PUBLIC_SCHEMA]);
    assert_eq!(path.creation, Some(own));
    let path = SearchPath::new(
        &team,
        &names(&["nosuch", "team", "pg_catalog"]),
        BOB,
        Some(TEMP),
        |oid| oid != TEAM,
    );
    assert_eq!(path.lookup, [TEMP, Oid::PG_CATALOG]);
    assert_eq!(path.creation, Some(Oid::PG_CATALOG));
    let path = SearchPath::new(&team, &names(&["pg_temp", "team"]), ANN, None, |_| true);
    assert_eq!(path.creation, None);
    let error = team.resolve_creation_schema(&path, None).unwrap_err();
    assert_eq!(error.message(), "no schema has been selected to create in");
    let error = team
        .resolve_relation(&path, Some("nosuch"), "t")
        .unwrap_err();
    assert_eq!(error.message(), "relation \"nosuch.t\" does not exist");
    assert_eq!(error.state(), SqlState::UNDEFINED_TABLE);
}

#[test]
fn a_view_sees_the_columns_it_was_made_over() {
    let team = team();
    let mut body = body(&[TABLE]);
    body.next_attnums.insert(TABLE, 3);
    let seen = body.sees(team.relation(TABLE).unwrap()).unwrap();
    assert_eq!(seen.columns.len(), 2);
    let wider = team
        .apply(&[Change::AddColumn {
            relation: TABLE,
            column: column(3, "c", PgType::INT8),
        }])
        .unwrap();
    let seen = body.sees(wider.relation(TABLE).unwrap()).unwrap();
    assert_eq!(seen.columns.len(), 2);
    assert!(body.sees(wider.relation(VIEW).unwrap()).is_none());
}
