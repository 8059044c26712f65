//! Files of the server as tables, and the errors of broken ones.

use crate::base::SqlState;
use crate::catalog::{Change, RelationKind};
use crate::engine::bench::{Bench, TEXT};
use crate::types::PgType;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_tables() {
    let mut bench = Bench::new(false);
    let folder = bench.directory.path().to_owned();
    let csv = folder.join("penguins.csv");
    std::fs::write(
        &csv,
        "Species,Island,Mass,Born,Seen,Code,Note\n\
         Adelie,Torgersen,3750,2007-01-02,2007-01-02 10:00:00,007,\"a, \"\"b\"\"\nsecond\"\n\
         Gentoo,NA,NA,NA,NA,012,\n\
         Chinstrap,Dream,3.5e3,2008-12-31,2008-12-31 23:59:59.5,1,\"\"\n",
    )
    .expect("writes");
    let options: std::collections::BTreeMap<String, String> =
        [("path".into(), csv.display().to_string())].into();
    let columns = bench.engine.infer_foreign(&options).await.expect("infers");
    let found: Vec<_> = columns.iter().map(|c| (c.name.as_str(), c.ty)).collect();
    assert_eq!(
        found,
        [
            ("species", TEXT),
            ("island", TEXT),
            ("mass", PgType::FLOAT8),
            ("born", PgType::DATE),
            ("seen", PgType::TIMESTAMP),
            ("code", TEXT),
            ("note", TEXT),
        ]
    );
    let mut relation = bench.relation(
        "penguins",
        &[],
        RelationKind::Foreign {
            server: "files".into(),
            options,
        },
    );
    relation.next_attnum = columns.len() as i16 + 1;
    relation.columns = columns;
    bench.apply(&[Change::CreateRelation(Box::new(relation.clone()))]);
    assert_eq!(
        bench
            .ask("select species, mass, born, seen, code, note from penguins order by species")
            .await,
        "Adelie,3750,2007-01-02,2007-01-02 10:00:00,007,a, \"b\"\nsecond;\
         Chinstrap,3500,2008-12-31,2008-12-31 23:59:59.5,1,;Gentoo,,,,012,"
    );
    assert_eq!(
        bench
            .ask("select count(*), count(island), count(note), sum(mass) from penguins")
            .await,
        "3,2,2,7250"
    );
    assert_eq!(
        bench
            .ask("select count(*) from penguins where note = ''")
            .await,
        "1"
    );

    // A broken line says where it is.
    std::fs::write(
        &csv,
        "Species,Island,Mass,Born,Seen,Code,Note\na,b,1,2007-01-02,,x,\n\na,b,many,,,,\n",
    )
    .expect("writes");
    let error = bench
        .answer("select mass from penguins", &[])
        .await
        .expect_err("fails");
    assert_eq!(error.state(), SqlState::INVALID_TEXT_REPRESENTATION);
    let place = error.fields().context.clone().unwrap_or_default();
    assert!(place.ends_with("line 4, column mass: \"many\""), "{place}");
    std::fs::write(&csv, "Species,Island,Mass,Born,Seen,Code,Note\na,b\n").expect("writes");
    let error = bench
        .answer("select mass from penguins", &[])
        .await
        .expect_err("fails");
    assert_eq!(error.state(), SqlState::BAD_COPY_FILE_FORMAT);

    // Outside the folders the server may read.
    for (path, state) in [
        ("/etc/passwd.csv", SqlState::UNDEFINED_FILE),
        ("/etc/hostname", SqlState::INSUFFICIENT_PRIVILEGE),
    ] {
        let options = [
            ("path".to_owned(), path.to_owned()),
            ("format".to_owned(), "csv".to_owned()),
        ];
        let error = bench
            .engine
            .infer_foreign(&options.into())
            .await
            .expect_err("refused");
        assert_eq!(error.state(), state, "{path}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_and_folders_are_tables() {
    let mut bench = Bench::new(false);
    let folder = bench.directory.path().join("events");
    std::fs::create_dir(&folder).expect("makes a folder");
    std::fs::write(
        folder.join("1.jsonl"),
        "{\"id\": 1, \"at\": \"2024-01-01T00:00:00Z\", \"tags\": [\"a\", \"b\"], \"ok\": true}\n",
    )
    .expect("writes");
    std::fs::write(
        folder.join("2.jsonl"),
        "{\"id\": 2, \"ok\": null}\n\n{\"id\": 3, \"tags\": {\"x\": 1}}\n",
    )
    .expect("writes");
    let options: std::collections::BTreeMap<String, String> = [
        ("path".into(), folder.display().to_string()),
        ("format".into(), "json".into()),
    ]
    .into();
    let columns = bench.engine.infer_foreign(&options).await.expect("infers");
    let mut files = bench.relation(
        "events",
        &[],
        RelationKind::Foreign {
            server: "files".into(),
            options,
        },
    );
    files.next_attnum = columns.len() as i16 + 1;
    files.columns = columns.clone();
    bench.apply(&[Change::CreateRelation(Box::new(files.clone()))]);
    assert_eq!(
        bench
            .ask("select id, at, tags, ok from events order by id")
            .await,
        "1,2024-01-01 00:00:00+00,[\"a\", \"b\"],t;2,,,;3,,{\"x\": 1},"
    );
}
