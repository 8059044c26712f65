//! PostgreSQL's own casts: where each is made without being asked for.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::data::File;
use crate::base::Oid;

/// The casts that change no bit and are made anywhere.
static SAME: LazyLock<HashSet<(Oid, Oid)>> = LazyLock::new(|| {
    let file = File::new(include_str!("../../sql/pg_catalog/pg_cast.tsv"));
    let fields = file
        .position("castmethod")
        .zip(file.position("castcontext"));
    let Some((method, context)) = fields else {
        return HashSet::new();
    };
    let same = file.lines.iter();
    let same =
        same.filter(|line| line.get(method) == Some(&"b") && line.get(context) == Some(&"i"));
    let same = same.map(|line| (file.oid(line, "castsource"), file.oid(line, "casttarget")));
    same.collect()
});

/// Whether a value of one type is one of another as it is.
pub fn is_same_bits(from: Oid, to: Oid) -> bool {
    from == to || SAME.contains(&(from, to))
}

/// Where a cast is made, as `pg_cast.castcontext`; each place does what the ones before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastContext {
    /// Anywhere in an expression.
    Implicit,
    /// Where a value goes into a column.
    Assignment,
    /// Where it is asked for.
    Explicit,
}

static CASTS: LazyLock<HashMap<(Oid, Oid), CastContext>> = LazyLock::new(|| {
    let file = File::new(include_str!("../../sql/pg_catalog/pg_cast.tsv"));
    let Some(context) = file.position("castcontext") else {
        return HashMap::new();
    };
    let casts = file.lines.iter().filter_map(|line| {
        let context = match *line.get(context)? {
            "i" => CastContext::Implicit,
            "a" => CastContext::Assignment,
            _ => CastContext::Explicit,
        };
        let types = (file.oid(line, "castsource"), file.oid(line, "casttarget"));
        Some((types, context))
    });
    casts.collect()
});

/// Where a value of one type becomes one of another; `None` if `pg_cast` has no such pair. Casts
/// through text, of arrays and of rows are not in it.
pub fn cast_context(from: Oid, to: Oid) -> Option<CastContext> {
    CASTS.get(&(from, to)).copied()
}
