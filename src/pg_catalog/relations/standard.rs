//! What the SQL standard wants told of an implementation: names and limits.

use arrow::record_batch::RecordBatch;

use super::{Fill, build};
use crate::base::Result;
use crate::base::limits::NAME_BYTES_MAX;
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;

/// What fills a relation of `information_schema` that says the same whatever there is.
pub(super) fn fill(name: &str) -> Option<Fill> {
    Some(match name {
        "sql_implementation_info" => sql_implementation_info,
        "sql_sizing" => sql_sizing,
        _ => return None,
    })
}

/// (identifier, name, value): an integer or a text.
type Fact = (
    &'static str,
    &'static str,
    std::result::Result<i32, &'static str>,
);

const FACTS: &[Fact] = &[
    ("10003", "CATALOG NAME", Err("Y")),
    ("10004", "COLLATING SEQUENCE", Err("C.UTF-8")),
    // Cursors are closed, prepared statements kept.
    ("23", "CURSOR COMMIT BEHAVIOR", Ok(1)),
    ("2", "DATA SOURCE NAME", Err("")),
    ("17", "DBMS NAME", Err("PostgreSQL")),
    ("18", "DBMS VERSION", Err("15.00.0000")),
    // READ COMMITTED
    ("26", "DEFAULT TRANSACTION ISOLATION", Ok(2)),
    // Case matters where an identifier is quoted.
    ("28", "IDENTIFIER CASE", Ok(3)),
    // NULL sorts above everything.
    ("85", "NULL COLLATION", Ok(0)),
    ("13", "SERVER NAME", Err("")),
    ("94", "SPECIAL CHARACTERS", Err("")),
    // Data and definitions alike.
    ("46", "TRANSACTION CAPABLE", Ok(2)),
];

fn sql_implementation_info(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    build::<Fact>(
        relation,
        FACTS,
        &[
            ("implementation_info_id", &|fact| fact.0.into()),
            ("implementation_info_name", &|fact| fact.1.into()),
            ("integer_value", &|fact| fact.2.ok().into()),
            ("character_value", &|fact| fact.2.err().into()),
        ],
    )
}

/// Longest name.
const NAME: i64 = NAME_BYTES_MAX as i64;

/// (identifier, name, limit): 0 where there is none.
const SIZES: &[(i32, &str, i64)] = &[
    (1, "MAXIMUM CONCURRENT ACTIVITIES", 0),
    (30, "MAXIMUM COLUMN NAME LENGTH", NAME),
    (31, "MAXIMUM CURSOR NAME LENGTH", NAME),
    (32, "MAXIMUM SCHEMA NAME LENGTH", NAME),
    (34, "MAXIMUM CATALOG NAME LENGTH", NAME),
    (35, "MAXIMUM TABLE NAME LENGTH", NAME),
    (97, "MAXIMUM COLUMNS IN GROUP BY", 0),
    (99, "MAXIMUM COLUMNS IN ORDER BY", 0),
    (100, "MAXIMUM COLUMNS IN SELECT", 0),
    (101, "MAXIMUM COLUMNS IN TABLE", 0),
    (106, "MAXIMUM TABLES IN SELECT", 0),
    (107, "MAXIMUM USER NAME LENGTH", NAME),
    (10005, "MAXIMUM IDENTIFIER LENGTH", NAME),
    (20000, "MAXIMUM STATEMENT OCTETS", 0),
];

fn sql_sizing(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    build::<(i32, &'static str, i64)>(
        relation,
        SIZES,
        &[
            ("sizing_id", &|size| size.0.into()),
            ("sizing_name", &|size| size.1.into()),
            ("supported_value", &|size| size.2.into()),
        ],
    )
}
