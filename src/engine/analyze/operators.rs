//! PostgreSQL's operators: what each takes and gives, and how it is computed here.

use std::collections::HashMap;
use std::sync::LazyLock;

use datafusion::logical_expr::Operator;

use crate::functions::Spanning;
use crate::types::PgType;

/// How an operator is computed, its operands being of the types it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    /// DataFusion's operator over operands of one Arrow type.
    Arrow(Operator),
    /// A comparison.
    Compare(Operator),
    /// A function by its name.
    Call(&'static str),
    /// The same, the operands the other way round.
    Swapped(&'static str),
    /// A date or timestamp and an interval, or the other way round.
    Shift(Operator),
    /// Text joined; operands that are not text are made it.
    Join,
    /// A regular expression, with the operator's case and negation.
    Match { insensitive: bool, negated: bool },
    /// A function of ranges and multiranges.
    Span(Spanning),
    /// LIKE, likewise.
    Like { insensitive: bool, negated: bool },
}

/// One way to apply an operator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// `None` for a prefix operator.
    pub(super) left: Option<PgType>,
    pub(super) right: PgType,
    pub(super) result: PgType,
    pub(super) make: Make,
}

type Table = HashMap<&'static str, Vec<Candidate>>;

/// Every operator by its sign.
pub(super) static OPERATORS: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    comparisons(&mut table);
    arithmetic(&mut table);
    dates(&mut table);
    texts(&mut table);
    documents(&mut table);
    bits(&mut table);
    networks(&mut table);
    amounts(&mut table);
    coded(&mut table);
    table
});

fn add(
    table: &mut Table,
    sign: &'static str,
    left: PgType,
    right: PgType,
    result: PgType,
    make: Make,
) {
    table.entry(sign).or_default().push(Candidate {
        left: Some(left),
        right,
        result,
        make,
    });
}

fn prefix(table: &mut Table, sign: &'static str, right: PgType, result: PgType, make: Make) {
    table.entry(sign).or_default().push(Candidate {
        left: None,
        right,
        result,
        make,
    });
}

/// Comparison signs.
pub(super) const COMPARISONS: [(&str, Operator); 6] = [
    ("=", Operator::Eq),
    ("<>", Operator::NotEq),
    ("<", Operator::Lt),
    ("<=", Operator::LtEq),
    (">", Operator::Gt),
    (">=", Operator::GtEq),
];

fn comparisons(table: &mut Table) {
    let integers = [PgType::INT2, PgType::INT4, PgType::INT8];
    let floats = [PgType::FLOAT4, PgType::FLOAT8];
    let times = [PgType::DATE, PgType::TIMESTAMP, PgType::TIMESTAMPTZ];
    let alone = [
        PgType::BOOL,
        PgType::NUMERIC,
        PgType::TEXT,
        PgType::BPCHAR,
        PgType::NAME,
        PgType::CHAR,
        PgType::BYTEA,
        PgType::TIME,
        PgType::TIMETZ,
        PgType::INTERVAL,
        PgType::UUID,
        PgType::OID,
        PgType::OIDVECTOR,
        PgType::JSONB,
        PgType::BIT,
        PgType::VARBIT,
        PgType::INET,
        PgType::MACADDR,
        PgType::MACADDR8,
        PgType::MONEY,
        PgType::PG_LSN,
        PgType::XID8,
        PgType::TID,
        PgType::TSVECTOR,
        PgType::TSQUERY,
    ];
    for (sign, op) in COMPARISONS {
        let mut compare =
            |left, right| add(table, sign, left, right, PgType::BOOL, Make::Compare(op));
        for family in [&integers[..], &floats[..], &times[..]] {
            for left in family {
                for right in family {
                    compare(*left, *right);
                }
            }
        }
        for ty in alone {
            compare(ty, ty);
        }
        compare(PgType::NAME, PgType::TEXT);
        compare(PgType::TEXT, PgType::NAME);
        if matches!(op, Operator::Eq | Operator::NotEq) {
            compare(PgType::XID, PgType::XID);
            compare(PgType::XID, PgType::INT4);
            compare(PgType::CID, PgType::CID);
        }
    }
}

fn arithmetic(table: &mut Table) {
    use PgType as T;
    let integers = [T::INT2, T::INT4, T::INT8];
    let signs = [
        ("+", Operator::Plus),
        ("-", Operator::Minus),
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
    ];
    for (sign, op) in signs {
        for (i, left) in integers.iter().enumerate() {
            for (j, right) in integers.iter().enumerate() {
                let result = integers[i.max(j)];
                add(table, sign, *left, *right, result, Make::Arrow(op));
            }
        }
        add(
            table,
            sign,
            T::NUMERIC,
            T::NUMERIC,
            T::NUMERIC,
            Make::Arrow(op),
        );
        add(
            table,
            sign,
            T::FLOAT4,
            T::FLOAT4,
            T::FLOAT4,
            Make::Arrow(op),
        );
        for (left, right) in [
            (T::FLOAT8, T::FLOAT8),
            (T::FLOAT4, T::FLOAT8),
            (T::FLOAT8, T::FLOAT4),
        ] {
            add(table, sign, left, right, T::FLOAT8, Make::Arrow(op));
        }
    }
    for ty in [T::INT2, T::INT4, T::INT8, T::NUMERIC] {
        add(table, "%", ty, ty, ty, Make::Arrow(Operator::Modulo));
    }
    for ty in integers {
        add(table, "&", ty, ty, ty, Make::Arrow(Operator::BitwiseAnd));
        add(table, "|", ty, ty, ty, Make::Arrow(Operator::BitwiseOr));
        // DataFusion makes 0 of `a # a`, also where a is NULL.
        add(table, "#", ty, ty, ty, Make::Call("#"));
        add(table, "<<", ty, T::INT4, ty, Make::Call("<<"));
        add(table, ">>", ty, T::INT4, ty, Make::Call(">>"));
        prefix(table, "~", ty, ty, Make::Call("bitwise_not"));
    }
    for ty in [T::INT2, T::INT4, T::INT8, T::FLOAT4, T::FLOAT8, T::NUMERIC] {
        prefix(table, "+", ty, ty, Make::Call("+"));
        prefix(table, "-", ty, ty, Make::Call("-"));
        prefix(table, "@", ty, ty, Make::Call("abs"));
    }
    prefix(table, "-", T::INTERVAL, T::INTERVAL, Make::Call("-"));
    for ty in [T::FLOAT8, T::NUMERIC] {
        add(table, "^", ty, ty, ty, Make::Call("power"));
    }
    prefix(table, "|/", T::FLOAT8, T::FLOAT8, Make::Call("sqrt"));
    prefix(table, "||/", T::FLOAT8, T::FLOAT8, Make::Call("cbrt"));
}

fn dates(table: &mut Table) {
    use PgType as T;
    let (plus, minus) = (Operator::Plus, Operator::Minus);
    let date = T::DATE;
    add(table, "+", date, T::INT4, date, Make::Call("date_pli"));
    add(table, "+", T::INT4, date, date, Make::Swapped("date_pli"));
    add(table, "-", date, T::INT4, date, Make::Call("date_mii"));
    add(table, "-", date, date, T::INT4, Make::Call("date_mi"));
    for (ty, result) in [
        (T::DATE, T::TIMESTAMP),
        (T::TIMESTAMP, T::TIMESTAMP),
        (T::TIMESTAMPTZ, T::TIMESTAMPTZ),
        (T::TIMETZ, T::TIMETZ),
    ] {
        add(table, "+", ty, T::INTERVAL, result, Make::Shift(plus));
        add(table, "+", T::INTERVAL, ty, result, Make::Shift(plus));
        add(table, "-", ty, T::INTERVAL, result, Make::Shift(minus));
    }
    for (left, right) in [(T::DATE, T::TIMETZ), (T::TIMETZ, T::DATE)] {
        add(table, "+", left, right, T::TIMESTAMPTZ, Make::Call("+"));
    }
    for ty in [T::TIMESTAMP, T::TIMESTAMPTZ] {
        add(table, "-", ty, ty, T::INTERVAL, Make::Call("timestamp_mi"));
    }
    for (sign, op) in [("+", plus), ("-", minus)] {
        add(
            table,
            sign,
            T::INTERVAL,
            T::INTERVAL,
            T::INTERVAL,
            Make::Arrow(op),
        );
    }
    add(
        table,
        "+",
        T::DATE,
        T::TIME,
        T::TIMESTAMP,
        Make::Call("datetime_pl"),
    );
    add(
        table,
        "+",
        T::TIME,
        T::DATE,
        T::TIMESTAMP,
        Make::Swapped("datetime_pl"),
    );
    add(
        table,
        "+",
        T::TIME,
        T::INTERVAL,
        T::TIME,
        Make::Call("time_pl_interval"),
    );
    add(
        table,
        "+",
        T::INTERVAL,
        T::TIME,
        T::TIME,
        Make::Swapped("time_pl_interval"),
    );
    add(
        table,
        "-",
        T::TIME,
        T::INTERVAL,
        T::TIME,
        Make::Call("time_mi_interval"),
    );
    add(
        table,
        "-",
        T::TIME,
        T::TIME,
        T::INTERVAL,
        Make::Call("time_mi_time"),
    );
    add(
        table,
        "*",
        T::INTERVAL,
        T::FLOAT8,
        T::INTERVAL,
        Make::Call("interval_mul"),
    );
    add(
        table,
        "*",
        T::FLOAT8,
        T::INTERVAL,
        T::INTERVAL,
        Make::Swapped("interval_mul"),
    );
    add(
        table,
        "/",
        T::INTERVAL,
        T::FLOAT8,
        T::INTERVAL,
        Make::Call("interval_div"),
    );
}

fn texts(table: &mut Table) {
    use PgType as T;
    add(table, "||", T::TEXT, T::TEXT, T::TEXT, Make::Join);
    add(
        table,
        "||",
        T::BYTEA,
        T::BYTEA,
        T::BYTEA,
        Make::Call("byteacat"),
    );
    add(
        table,
        "||",
        T::JSONB,
        T::JSONB,
        T::JSONB,
        Make::Call("jsonb_concat"),
    );
    add(
        table,
        "^@",
        T::TEXT,
        T::TEXT,
        T::BOOL,
        Make::Call("starts_with"),
    );
    let patterns = [
        (
            "~",
            Make::Match {
                insensitive: false,
                negated: false,
            },
        ),
        (
            "~*",
            Make::Match {
                insensitive: true,
                negated: false,
            },
        ),
        (
            "!~",
            Make::Match {
                insensitive: false,
                negated: true,
            },
        ),
        (
            "!~*",
            Make::Match {
                insensitive: true,
                negated: true,
            },
        ),
        (
            "~~",
            Make::Like {
                insensitive: false,
                negated: false,
            },
        ),
        (
            "~~*",
            Make::Like {
                insensitive: true,
                negated: false,
            },
        ),
        (
            "!~~",
            Make::Like {
                insensitive: false,
                negated: true,
            },
        ),
        (
            "!~~*",
            Make::Like {
                insensitive: true,
                negated: true,
            },
        ),
    ];
    for (sign, name) in [("~~", "bytealike"), ("!~~", "byteanlike")] {
        add(table, sign, T::BYTEA, T::BYTEA, T::BOOL, Make::Call(name));
    }
    // Text is compared by its bytes anyway.
    for (sign, op) in [
        ("~<~", Operator::Lt),
        ("~<=~", Operator::LtEq),
        ("~>~", Operator::Gt),
        ("~>=~", Operator::GtEq),
    ] {
        for ty in [T::TEXT, T::BPCHAR] {
            add(table, sign, ty, ty, T::BOOL, Make::Compare(op));
        }
    }
    for (sign, make) in patterns {
        for left in [T::TEXT, T::NAME, T::BPCHAR] {
            add(table, sign, left, T::TEXT, T::BOOL, make);
        }
    }
}

fn documents(table: &mut Table) {
    use PgType as T;
    let texts = T::of(1009);
    for (ty, field, element, field_text, element_text, path, path_text) in [
        (
            T::JSON,
            "json_object_field",
            "json_array_element",
            "json_object_field_text",
            "json_array_element_text",
            "json_extract_path",
            "json_extract_path_text",
        ),
        (
            T::JSONB,
            "jsonb_object_field",
            "jsonb_array_element",
            "jsonb_object_field_text",
            "jsonb_array_element_text",
            "jsonb_extract_path",
            "jsonb_extract_path_text",
        ),
    ] {
        add(table, "->", ty, T::TEXT, ty, Make::Call(field));
        add(table, "->", ty, T::INT4, ty, Make::Call(element));
        add(table, "->>", ty, T::TEXT, T::TEXT, Make::Call(field_text));
        add(table, "->>", ty, T::INT4, T::TEXT, Make::Call(element_text));
        add(table, "#>", ty, texts, ty, Make::Call(path));
        add(table, "#>>", ty, texts, T::TEXT, Make::Call(path_text));
    }
    for (sign, right, result, name) in [
        ("@>", T::JSONB, T::BOOL, "jsonb_contains"),
        ("<@", T::JSONB, T::BOOL, "jsonb_contained"),
        ("?", T::TEXT, T::BOOL, "jsonb_exists"),
        ("?|", texts, T::BOOL, "jsonb_exists_any"),
        ("?&", texts, T::BOOL, "jsonb_exists_all"),
        ("-", T::TEXT, T::JSONB, "jsonb_delete"),
        ("-", T::INT4, T::JSONB, "jsonb_delete"),
        ("-", texts, T::JSONB, "jsonb_delete"),
        ("#-", texts, T::JSONB, "jsonb_delete_path"),
        ("@?", T::JSONPATH, T::BOOL, "jsonb_path_exists_opr"),
        ("@@", T::JSONPATH, T::BOOL, "jsonb_path_match_opr"),
    ] {
        add(table, sign, T::JSONB, right, result, Make::Call(name));
    }
}

fn bits(table: &mut Table) {
    use PgType as T;
    for (sign, name) in [("&", "& bit"), ("|", "| bit"), ("#", "# bit")] {
        add(table, sign, T::BIT, T::BIT, T::BIT, Make::Call(name));
    }
    for (sign, name) in [("<<", "<< bit"), (">>", ">> bit")] {
        add(table, sign, T::BIT, T::INT4, T::BIT, Make::Call(name));
    }
    prefix(table, "~", T::BIT, T::BIT, Make::Call("~ bit"));
    let joined = Make::Call("|| bit");
    add(table, "||", T::VARBIT, T::VARBIT, T::VARBIT, joined);
}

fn networks(table: &mut Table) {
    use PgType as T;
    for (sign, name) in [
        ("<<", "<< inet"),
        ("<<=", "<<= inet"),
        (">>", ">> inet"),
        (">>=", ">>= inet"),
        ("&&", "&& inet"),
    ] {
        add(table, sign, T::INET, T::INET, T::BOOL, Make::Call(name));
    }
    for (sign, inet, macaddr) in [("&", "& inet", "& macaddr"), ("|", "| inet", "| macaddr")] {
        add(table, sign, T::INET, T::INET, T::INET, Make::Call(inet));
        for ty in [T::MACADDR, T::MACADDR8] {
            add(table, sign, ty, ty, ty, Make::Call(macaddr));
        }
    }
    prefix(table, "~", T::INET, T::INET, Make::Call("~ inet"));
    for ty in [T::MACADDR, T::MACADDR8] {
        prefix(table, "~", ty, ty, Make::Call("~ macaddr"));
    }
    let (plus, minus) = (Make::Call("+ inet"), Make::Call("- inet"));
    add(table, "+", T::INET, T::INT8, T::INET, plus);
    add(table, "+", T::INT8, T::INET, T::INET, plus);
    add(table, "-", T::INET, T::INT8, T::INET, minus);
    add(table, "-", T::INET, T::INET, T::INT8, minus);
}

/// Those whose functions say what they are.
fn coded(table: &mut Table) {
    for operator in crate::functions::coded_operators() {
        let make = Make::Call(operator.behind);
        match operator.takes[..] {
            [left, right] => add(table, operator.sign, left, right, operator.gives, make),
            [right] => prefix(table, operator.sign, right, operator.gives, make),
            _ => {}
        }
    }
}

/// Money and places in the log.
fn amounts(table: &mut Table) {
    use PgType as T;
    let (plus, minus) = (Make::Call("+ money"), Make::Call("- money"));
    add(table, "+", T::MONEY, T::MONEY, T::MONEY, plus);
    add(table, "-", T::MONEY, T::MONEY, T::MONEY, minus);
    let divide = Make::Call("/ money");
    for ty in [T::INT2, T::INT4, T::INT8, T::FLOAT4, T::FLOAT8] {
        add(table, "*", T::MONEY, ty, T::MONEY, Make::Call("* money"));
        add(table, "*", ty, T::MONEY, T::MONEY, Make::Swapped("* money"));
        add(table, "/", T::MONEY, ty, T::MONEY, divide);
    }
    add(table, "/", T::MONEY, T::MONEY, T::FLOAT8, divide);
    let (plus, minus) = (Make::Call("+ pg_lsn"), Make::Call("- pg_lsn"));
    add(table, "+", T::PG_LSN, T::NUMERIC, T::PG_LSN, plus);
    add(
        table,
        "+",
        T::NUMERIC,
        T::PG_LSN,
        T::PG_LSN,
        Make::Swapped("+ pg_lsn"),
    );
    add(table, "-", T::PG_LSN, T::PG_LSN, T::NUMERIC, minus);
    add(table, "-", T::PG_LSN, T::NUMERIC, T::PG_LSN, minus);
    let equal = Make::Call("aclitemeq");
    add(table, "=", T::ACLITEM, T::ACLITEM, T::BOOL, equal);
}
