//! Statements made to blow up a planner: each ends in a clear error (or, where it is modest, an
//! answer), and the server goes on serving others.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use super::server::{Client, InProcess, PASSWORD, Program};

/// How long a bomb may take, on a machine that does other work beside; see [`idle_afterwards`] for
/// how much work it may make.
const TIME_MAX: Duration = Duration::from_secs(120);

/// One trial per bomb.
pub(crate) fn trials() -> Vec<Trial> {
    let nest =
        |open: &str, core: &str, close: &str, n: usize| open.repeat(n) + core + &close.repeat(n);
    let bombs = [
        (
            "five_thousand_terms",
            format!("SELECT {} FROM t", list("a", 5_000, " + ")),
        ),
        (
            "twenty_thousand_ors",
            format!("SELECT a FROM t WHERE {}", list("a = 1", 20_000, " OR ")),
        ),
        (
            "ten_thousand_parentheses",
            format!("SELECT {}", nest("(", "1", ")", 10_000)),
        ),
        (
            "unclosed_parentheses",
            format!("SELECT {}1", "(".repeat(100_000)),
        ),
        (
            "nested_subqueries",
            format!(
                "SELECT * FROM {} s",
                nest("(SELECT * FROM ", "t", " s)", 2_000)
            ),
        ),
        ("minus_signs", format!("SELECT {}1", "- ".repeat(20_000))),
        ("nots", format!("SELECT {}true", "NOT ".repeat(20_000))),
        (
            "nested_cases",
            format!(
                "SELECT {}",
                nest("CASE WHEN true THEN ", "1", " END", 5_000)
            ),
        ),
        // What the optimizer makes of these doubles with every level, in memory before in time.
        (
            "nested_coalesces",
            format!("SELECT {}", nest("coalesce(", "1", ", 1)", 50)),
        ),
        (
            "nested_coalesces_that_fail",
            format!("SELECT {} FROM t", nest("coalesce(", "a", ", a / a)", 50)),
        ),
        (
            "nested_conditions",
            format!(
                "SELECT {} FROM t",
                nest("CASE WHEN ", "a = 1", " THEN a = 2 ELSE a = 3 END", 50)
            ),
        ),
        (
            "nested_nullifs",
            format!("SELECT {} FROM t", nest("nullif(true, ", "a = 1", ")", 50)),
        ),
        (
            "nested_rows",
            format!(
                "SELECT {} FROM t",
                nest("(row(", "a = 1", ", true) < row(true, false))", 50)
            ),
        ),
        (
            "nested_functions",
            format!("SELECT {}", nest("abs(", "1", ")", 5_000)),
        ),
        (
            "nested_arrays",
            format!("SELECT {}", nest("ARRAY[", "1", "]", 5_000)),
        ),
        ("casts", format!("SELECT 1{}", "::int".repeat(20_000))),
        (
            "union_of_three_thousand",
            list("SELECT a FROM t", 3_000, " UNION ALL "),
        ),
        (
            "set_operations_in_parentheses",
            nest("(", "SELECT 1", ") UNION SELECT 1", 3_000),
        ),
        (
            "intervals",
            format!("SELECT {}'1'", "interval ".repeat(50_000)),
        ),
        (
            "array_types",
            format!("SELECT '{{}}'::int{}", "[]".repeat(50_000)),
        ),
        (
            "subscripts",
            format!("SELECT (ARRAY[1]){}", "[1]".repeat(20_000)),
        ),
        ("explains", format!("{}SELECT 1", "EXPLAIN ".repeat(50_000))),
        (
            "prepares",
            format!("{}SELECT 1", "PREPARE p AS ".repeat(50_000)),
        ),
        (
            "null_tests",
            format!("SELECT 1{}", " IS NULL".repeat(20_000)),
        ),
        (
            "concatenations",
            format!("SELECT {}", list("'x'", 20_000, " || ")),
        ),
        (
            "string_of_quotes",
            format!("SELECT '{}", "'".repeat(1_000_001)),
        ),
        (
            "comment_depth",
            format!("SELECT 1 {}", "/*".repeat(100_000)),
        ),
        (
            "path_subscripts",
            format!("SELECT '{}'::jsonpath", "$[".repeat(50_000)),
        ),
        (
            "path_parentheses",
            format!("SELECT '{}'::jsonpath", nest("(", "$", ")", 50_000)),
        ),
        (
            "path_operators",
            format!("SELECT '{}'::jsonpath", list("$", 50_000, " + ")),
        ),
        (
            "path_steps",
            format!(
                "SELECT jsonb_path_query('1', '${}')",
                ".size()".repeat(50_000)
            ),
        ),
        (
            "matches_within_matches",
            format!("SELECT '{}' ~ '^(a|a|aa)*b'", "a".repeat(10_000)),
        ),
        (
            "many_ctes",
            format!(
                "WITH {} SELECT 1",
                (0..3_000)
                    .map(|i| format!("c{i} AS (SELECT 1 AS x)"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ),
        (
            "four_hundred_terms",
            format!("SELECT {} FROM t", list("a", 390, " + ")),
        ),
        (
            "four_thousand_ands",
            format!("SELECT a FROM t WHERE {}", list("a <> 1", 3_900, " AND ")),
        ),
        (
            "distinct_ors",
            format!(
                "SELECT a FROM t WHERE {}",
                numbered(3_900, " OR ", |i| format!("a = {i}"))
            ),
        ),
        (
            "five_hundred_joins",
            format!(
                "SELECT 1 FROM t t0 {}",
                numbered(500, " ", |i| format!("JOIN t x{i} USING (a)"))
            ),
        ),
        (
            "sixty_joins",
            format!(
                "SELECT 1 FROM t t0 {}",
                numbered(60, " ", |i| format!("JOIN t x{i} USING (a)"))
            ),
        ),
        (
            "correlated_scalar_subqueries",
            format!(
                "SELECT {} FROM t x",
                numbered(300, ", ", |i| format!(
                    "(SELECT max(y.a) FROM t y WHERE y.a > x.a + {i})"
                ))
            ),
        ),
        (
            "alternatives_that_ask",
            format!(
                "SELECT 1 FROM t x WHERE {}",
                numbered(500, " OR ", |i| format!(
                    "EXISTS (SELECT 1 FROM t y WHERE y.a = x.a + {i})"
                ))
            ),
        ),
        ("doubling_ctes", doubling(60, "")),
        ("doubling_ctes_in_place", doubling(40, "NOT MATERIALIZED")),
        (
            "wide_select_of_many_ctes",
            format!(
                "WITH c AS (SELECT {} FROM t), {} SELECT * FROM c99",
                numbered(400, ", ", |i| format!("a AS x{i}")),
                numbered(100, ", ", |i| match i {
                    0 => "c0 AS (SELECT * FROM c)".to_owned(),
                    i => format!("c{i} AS (SELECT *, x{i} + 1 AS y{i} FROM c{})", i - 1),
                })
            ),
        ),
        (
            "nested_nullifs",
            format!("SELECT {} FROM t", nest("nullif(", "a", ", 1)", 300)),
        ),
        (
            "nested_coalesces",
            format!("SELECT {} FROM t", nest("coalesce(", "a", ", 1)", 300)),
        ),
        (
            "nested_betweens",
            format!(
                "SELECT {} FROM t",
                nest("(", "true", " BETWEEN false AND true)", 300)
            ),
        ),
        ("nested_simple_cases", nested_cases(300)),
        (
            "nested_rows",
            format!("SELECT ({})::text", nest("ROW(", "1", ")", 100)),
        ),
        (
            "nested_correlated_subqueries",
            format!(
                "SELECT 1 FROM t x WHERE {}",
                nest("a IN (SELECT x.a FROM t x WHERE ", "true", ")", 100)
            ),
        ),
        ("a_thousand_scalar_subqueries", scalar_subqueries(1_000)),
        (
            "cube",
            format!(
                "SELECT 1 FROM t GROUP BY CUBE ({})",
                numbered(14, ", ", |i| format!("a + {i}"))
            ),
        ),
        (
            "many_windows",
            format!(
                "SELECT {} FROM t",
                numbered(400, ", ", |i| format!(
                    "sum(a) OVER (PARTITION BY a + {i} ORDER BY a)"
                ))
            ),
        ),
    ];
    let mut trials: Vec<_> = bombs
        .into_iter()
        .map(|(name, sql)| Trial::test(format!("bombs/{name}"), move || survives(&sql)))
        .collect();
    trials.push(Trial::test("bombs/doubling_views", doubling_views));
    trials.push(Trial::test("bombs/planning_stops", planning_stops));
    trials.push(Trial::test("bombs/idle_afterwards", idle_afterwards));
    trials
}

fn list(item: &str, n: usize, joint: &str) -> String {
    vec![item; n].join(joint)
}

/// `item(0)`, `item(1)`, …
fn numbered(n: usize, joint: &str, item: impl Fn(usize) -> String) -> String {
    (0..n).map(item).collect::<Vec<_>>().join(joint)
}

/// WITH queries each of which reads the one before twice.
fn doubling(n: usize, how: &str) -> String {
    let queries = numbered(n, ", ", |i| match i {
        0 => "c0 AS (SELECT a FROM t)".to_owned(),
        i => {
            let last = i - 1;
            format!("c{i} AS {how} (SELECT x.a FROM c{last} x JOIN c{last} y ON x.a = y.a)")
        }
    });
    format!("WITH {queries} SELECT count(*) FROM c{}", n - 1)
}

/// Views each of which reads the one before twice.
fn doubling_views() -> Result<(), Failed> {
    let server = InProcess::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let session = Client::connect(server.address(), "commons", PASSWORD).await?;
        session
            .client
            .batch_execute(
                "CREATE TABLE public.t (a int); CREATE VIEW public.v0 AS SELECT a FROM t",
            )
            .await?;
        for i in 1..24 {
            let last = i - 1;
            session
                .client
                .batch_execute(&format!(
                    "CREATE VIEW public.v{i} AS SELECT x.a FROM v{last} x JOIN v{last} y USING (a)"
                ))
                .await?;
        }
        ends(&session, "SELECT count(*) FROM public.v23").await
    })
}

/// Interrupted planning stops, and does not only answer: more of it than the engine has threads
/// leaves room for others.
fn planning_stops() -> Result<(), Failed> {
    let server = InProcess::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let other = Client::connect(server.address(), "commons", PASSWORD).await?;
        other
            .client
            .batch_execute("CREATE TABLE public.t (a int)")
            .await?;
        let slow = scalar_subqueries(300);
        let start = std::time::Instant::now();
        other.client.simple_query(&slow).await?;
        let whole = start.elapsed();
        let mut bombers = Vec::new();
        for _ in 0..8 {
            let bomber = Client::connect(server.address(), "commons", PASSWORD).await?;
            bomber
                .client
                .batch_execute("SET statement_timeout = 100")
                .await?;
            bombers.push(bomber);
        }
        let bombs = bombers
            .iter()
            .map(|bomber| bomber.client.simple_query(&slow));
        for answer in futures::future::join_all(bombs).await {
            let state = answer.err().and_then(|error| error.code().cloned());
            if state != Some(tokio_postgres::error::SqlState::QUERY_CANCELED) {
                return Err(format!("not cancelled: {state:?}").into());
            }
        }
        let start = std::time::Instant::now();
        other.client.simple_query("SELECT count(*) FROM t").await?;
        // If all of them were planned to their ends, this would wait for several.
        match start.elapsed() {
            waited if waited < 2 * whole => Ok(()),
            waited => Err(format!("others waited {waited:?}; one takes {whole:?}").into()),
        }
    })
}

/// A server that has answered a bomb, in seconds of work, does nothing any more, whether it refused
/// the bomb or was told to stop.
fn idle_afterwards() -> Result<(), Failed> {
    let program = Program::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let session = Client::connect(program.address(), "commons", PASSWORD).await?;
        session
            .client
            .batch_execute("CREATE TABLE public.t (a int)")
            .await?;
        let bomb = format!(
            "SELECT {}a{} FROM t",
            "coalesce(".repeat(300),
            ", 1)".repeat(300)
        );
        for (timeout, expected) in [(0, "54001"), (200, "57014")] {
            session
                .client
                .batch_execute(&format!("SET statement_timeout = {timeout}"))
                .await?;
            let start = program.computed();
            let answer = session.client.simple_query(&bomb).await;
            let state = answer.err().and_then(|error| error.code().cloned());
            if state.as_ref().map(|state| state.code()) != Some(expected) {
                return Err(format!("answered {state:?}, not {expected}").into());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            let end = program.computed();
            // Planning may take four seconds; a step of it that has begun ends.
            if end - start > Duration::from_secs(8) {
                return Err(format!("{expected} after {:?} of work", end - start).into());
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            let computed = program.computed() - end;
            if computed > Duration::from_millis(300) {
                return Err(format!("computed {computed:?} after {expected}").into());
            }
        }
        Ok(())
    })
}

/// CASE as the operand of CASE.
fn nested_cases(n: usize) -> String {
    let (open, close) = (
        "CASE ".repeat(n),
        " WHEN 1 THEN 2 WHEN 3 THEN 4 END".repeat(n),
    );
    format!("SELECT {open}a{close} FROM t")
}

/// As many queries for one value.
fn scalar_subqueries(n: usize) -> String {
    let one = |i| format!("(SELECT max(a) FROM t WHERE a > {i})");
    format!("SELECT {}", numbered(n, ", ", one))
}

/// The statement ends; another session and this one go on.
fn survives(sql: &str) -> Result<(), Failed> {
    let server = InProcess::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let other = Client::connect(server.address(), "commons", PASSWORD).await?;
        other
            .client
            .batch_execute("CREATE TABLE public.t (a int)")
            .await?;
        let bomber = Client::connect(server.address(), "commons", PASSWORD).await?;
        let bystander = other.client.simple_query("SELECT 1");
        let (bomb, bystander) = tokio::join!(ends(&bomber, sql), bystander);
        bystander?;
        bomb
    })
}

/// The statement is answered, in time, by an error of class 54 or 42 unless it is modest enough to
/// run; the session goes on.
async fn ends(bomber: &Client, sql: &str) -> Result<(), Failed> {
    let start = std::time::Instant::now();
    let bomb = bomber.client.simple_query(sql).await;
    let took = start.elapsed();
    if let Err(error) = bomb {
        let state = error
            .as_db_error()
            .map(|error| error.code().code().to_owned());
        if !state
            .as_deref()
            .is_some_and(|state| state.starts_with("54") || state.starts_with("42"))
        {
            return Err(format!("answered {state:?}: {error:?}").into());
        }
    }
    if took > TIME_MAX {
        return Err(format!("took {took:?}").into());
    }
    bomber.client.simple_query("SELECT 1").await?;
    Ok(())
}
