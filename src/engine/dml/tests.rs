//! Statements that change rows, end to end below the session: every case runs with the rows in
//! memory and again with every segment sealed into a file after each statement.

use std::sync::Arc;

use arrow::array::ArrayRef;

use crate::base::SqlState;
use crate::engine::bench::{Bench, INT, TEXT, on_engine_stack, plain};
use crate::engine::{Command, ExplainOptions, parse};
use crate::observe::Interrupt;
use crate::privileges::authorize;
use crate::types::PgType;

/// Runs a case in memory and in files.
macro_rules! case {
    ($name:ident, $bench:ident, $body:block) => {
        #[test]
        fn $name() {
            on_engine_stack(|| async {
                for files in [false, true] {
                    #[allow(unused_mut)]
                    let mut $bench = Bench::new(files);
                    $body
                }
            });
        }
    };
}

case!(delete_hits_what_it_says, bench, {
    bench.table("t", &[plain("a", INT), plain("b", TEXT)]);
    bench.table("u", &[plain("a", INT)]);
    bench
        .ask("insert into t values (1,'one'),(2,'two'),(3,'three'),(null,'none')")
        .await;
    bench.ask("insert into t values (4,'four')").await;
    bench.ask("insert into u values (2),(4),(7)").await;
    assert_eq!(bench.ask("delete from t where false").await, "0");
    assert_eq!(bench.ask("delete from t where null").await, "0");
    assert_eq!(bench.ask("select count(*) from t").await, "5");
    assert_eq!(
        bench
            .ask("delete from t where a in (select a from u)")
            .await,
        "2"
    );
    assert_eq!(
        bench.ask("select b from t order by b").await,
        "none;one;three"
    );
    // NOT IN with a NULL on either side is never true.
    assert_eq!(
        bench
            .ask("delete from t where a not in (select a from u)")
            .await,
        "2"
    );
    assert_eq!(bench.ask("select b from t").await, "none");
    bench.ask("insert into u values (null)").await;
    bench.ask("insert into t values (9,'nine')").await;
    assert_eq!(
        bench
            .ask("delete from t where a not in (select a from u)")
            .await,
        "0"
    );
    assert_eq!(
        bench
            .ask("delete from t where exists (select from u where u.a is null) and t.a = 9")
            .await,
        "1"
    );
    assert_eq!(bench.ask("delete from t").await, "1");
    assert_eq!(bench.ask("delete from t").await, "0");
    assert_eq!(bench.ask("select count(*) from t").await, "0");
});

case!(delete_using_and_returning, bench, {
    bench.table("t", &[plain("a", INT), plain("b", TEXT)]);
    bench.table("u", &[plain("a", INT)]);
    bench
        .ask("insert into t values (1,'x'),(2,'y'),(3,'z')")
        .await;
    bench.ask("insert into u values (1),(1),(3)").await;
    assert_eq!(
        bench.ask("delete from t using u where t.a = u.a").await,
        "2"
    );
    assert_eq!(
        bench
            .ask("delete from public.t where public.t.a = 2 returning *, a + 10 as more")
            .await,
        "2,y,12"
    );
    assert_eq!(bench.ask("select * from t").await, "");
});

case!(update_rewrites_rows, bench, {
    bench.table(
        "t",
        &[
            plain("a", INT),
            plain("b", TEXT),
            ("c", INT, false, Some("7")),
        ],
    );
    assert_eq!(
        bench
            .ask("insert into t (a, b) values (1,'one'),(2,'two'),(3,null)")
            .await,
        "3"
    );
    assert_eq!(
        bench
            .ask("update t set a = a + 10, b = 'x' || a where a >= 2")
            .await,
        "2"
    );
    assert_eq!(
        bench.ask("select * from t order by a").await,
        "1,one,7;12,x2,7;13,x3,7"
    );
    assert_eq!(
        bench
            .ask("update t set (a, c) = (c, a) where b is not null returning a, c")
            .await
            .split(';')
            .count(),
        3
    );
    assert_eq!(
        bench.ask("select a, c from t order by c").await,
        "7,1;7,12;7,13"
    );
    assert_eq!(
        bench
            .ask("update t as x set c = default, b = (select max(b) from t) where x.c > 12")
            .await,
        "1"
    );
    assert_eq!(
        bench.ask("select b, c from t order by c, b").await,
        "one,1;x3,7;x2,12"
    );
    assert_eq!(bench.ask("update t set a = 0 where false").await, "0");
    assert_eq!(bench.ask("update t set a = null").await, "3");
    assert_eq!(bench.ask("select count(a), count(*) from t").await, "0,3");
});

case!(update_from_takes_each_row_once, bench, {
    bench.table("t", &[plain("a", INT), plain("b", INT)]);
    bench.table("u", &[plain("a", INT), plain("n", INT)]);
    bench.ask("insert into t values (1,0),(2,0),(3,0)").await;
    bench
        .ask("insert into u values (1,10),(1,11),(1,12),(2,20)")
        .await;
    assert_eq!(
        bench
            .ask("update t set b = u.n from u where u.a = t.a")
            .await,
        "2"
    );
    assert_eq!(bench.ask("select count(*) from t").await, "3");
    let answer = bench.ask("select b from t where a = 1").await;
    assert!(["10", "11", "12"].contains(&answer.as_str()), "{answer}");
    assert_eq!(bench.ask("select b from t where a = 2").await, "20");
    assert_eq!(bench.ask("select b from t where a = 3").await, "0");
});

case!(insert_assigns_as_postgres, bench, {
    bench.table(
        "t",
        &[
            plain("i", INT),
            plain("n", PgType::numeric(6, 2)),
            plain("f", PgType::FLOAT8),
            plain("v", PgType::VARCHAR.with_typmod(7)),
            plain("d", PgType::DATE),
            plain("b", PgType::BOOL),
            plain("s", PgType::INT2),
        ],
    );
    bench
        .ask("insert into t values (1, 1.005, 1.5, 'abc', '2024-02-29', true, 3)")
        .await;
    bench
        .ask("insert into t values ('2', 7, 2, 'abc   ', date '2024-03-01', 'f', '4')")
        .await;
    bench
        .ask("insert into t (i, n, f) select 2.5, 10.0/4, 1")
        .await;
    bench
        .ask("insert into t (i) values (3.5), (2.5::float8), (-0.5::float8)")
        .await;
    bench
        .ask("insert into t (v, d, b) select 17, '2020-01-01', null")
        .await;
    assert_eq!(
        bench.ask("select * from t").await,
        "1,1.01,1.5,abc,2024-02-29,t,3;2,7.00,2,abc,2024-03-01,f,4;3,2.50,1,,,,;\
         4,,,,,,;2,,,,,,;0,,,,,,;,,,17,2020-01-01,,"
    );
    for (sql, state, message) in [
        (
            "insert into t (i) values ('x')",
            SqlState::INVALID_TEXT_REPRESENTATION,
            "invalid input syntax for type integer: \"x\"",
        ),
        (
            "insert into t (i) values (3000000000)",
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "integer out of range",
        ),
        (
            "insert into t (s) select 70000",
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "smallint out of range",
        ),
        (
            "insert into t (n) values (12345.6)",
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "numeric field overflow",
        ),
        (
            "insert into t (v) values ('abcd')",
            SqlState::STRING_DATA_RIGHT_TRUNCATION,
            "value too long for type character varying(3)",
        ),
        (
            "insert into t (i) select 'x'::text",
            SqlState::DATATYPE_MISMATCH,
            "column \"i\" is of type integer but expression is of type text",
        ),
        (
            "insert into t (b) values (1)",
            SqlState::DATATYPE_MISMATCH,
            "column \"b\" is of type boolean but expression is of type integer",
        ),
        (
            "insert into t (d) values (true)",
            SqlState::DATATYPE_MISMATCH,
            "column \"d\" is of type date but expression is of type boolean",
        ),
        (
            "insert into t (i, i) values (1, 2)",
            SqlState::DUPLICATE_COLUMN,
            "column \"i\" specified more than once",
        ),
        (
            "insert into t (zz) values (1)",
            SqlState::UNDEFINED_COLUMN,
            "column \"zz\" of relation \"t\" does not exist",
        ),
        (
            "insert into t (i) values (1, 2)",
            SqlState::SYNTAX_ERROR,
            "INSERT has more expressions than target columns",
        ),
        (
            "insert into t (i, n) values (1)",
            SqlState::SYNTAX_ERROR,
            "INSERT has more target columns than expressions",
        ),
        (
            "insert into t values (1), (1, 2)",
            SqlState::SYNTAX_ERROR,
            "VALUES lists must all be the same length",
        ),
        (
            "insert into missing values (1)",
            SqlState::UNDEFINED_TABLE,
            "relation \"missing\" does not exist",
        ),
        (
            "update t set i = 'x' where i = 1",
            SqlState::INVALID_TEXT_REPRESENTATION,
            "invalid input syntax for type integer: \"x\"",
        ),
        (
            "update t set i = 1, i = 2",
            SqlState::SYNTAX_ERROR,
            "multiple assignments to same column \"i\"",
        ),
        (
            "update t set d = i",
            SqlState::DATATYPE_MISMATCH,
            "column \"d\" is of type date but expression is of type integer",
        ),
    ] {
        let (got, text) = bench.fail(sql).await;
        assert_eq!(got, state, "{sql}: {text}");
        assert!(text.contains(message), "{sql}: {text}");
    }
    assert_eq!(bench.ask("select count(*) from t").await, "7");

    // The client is shown where the value at fault is.
    for (sql, position) in [
        ("insert into t (b, i) values (true, 1), (false, 'x')", 48),
        ("insert into t (i) values (true)", 27),
        ("insert into t (i) select true", 26),
        ("insert into t (i, zz) values (1, 2)", 19),
        ("insert into t (i) values (1, 2)", 30),
        ("update t set b = 7", 18),
    ] {
        let error = bench.answer(sql, &[]).await.expect_err(sql);
        assert_eq!(error.position(), Some(position), "{sql}: {error}");
    }
});

case!(defaults_and_not_null, bench, {
    bench.table(
        "t",
        &[
            ("a", INT, true, None),
            ("b", TEXT, false, Some("'none'")),
            ("r", PgType::FLOAT8, false, Some("random()")),
            ("n", INT, false, Some("1 + 1")),
        ],
    );
    bench.ask("insert into t values (1), (2), (3)").await;
    assert_eq!(
        bench
            .ask("select count(distinct r), min(b), max(n) from t")
            .await,
        "3,none,2"
    );
    bench
        .ask("insert into t (a, b, n) values (4, default, default), (5, null, 0)")
        .await;
    assert_eq!(
        bench
            .ask("select a, b, n from t where a > 3 order by a")
            .await,
        "4,none,2;5,,0"
    );
    bench
        .ask("insert into t (a) select a + 10 from t where a < 3")
        .await;
    assert_eq!(bench.ask("select count(distinct r) from t").await, "7");
    let (state, text) = bench
        .fail("insert into t (a, b) values (6, 'six'), (null, 'x')")
        .await;
    assert_eq!(state, SqlState::NOT_NULL_VIOLATION);
    assert!(
        text.contains("null value in column \"a\" of relation \"t\" violates not-null constraint"),
        "{text}"
    );
    assert!(text.contains("Failing row contains (null, x, 0."), "{text}");
    let (state, _) = bench.fail("update t set a = null where a = 1").await;
    assert_eq!(state, SqlState::NOT_NULL_VIOLATION);
    let (state, _) = bench.fail("insert into t default values").await;
    assert_eq!(state, SqlState::NOT_NULL_VIOLATION);
    assert_eq!(bench.ask("select count(*) from t").await, "7");
});

case!(values_with_expressions_and_returning, bench, {
    bench.table("t", &[plain("a", INT), plain("b", TEXT)]);
    assert_eq!(
        bench
            .ask(
                "insert into t values (1 + 1, upper('x')), (3, 'y'), (-4, null), \
                 ((select 5), 'z' || 'z') returning a, b, a * 2"
            )
            .await,
        "2,X,4;3,y,6;-4,,-8;5,zz,10"
    );
    assert_eq!(
        bench.ask("insert into t default values returning *").await,
        ","
    );
    assert_eq!(
        bench
            .ask("insert into t as new (b) select b from t where a = 3 returning new.b, a is null")
            .await,
        "y,t"
    );
});

case!(parameters_take_the_columns_type, bench, {
    bench.table("t", &[plain("a", INT), plain("b", TEXT)]);
    let context = bench.context();
    let statements = parse("insert into t values ($1, $2), ($1 + 1, $3)").expect("parses");
    let Command::Dml(statement) = &statements[0].command else {
        panic!("not an INSERT");
    };
    let bound = bench
        .engine
        .bind_dml(&context, statement, &[])
        .await
        .expect("binds");
    assert_eq!(bound.parameters, [INT, TEXT, TEXT]);
    let one: ArrayRef = Arc::new(arrow::array::Int32Array::from(vec![1]));
    let text: ArrayRef = Arc::new(arrow::array::StringViewArray::from(vec!["x"]));
    let null: ArrayRef = Arc::new(arrow::array::StringViewArray::from(vec![None::<&str>]));
    bench
        .answer(
            "insert into t values ($1, $2), ($1 + 1, $3)",
            &[(INT, one.clone()), (TEXT, text), (TEXT, null)],
        )
        .await
        .expect("inserts");
    assert_eq!(bench.ask("select * from t order by a").await, "1,x;2,");
    bench
        .answer("update t set b = 'y' where a = $1", &[(INT, one.clone())])
        .await
        .expect("updates");
    bench
        .answer("delete from t where a > $1", &[(INT, one)])
        .await
        .expect("deletes");
    assert_eq!(bench.ask("select * from t").await, "1,y");
});

case!(many_segments_many_rows, bench, {
    bench.table("t", &[plain("a", INT), plain("b", INT)]);
    for part in 0..4 {
        let sql = format!(
            "insert into t select v, v % 7 from generate_series({}, {}) as g(v)",
            part * 10_000,
            part * 10_000 + 9_999
        );
        assert_eq!(bench.ask(&sql).await, "10000");
    }
    assert_eq!(
        bench
            .ask("delete from t where a between 9990 and 10009")
            .await,
        "20"
    );
    assert_eq!(
        bench.ask("update t set b = -1 where a % 1000 = 0").await,
        "39"
    );
    assert_eq!(
        bench
            .ask(
                "select count(*), count(distinct a), sum(a), count(*) filter (where b = -1) from t"
            )
            .await,
        format!("39980,39980,{},39", 39_999 * 20_000 - 199_990)
    );
});

#[test]
fn explain_changes_nothing() {
    on_engine_stack(|| async {
        let mut bench = Bench::new(false);
        bench.table("t", &[plain("a", INT)]);
        bench.ask("insert into t values (1), (2)").await;
        let statements = parse("delete from t where a in (select 1)").expect("parses");
        let Command::Dml(statement) = &statements[0].command else {
            panic!("not a DELETE");
        };
        let context = bench.context();
        let bound = bench
            .engine
            .bind_dml(&context, statement, &[])
            .await
            .expect("binds");
        let permitted = authorize(&bench.snapshot, &bound.needs.clone(), bound).expect("may");
        let options = ExplainOptions::default();
        let explanation = bench
            .engine
            .explain_dml(&context, permitted, &[], &options, &Interrupt::new())
            .await
            .expect("explains");
        let lines = explanation.render(&options);
        assert!(lines[0].starts_with("Delete on t  (cost="), "{lines:?}");
        assert_eq!(bench.ask("select count(*) from t").await, "2");
    });
}

#[test]
fn ten_thousand_rows_need_no_plan() {
    on_engine_stack(|| async {
        let mut bench = Bench::new(false);
        bench.table(
            "t",
            &[
                plain("a", INT),
                plain("b", TEXT),
                plain("c", PgType::FLOAT8),
            ],
        );
        let rows: Vec<String> = (0..10_000)
            .map(|n| format!("({n}, 'row {n}', {n}.5)"))
            .collect();
        let sql = format!("insert into t values {}", rows.join(", "));
        assert_eq!(bench.ask(&sql).await, "10000");
        assert_eq!(
            bench
                .ask("select count(*), max(a), max(b), sum(c) from t")
                .await,
            "10000,9999,row 9999,50000000"
        );
    });
}
