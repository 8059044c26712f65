//! OIDs to names and back: regclass, regtype, regproc, regprocedure, regnamespace, regrole.

use std::sync::Arc;

use super::relations::{functions, search, types};
use super::{find, layout};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Routine, SearchPath, Snapshot};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::text::RegNames;

/// Prints OIDs as names the way PostgreSQL's `regclassout` and its kin do: qualified only if not
/// visible.
#[derive(Debug, Clone)]
pub struct Names {
    context: Arc<StatementContext>,
}

impl Names {
    /// Names as seen by a statement.
    pub fn new(context: Arc<StatementContext>) -> Self {
        Self { context }
    }
}

impl RegNames for Names {
    fn name(&self, reg: PgType, oid: Oid) -> Option<String> {
        name(&self.context, reg, oid)
    }
}

/// What `oid` is called as a value of type `reg`; `None` if there is no such object.
pub fn name(context: &StatementContext, reg: PgType, oid: Oid) -> Option<String> {
    if oid == Oid::INVALID {
        return Some("-".to_owned());
    }
    let snapshot = &context.snapshot;
    match reg {
        PgType::REGCLASS => relation_name(context, oid),
        PgType::REGTYPE => type_name(context, PgType::of(oid.0)),
        PgType::REGPROC | PgType::REGPROCEDURE if snapshot.routine(oid).is_some() => {
            let routine = snapshot.routine(oid)?;
            let visible = is_visible_routine(context, routine);
            let name = qualified(context, routine.schema, &routine.name, visible);
            if reg == PgType::REGPROC {
                return Some(name);
            }
            let types: Vec<_> = routine
                .input_types()
                .into_iter()
                .map(|ty| type_name(context, PgType::of(ty.0)).unwrap_or_else(|| "???".into()))
                .collect();
            Some(format!("{name}({})", types.join(",")))
        }
        // What would not be found by its name alone has its schema.
        PgType::REGPROC => functions::by_oid(oid).map(|function| {
            let alone = functions::by_name(function.name).len() == 1;
            let name = function_name(context, function.schema, function.name);
            match alone || function.schema != Oid::PG_CATALOG {
                true => name,
                false => format!("pg_catalog.{name}"),
            }
        }),
        PgType::REGPROCEDURE => functions::by_oid(oid).map(|function| {
            let arguments: Vec<_> = function
                .arguments
                .iter()
                .map(|ty| type_name(context, PgType::of(ty.0)).unwrap_or_else(|| "???".into()))
                .collect();
            let name = function_name(context, function.schema, function.name);
            format!("{name}({})", arguments.join(","))
        }),
        PgType::REGOPER => types::operator(oid).map(|operator| operator.name.to_owned()),
        PgType::REGOPERATOR => types::operator(oid).map(|operator| {
            let side = |ty: Oid| match ty {
                Oid::INVALID => "NONE".to_owned(),
                ty => type_name(context, PgType::of(ty.0)).unwrap_or_else(|| "???".into()),
            };
            format!(
                "{}({},{})",
                operator.name,
                side(operator.left),
                side(operator.right)
            )
        }),
        PgType::REGCOLLATION => types::collation(oid).map(|name| quote(name).into_owned()),
        PgType::REGCONFIG | PgType::REGDICTIONARY => {
            search::name(reg, oid).map(|name| quote(&name).into_owned())
        }
        PgType::REGNAMESPACE => snapshot
            .schema(oid)
            .map(|schema| quote(&schema.name).into_owned()),
        PgType::REGROLE => snapshot
            .role(oid)
            .map(|role| quote(&role.name).into_owned()),
        _ => None,
    }
}

/// Whether a look-up of a function's bare name and types along the path finds this very one.
pub fn is_visible_routine(context: &StatementContext, routine: &Routine) -> bool {
    let types = routine.input_types();
    let first = context.search_path.lookup.iter().find(|schema| {
        let own = **schema == Oid::PG_CATALOG
            && functions::by_name(&routine.name)
                .iter()
                .any(|(_, function)| function.arguments == types);
        let mut named = context.snapshot.routines_named(**schema, &routine.name);
        own || named.any(|other| other.input_types() == types)
    });
    first == Some(&routine.schema)
}

/// The relation's name and schema.
pub fn relation_parts(snapshot: &Snapshot, oid: Oid) -> Option<(Oid, &str)> {
    match snapshot.relation(oid) {
        Some(relation) => Some((relation.schema, &relation.name)),
        None => layout::by_oid(oid)
            .map(|relation| (relation.schema, relation.name))
            .or_else(|| {
                let (table, index) = snapshot.index(oid)?;
                Some((table.schema, index.name.as_str()))
            })
            .or_else(|| {
                let ty = snapshot.composite_of_relation(oid)?;
                Some((ty.schema, ty.name.as_str()))
            }),
    }
}

/// The relation's name, qualified if the bare name would not find it.
fn relation_name(context: &StatementContext, oid: Oid) -> Option<String> {
    let (schema, name) = relation_parts(&context.snapshot, oid)?;
    let visible = first_relation(&context.snapshot, &context.search_path, name) == Some(oid);
    Some(qualified(context, schema, name, visible))
}

/// `name`, with its schema in front unless `visible`.
fn qualified(context: &StatementContext, schema: Oid, name: &str, visible: bool) -> String {
    match context.snapshot.schema(schema) {
        Some(schema) if !visible => format!("{}.{}", quote(&schema.name), quote(name)),
        Some(_) | None => quote(name).into_owned(),
    }
}

/// A function's name, qualified if its schema is not on the path. Functions of one name in two
/// schemas do not exist.
fn function_name(context: &StatementContext, schema: Oid, name: &str) -> String {
    let visible = context.search_path.lookup.contains(&schema);
    qualified(context, schema, name, visible)
}

/// A type's name as `format_type` prints it, with its modifier; `None` if there is no such type.
pub fn type_name(context: &StatementContext, ty: PgType) -> Option<String> {
    let oid = ty.declared();
    let own = context.snapshot.user_type(oid).map(|user| (user, ""));
    let arrays = || {
        let mut users = context.snapshot.types();
        users
            .find(|user| user.array == oid)
            .map(|user| (user, "[]"))
    };
    if let Some((user, brackets)) = own.or_else(arrays) {
        let found = context
            .snapshot
            .resolve_type(&context.search_path, None, &user.name);
        let visible = found.is_some_and(|found| found.oid == user.oid)
            && PgType::by_name(&user.name).is_none();
        let name = qualified(context, user.schema, &user.name, visible);
        return Some(format!("{name}{brackets}"));
    }
    // `info` answers text for what it does not know, so ask for the OID back.
    if ty.info().oid == ty.oid {
        return Some(ty.to_string());
    }
    if let Some(name) = types::name(ty.oid) {
        return Some(match name {
            "any" => "\"any\"".to_owned(),
            name => name.to_owned(),
        });
    }
    if let Some(relation) = layout::by_row_type(ty.oid) {
        let visible = context.search_path.lookup.contains(&relation.schema);
        let name = qualified(context, relation.schema, relation.name, visible);
        let brackets = if relation.row_array == ty.oid {
            "[]"
        } else {
            ""
        };
        return Some(format!("{name}{brackets}"));
    }
    if let Some(relation) = context.snapshot.relation_of_type(ty.oid) {
        return relation_name(context, relation.oid);
    }
    let row_type = crate::catalog::row_type_of_array(ty.oid)?;
    let relation = context.snapshot.relation_of_type(row_type)?;
    relation_name(context, relation.oid).map(|name| format!("{name}[]"))
}

/// A type's name as SQL has it, to be read by the same statement.
pub fn written(context: &StatementContext, ty: PgType) -> String {
    let made = ty.is_made() || ty.domain.is_some();
    let named = made.then(|| type_name(context, ty)).flatten();
    named.unwrap_or_else(|| {
        // By the names that mean any length, where `character` and `bit` mean one.
        let (inner, brackets) = match ty.element() {
            Some(inner) => (inner, "[]"),
            None => (ty, ""),
        };
        match inner {
            PgType::BPCHAR => format!("bpchar{brackets}"),
            PgType::BIT => format!("\"bit\"{brackets}"),
            _ => ty.to_string(),
        }
    })
}

/// The relation an unqualified name means, users' or the system's.
pub fn first_relation(snapshot: &Snapshot, path: &SearchPath, name: &str) -> Option<Oid> {
    path.lookup
        .iter()
        .find_map(|schema| relation_in(snapshot, *schema, name))
}

/// The relation of that name in a schema.
pub fn relation_in(snapshot: &Snapshot, schema: Oid, name: &str) -> Option<Oid> {
    match snapshot.relation_named(schema, name) {
        Some(relation) => Some(relation.oid),
        None => find(schema, name)
            .map(|relation| relation.oid)
            .or_else(|| snapshot.places().index_named(schema, name))
            .or_else(|| {
                let ty = snapshot.type_named(schema, name)?;
                Some(ty.composite()?.relation)
            }),
    }
}

/// Reads a name (or number) as an OID of type `reg`: `'team.delays'::regclass`.
///
/// # Errors
/// `42P01`, `42704`, `3F000`, `42883`: no such object. `42602` a name that cannot be one. `42725`
/// several functions.
pub fn parse_reg(context: &StatementContext, reg: PgType, text: &str) -> Result<Oid> {
    let trimmed = text.trim();
    if trimmed == "-" {
        return Ok(Oid::INVALID);
    }
    if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return trimmed.parse().map(Oid).map_err(|_| {
            Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("value \"{trimmed}\" is out of range for type oid"),
            )
        });
    }
    find_reg(context, reg, text)?.ok_or_else(|| missing(reg, text))
}

/// The object of a name; `None` where there is none (`to_regclass` and its kin, which take no
/// numbers).
///
/// # Errors
/// `42602` a name that cannot be one, `42725` several functions.
pub fn find_reg(context: &StatementContext, reg: PgType, text: &str) -> Result<Option<Oid>> {
    let trimmed = text.trim();
    let snapshot = &context.snapshot;
    match reg {
        PgType::REGTYPE => find_type(context, trimmed),
        PgType::REGPROCEDURE => {
            let name = trimmed.split('(').next().unwrap_or_default();
            let arguments: Vec<&str> = trimmed[name.len()..]
                .trim_matches(['(', ')'])
                .split(',')
                .map(str::trim)
                .filter(|ty| !ty.is_empty())
                .collect();
            let wanted = arguments
                .iter()
                .map(|ty| parse_reg(context, PgType::REGTYPE, ty))
                .collect::<Result<Vec<_>>>()?;
            let found = functions_named(context, name)?
                .into_iter()
                .find(|(_, arguments)| *arguments == wanted);
            Ok(found.map(|(oid, _)| oid))
        }
        PgType::REGPROC => match functions_named(context, trimmed)?.as_slice() {
            [] => Ok(None),
            [(oid, _)] => Ok(Some(*oid)),
            _ => Err(Error::new(
                SqlState::AMBIGUOUS_FUNCTION,
                format!("more than one function named \"{trimmed}\""),
            )),
        },
        PgType::REGOPER => match types::operators(unqualified(trimmed)).as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.oid)),
            _ => Err(Error::new(
                SqlState::AMBIGUOUS_FUNCTION,
                format!("more than one operator named {trimmed}"),
            )),
        },
        PgType::REGOPERATOR => {
            let (sign, sides) = trimmed.split_once('(').unwrap_or((trimmed, ""));
            let sides: Vec<&str> = sides
                .trim_end_matches(')')
                .split(',')
                .map(str::trim)
                .collect();
            let side = |ty: &&str| match ty.eq_ignore_ascii_case("none") {
                true => Ok(Oid::INVALID),
                false => parse_reg(context, PgType::REGTYPE, ty),
            };
            let [left, right] = sides.as_slice() else {
                return Err(
                    Error::new(SqlState::UNDEFINED_PARAMETER, "missing argument")
                        .hint("Use NONE to denote the missing argument of a unary operator."),
                );
            };
            let (left, right) = (side(left)?, side(right)?);
            let found = types::operators(unqualified(sign.trim()))
                .into_iter()
                .find(|operator| operator.left == left && operator.right == right);
            Ok(found.map(|operator| operator.oid))
        }
        PgType::REGCOLLATION => match split_name(trimmed)?.as_slice() {
            [name] => Ok(types::collation_named(name)),
            [schema, name] if schema == "pg_catalog" => Ok(types::collation_named(name)),
            [_, _] => Ok(None),
            _ => Err(invalid_name()),
        },
        PgType::REGCONFIG | PgType::REGDICTIONARY => match split_name(trimmed)?.as_slice() {
            [name] => Ok(search::named(reg, name)),
            [schema, name] if schema == "pg_catalog" => Ok(search::named(reg, name)),
            [_, _] => Ok(None),
            _ => Err(invalid_name()),
        },
        PgType::REGNAMESPACE => {
            let name = one_part(trimmed)?;
            Ok(snapshot.schema_named(&name).map(|schema| schema.oid))
        }
        PgType::REGROLE => {
            let name = one_part(trimmed)?;
            Ok(snapshot.role_named(&name).map(|role| role.oid))
        }
        // regclass, and plain oid read as one.
        _ => match split_name(trimmed)?.as_slice() {
            [name] => Ok(first_relation(snapshot, &context.search_path, name)),
            [schema, name] => Ok(schema_named(context, schema)
                .and_then(|schema| relation_in(snapshot, schema, name))),
            [database, schema, name] if *database == snapshot.database().name => {
                Ok(schema_named(context, schema)
                    .and_then(|schema| relation_in(snapshot, schema, name)))
            }
            _ => Err(invalid_name()),
        },
    }
}

/// A schema by name; `pg_temp` is the session's temporary one.
fn schema_named(context: &StatementContext, name: &str) -> Option<Oid> {
    if name == "pg_temp" {
        return context.search_path.temporary;
    }
    context.snapshot.schema_named(name).map(|schema| schema.oid)
}

/// A type by any name SQL has for it: `int4`, `integer`, `varchar(30)`, `text[]`, `pg_catalog.oid`,
/// a relation's row.
fn find_type(context: &StatementContext, text: &str) -> Result<Option<Oid>> {
    let (text, brackets) = match text.strip_suffix("[]") {
        Some(element) => (element.trim_end(), true),
        None => (text, false),
    };
    // A modifier does not change which type it is.
    let bare = match (text.find('('), text.find(')')) {
        (Some(open), Some(close)) if open < close => {
            format!("{}{}", text[..open].trim_end(), &text[close + 1..])
        }
        _ => text.to_owned(),
    };
    let spaced = bare.to_ascii_lowercase();
    let spaced = spaced.strip_prefix("pg_catalog.").unwrap_or(&spaced);
    let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let known = match words.as_str() {
        "int" => Some(PgType::INT4),
        "decimal" => Some(PgType::NUMERIC),
        "float" => Some(PgType::FLOAT8),
        // Unquoted, char is character(1); quoted, the internal one-byte type.
        "char" => Some(PgType::BPCHAR),
        "time" => Some(PgType::TIME),
        "timestamp" => Some(PgType::TIMESTAMP),
        words => PgType::by_name(words),
    };
    let ty = match known {
        Some(ty) => Some(ty.oid),
        None => {
            let parts = split_name(&bare)?;
            match parts.as_slice() {
                [name] => types::by_name(name)
                    .or_else(|| user_type(context, None, name))
                    .or_else(|| {
                        first_relation(&context.snapshot, &context.search_path, name)
                            .and_then(|oid| row_type(&context.snapshot, oid))
                    }),
                [schema, name] => schema_named(context, schema).and_then(|schema| {
                    let built_in = (schema == Oid::PG_CATALOG)
                        .then(|| types::by_name(name))
                        .flatten();
                    let user = || {
                        let schema = context.snapshot.schema(schema)?;
                        user_type(context, Some(&schema.name), name)
                    };
                    built_in.or_else(user).or_else(|| {
                        relation_in(&context.snapshot, schema, name)
                            .and_then(|oid| row_type(&context.snapshot, oid))
                    })
                }),
                _ => return Err(invalid_name()),
            }
        }
    };
    Ok(match ty {
        Some(ty) if brackets => {
            let user = context.snapshot.user_type(ty).map(|user| user.array);
            let value = || Some(context.snapshot.value_type(ty).array()?.oid);
            user.or_else(value)
        }
        other => other,
    })
}

/// A user's type, or that of a table's rows, by its name or that of the arrays over it.
fn user_type(context: &StatementContext, schema: Option<&str>, name: &str) -> Option<Oid> {
    let (snapshot, path) = (&context.snapshot, &context.search_path);
    let found = snapshot.resolve_value_type(path, schema, name)?;
    Some(found.ty().declared())
}

/// The row type of a relation.
fn row_type(snapshot: &Snapshot, relation: Oid) -> Option<Oid> {
    match snapshot.relation(relation) {
        Some(relation) => Some(relation.row_type),
        None => layout::by_oid(relation).map(|relation| relation.row_type),
    }
}

fn functions_named(context: &StatementContext, text: &str) -> Result<Vec<(Oid, Vec<Oid>)>> {
    let parts = split_name(text.trim())?;
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] => match schema_named(context, schema) {
            Some(schema) => (Some(schema), name),
            None => return Ok(Vec::new()),
        },
        _ => return Err(invalid_name()),
    };
    let schemas = match schema {
        Some(schema) => vec![schema],
        None => context.search_path.lookup.clone(),
    };
    let own = functions::by_name(name);
    let mut found: Vec<(Oid, Vec<Oid>)> = Vec::new();
    for schema in schemas {
        let own = own
            .iter()
            .filter(|(_, function)| function.schema == schema)
            .map(|(oid, function)| (*oid, function.arguments.clone()));
        let users = context.snapshot.routines_named(schema, name);
        let users = users.map(|routine| (routine.oid, routine.input_types()));
        for (oid, types) in own.chain(users) {
            if !found.iter().any(|(_, known)| *known == types) {
                found.push((oid, types));
            }
        }
    }
    Ok(found)
}

/// An operator's sign without the schema it may be written with.
fn unqualified(sign: &str) -> &str {
    sign.strip_prefix("pg_catalog.").unwrap_or(sign)
}

fn one_part(text: &str) -> Result<String> {
    match split_name(text)?.as_slice() {
        [name] => Ok(name.clone()),
        _ => Err(invalid_name()),
    }
}

fn invalid_name() -> Error {
    Error::new(SqlState::INVALID_NAME, "invalid name syntax")
}

/// Splits `a."B c".d` into its parts, folding those not quoted.
///
/// # Errors
/// `42602` if it is no name.
pub fn split_name(text: &str) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let part;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut chars = quoted.char_indices().peekable();
            let end = loop {
                match chars.next() {
                    None => return Err(invalid_name()),
                    Some((index, '"')) => {
                        if chars.next_if(|(_, c)| *c == '"').is_none() {
                            break index + 1;
                        }
                        name.push('"');
                    }
                    Some((_, c)) => name.push(c),
                }
            };
            part = name;
            rest = quoted[end..].trim_start();
        } else {
            let end = rest
                .find(|c: char| c == '.' || c.is_whitespace())
                .unwrap_or(rest.len());
            part = rest[..end].to_ascii_lowercase();
            rest = rest[end..].trim_start();
        }
        if part.is_empty() {
            return Err(invalid_name());
        }
        parts.push(crate::base::name::truncate(&part).to_owned());
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() => return Ok(parts),
            None => return Err(invalid_name()),
        }
    }
}

fn missing(reg: PgType, text: &str) -> Error {
    let parts = split_name(text);
    let dotted = parts.map_or_else(|_| text.to_owned(), |parts| parts.join("."));
    match reg {
        PgType::REGTYPE => Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("type \"{text}\" does not exist"),
        ),
        PgType::REGPROC | PgType::REGPROCEDURE => Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("function \"{text}\" does not exist"),
        ),
        PgType::REGOPER | PgType::REGOPERATOR => Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("operator does not exist: {text}"),
        ),
        PgType::REGCOLLATION => Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("collation \"{dotted}\" for encoding \"UTF8\" does not exist"),
        ),
        PgType::REGCONFIG | PgType::REGDICTIONARY => search::missing(reg, &dotted),
        PgType::REGNAMESPACE => Error::new(
            SqlState::INVALID_SCHEMA_NAME,
            format!("schema \"{dotted}\" does not exist"),
        ),
        PgType::REGROLE => Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("role \"{dotted}\" does not exist"),
        ),
        _ => Error::new(
            SqlState::UNDEFINED_TABLE,
            format!("relation \"{dotted}\" does not exist"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split() {
        assert_eq!(split_name("Team.\"A b\"\"c\"").unwrap(), ["team", "A b\"c"]);
        for bad in ["", "a.", ".a", "a b", "\"a", "a..b"] {
            assert_eq!(
                split_name(bad).unwrap_err().state(),
                SqlState::INVALID_NAME,
                "{bad}"
            );
        }
    }
}
