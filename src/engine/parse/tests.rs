//! Tests of the parser.

use super::*;
use crate::engine::command::*;

fn error(sql: &str) -> String {
    let error = match parse(sql) {
        Ok(statements) => panic!("{sql} parsed: {statements:?}"),
        Err(error) => error,
    };
    let position = error.position().map_or(String::new(), |p| format!(" @{p}"));
    format!("{} {}{position}", error.state(), error.message())
}

fn one(sql: &str) -> Command {
    let mut statements = parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(statements.len(), 1, "{sql}");
    statements.remove(0).command
}

#[test]
fn statements_keep_their_text_and_place() {
    let statements = parse(" SELECT 'é;'; -- c\n\n SELECT\n 2 ;;").unwrap();
    let texts: Vec<_> = statements
        .iter()
        .map(|s| (s.text.as_str(), s.offset))
        .collect();
    assert_eq!(texts, [("SELECT 'é;'", 1), ("SELECT\n 2", 21)]);
    assert!(parse(" ; ").unwrap().is_empty());
    let copy = parse("COPY t FROM STDIN; SELECT 1").unwrap();
    assert!(matches!(copy[0].command, Command::Copy(_)));
    assert!(matches!(copy[1].command, Command::Query(_)));
}

#[test]
fn syntax_errors_are_postgresqls() {
    for (sql, expected) in [
        ("SELEC 1", "42601 syntax error at or near \"SELEC\" @1"),
        (
            "SELECT 1;\nSELECT a b c",
            "42601 syntax error at or near \"c\" @22",
        ),
        ("SELECT * FROM", "42601 syntax error at end of input @14"),
        ("SELECT * FROM;", "42601 syntax error at or near \";\" @14"),
        (
            "SELECT 'abc",
            "42601 unterminated quoted string at or near \"'abc\" @8",
        ),
        ("SELECT 1 1", "42601 syntax error at or near \"1\" @10"),
        ("SELECT (1", "42601 syntax error at end of input @10"),
        (
            "CREATE TABLE t (a int",
            "42601 syntax error at end of input @22",
        ),
        ("CREATE RULE x", "0A000 CREATE RULE is not supported"),
        ("IMPORT FOREIGN SCHEMA t", "0A000 IMPORT is not supported"),
    ] {
        assert_eq!(error(sql), expected, "{sql}");
    }
}

#[test]
fn bombs_are_refused() {
    on_a_servers_thread(refuse_bombs);
}

fn refuse_bombs() {
    let deep = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let terms = format!("SELECT 1{}", "+1".repeat(5_000));
    let ors = format!("SELECT 1 WHERE a = 1{}", " OR a = 1".repeat(20_000));
    let nots = format!("SELECT {} true", "NOT ".repeat(5_000));
    let cases = format!(
        "SELECT {}1{}",
        "CASE WHEN a THEN ".repeat(5_000),
        " END".repeat(5_000)
    );
    let nulls = format!("SELECT 1{}", " IS NULL".repeat(5_000));
    let intervals = format!("SELECT {} '1'", "interval ".repeat(50_000));
    for sql in [deep, terms, ors, nots, cases, nulls, intervals] {
        let error = error(&sql);
        assert!(
            error.starts_with("54001") || error.starts_with("42601"),
            "{error}"
        );
    }
}

/// Readings that multiply at every level must be given up, and calls may nest without any.
#[test]
fn nesting_takes_no_longer_than_it_is_long() {
    on_a_servers_thread(|| {
        for (open, close) in [("abs(", ")"), ("position(", ")"), ("(", ")")] {
            let _ = parse(&format!(
                "SELECT {}1{}",
                open.repeat(200),
                close.repeat(200)
            ));
        }
        one(&format!(
            "SELECT {}1{}",
            "abs(".repeat(200),
            ")".repeat(200)
        ));
    });
}

/// What the bounds let through must also be safe to clone and to drop.
#[test]
fn what_is_let_through_is_safe() {
    on_a_servers_thread(|| {
        for sql in [
            format!("SELECT {}1{}", "(".repeat(380), ")".repeat(380)),
            format!("SELECT {}1{}", "abs(".repeat(380), ")".repeat(380)),
            format!("SELECT 1{}", "+1".repeat(390)),
            format!("SELECT 1 WHERE a = 1{}", " OR a = 1".repeat(3_990)),
            format!("SELECT 1{}", " UNION SELECT 1".repeat(390)),
            format!("{}SELECT 1{}", "SELECT (".repeat(190), ")".repeat(190)),
        ] {
            let statements = parse(&sql).unwrap();
            drop(statements.clone());
        }
    });
}

#[test]
fn long_chains_are_regrouped_in_order() {
    let terms: Vec<String> = (0..100).map(|n| format!("a = {n}")).collect();
    let mut expression = parse_expression(&terms.join(" OR ")).unwrap();
    let text = expression.to_string();
    assert_eq!(text, terms.join(" OR "));
    let mut depth = 0;
    while let ast::Expr::BinaryOp {
        left,
        op: ast::BinaryOperator::Or,
        ..
    } = expression
    {
        depth += 1;
        expression = *left;
    }
    assert_eq!(depth, 7);
}

/// Runs on a stack as large as those statements are handled on.
fn on_a_servers_thread(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(crate::base::limits::THREAD_STACK_BYTES)
        .spawn(test)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn utility_statements() {
    let Command::CreateTable(table) =
        one("create temp table if not exists \"S\".T (a int default 1 + 2 not null, B varchar(3))")
    else {
        panic!()
    };
    assert!(table.temporary && table.if_not_exists);
    assert_eq!(table.name.to_string(), "S.t");
    assert_eq!(table.columns[0].default.as_deref(), Some("1 + 2"));
    assert!(table.columns[0].not_null);
    let TypeName::Known(ty) = table.columns[1].ty else {
        panic!()
    };
    assert_eq!(ty.to_string(), "character varying(3)");

    let Command::CreateTableAs(table) = one("CREATE TABLE t (x) AS SELECT 1 WITH NO DATA") else {
        panic!()
    };
    assert_eq!(
        (table.columns.as_slice(), table.with_data),
        (&["x".to_owned()][..], false)
    );
    assert!(matches!(one("SELECT 1 INTO t"), Command::CreateTableAs(_)));

    let Command::CreateView(view) = one("CREATE OR REPLACE VIEW v(a) AS  SELECT  1") else {
        panic!()
    };
    assert_eq!(view.text, "SELECT  1");

    let Command::Grant(grant) =
        one("GRANT SELECT, INSERT ON a.b, c TO ann, PUBLIC WITH GRANT OPTION")
    else {
        panic!()
    };
    assert_eq!(grant.grantees.len(), 2);
    assert!(grant.grant_option && !grant.revoke);
    let Command::GrantRole(grant) = one("REVOKE ADMIN OPTION FOR g FROM u CASCADE") else {
        panic!()
    };
    assert!(grant.revoke && grant.admin_option && grant.cascade);

    let Command::Set { name, value, local } = one("SET LOCAL search_path TO a, \"B\", 'c'") else {
        panic!()
    };
    assert_eq!((name.as_str(), local), ("search_path", true));
    let values = ["a", "B", "c"].map(str::to_owned).to_vec();
    assert_eq!(value, SetValue::Values(values));

    let Command::Prepare {
        types, statement, ..
    } = one("PREPARE p (int) AS SELECT $1")
    else {
        panic!()
    };
    assert_eq!((types.len(), statement.text.as_str()), (1, "SELECT $1"));
    let Command::Explain(explain) = one("EXPLAIN (ANALYZE, COSTS off) SELECT 1") else {
        panic!()
    };
    assert!(explain.options.analyze);
    assert!(!explain.options.costs);

    for sql in [
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "START TRANSACTION",
        "COMMIT AND CHAIN",
        "END",
        "ROLLBACK TO SAVEPOINT a",
        "RELEASE a",
        "LISTEN \"team.result\"",
        "UNLISTEN *",
        "NOTIFY c, 'x'",
        "DISCARD ALL",
        "RESET ALL",
        "SHOW transaction isolation level",
        "DECLARE c CURSOR FOR SELECT 1",
        "FETCH 10 FROM c",
        "FETCH FORWARD ALL IN c",
        "CLOSE ALL",
        "MOVE c",
        "DEALLOCATE ALL",
        "EXECUTE p(1, 'a')",
        "SET SESSION AUTHORIZATION ann",
        "SET ROLE NONE",
        "SET TIME ZONE 'Europe/Berlin'",
        "SET NAMES 'utf8'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "CREATE SCHEMA AUTHORIZATION ann",
        "CREATE USER u PASSWORD 'x' VALID UNTIL '2030-01-01'",
        "ALTER ROLE u SET search_path = a, b",
        "ALTER ROLE u RENAME TO v",
        "DROP USER IF EXISTS u",
        "ALTER VIEW v RENAME TO w",
        "ALTER TABLE t RENAME COLUMN a TO b",
        "ALTER SCHEMA s OWNER TO u",
        "ALTER TABLE t ADD COLUMN c int DEFAULT 0, DROP COLUMN IF EXISTS d CASCADE",
        "COMMENT ON COLUMN s.t.c IS 'x'",
        "COMMENT ON ROLE r IS NULL",
        "TRUNCATE a, b CASCADE",
        "CREATE FOREIGN TABLE f SERVER files OPTIONS (path '/x', format 'csv')",
        "DROP FOREIGN TABLE f",
        "GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA s TO u",
        "GRANT USAGE ON SCHEMA team TO bob",
        "TABLE t",
        "VALUES (1)",
        "(SELECT 1)",
        "COPY t (a) FROM STDIN WITH (FORMAT csv, HEADER, NULL 'x', FORCE_NULL (a))",
        "COPY (SELECT 1) TO STDOUT CSV HEADER DELIMITER ';'",
        "LOCK TABLE t IN SHARE MODE NOWAIT",
        "SELECT * FROM ONLY t",
        "TABLE ONLY (s.t) ORDER BY 1",
        "TRUNCATE ONLY t, ONLY (s.t), u *",
        "LOCK TABLE ONLY (t), u * IN SHARE MODE",
        "MERGE INTO ONLY (t) AS x USING u ON true WHEN MATCHED THEN DO NOTHING",
        "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        "select 'a'\n'b'",
        "REVOKE ALL ON t FROM PUBLIC",
        "DELETE FROM t USING u WHERE t.a = u.a",
    ] {
        one(sql);
    }
}
