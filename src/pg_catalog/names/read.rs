//! Names as OIDs: `'team.delays'::regclass`.

use super::{first_relation, relation_in};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Snapshot;
use crate::pg_catalog::layout;
use crate::pg_catalog::relations::{functions, search, types};
use crate::statement::StatementContext;
use crate::types::PgType;

/// Reads a name (or number) as an OID of type `reg`: `'team.delays'::regclass`.
///
/// # Errors
/// `42P01`, `42704`, `3F000`, `42883`: no such object. `42602`, `42601`, `22P02` a name that cannot
/// be one. `0A000` one of another database. `42725` several functions.
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
    find_reg(context, reg, text)?.ok_or_else(|| missing(context, reg, text))
}

/// The object of a name; `None` where there is none (`to_regclass` and its kin, which take no
/// numbers).
///
/// # Errors
/// `42602`, `42601`, `22P02` a name that cannot be one, `0A000` one of another database, `42725`
/// several functions.
pub fn find_reg(context: &StatementContext, reg: PgType, text: &str) -> Result<Option<Oid>> {
    let trimmed = text.trim();
    let snapshot = &context.snapshot;
    match reg {
        PgType::REGTYPE => find_type(context, trimmed),
        PgType::REGPROCEDURE => {
            let unclosed = |which: &str| {
                Error::new(
                    SqlState::INVALID_TEXT_REPRESENTATION,
                    format!("expected a {which} parenthesis"),
                )
            };
            let (name, rest) = trimmed.split_once('(').ok_or_else(|| unclosed("left"))?;
            let rest = rest.strip_suffix(')').ok_or_else(|| unclosed("right"))?;
            let arguments: Vec<&str> = rest
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
        PgType::REGCOLLATION => Ok(match qualified(context, trimmed, OTHERS)? {
            (None, name) => types::collation_named(&name),
            (Some(schema), name) if schema == "pg_catalog" => types::collation_named(&name),
            (Some(_), _) => None,
        }),
        PgType::REGCONFIG | PgType::REGDICTIONARY => {
            Ok(match qualified(context, trimmed, OTHERS)? {
                (None, name) => search::named(reg, &name),
                (Some(schema), name) if schema == "pg_catalog" => search::named(reg, &name),
                (Some(_), _) => None,
            })
        }
        PgType::REGNAMESPACE => {
            let name = one_part(trimmed)?;
            Ok(snapshot.schema_named(&name).map(|schema| schema.oid))
        }
        PgType::REGROLE => {
            let name = one_part(trimmed)?;
            Ok(snapshot.role_named(&name).map(|role| role.oid))
        }
        // regclass, and plain oid read as one.
        _ => Ok(match qualified(context, trimmed, RELATIONS)? {
            (None, name) => first_relation(snapshot, &context.search_path, &name),
            (Some(schema), name) => schema_named(context, &schema)
                .and_then(|schema| relation_in(snapshot, schema, &name)),
        }),
    }
}

/// What kind of name has too many parts.
const RELATIONS: &str = "relation";
const OTHERS: &str = "qualified";

/// Schema and name, of this database.
fn qualified(
    context: &StatementContext,
    text: &str,
    kind: &str,
) -> Result<(Option<String>, String)> {
    let mut parts = split_name(text)?;
    let dotted = parts.join(".");
    let name = parts.pop().unwrap_or_default();
    let schema = parts.pop();
    match parts.as_slice() {
        [] => Ok((schema, name)),
        [database] if *database == context.snapshot.database().name => Ok((schema, name)),
        [_] => Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            match kind {
                RELATIONS => {
                    format!("cross-database references are not implemented: \"{dotted}\"")
                }
                _ => format!("cross-database references are not implemented: {dotted}"),
            },
        )),
        _ => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("improper {kind} name (too many dotted names): {dotted}"),
        )),
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
    // However many dimensions are written, it is one type.
    let mut element = text;
    while let Some(inner) = element.strip_suffix("[]") {
        element = inner.trim_end();
    }
    let (text, brackets) = (element, element.len() < text.len());
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
        "decimal" | "dec" => Some(PgType::NUMERIC),
        "float" => Some(PgType::FLOAT8),
        "national character" | "national char" | "nchar" => Some(PgType::BPCHAR),
        "char varying"
        | "national character varying"
        | "national char varying"
        | "nchar varying" => Some(PgType::VARCHAR),
        // Unquoted, char is character(1); quoted, the internal one-byte type.
        "char" => Some(PgType::BPCHAR),
        "time" => Some(PgType::TIME),
        "timestamp" => Some(PgType::TIMESTAMP),
        words => PgType::by_name(words),
    };
    let ty = match known {
        Some(ty) => Some(ty.oid),
        None => {
            check_type_name(text, &bare)?;
            match qualified(context, &bare, OTHERS)? {
                (None, name) => types::by_name(&name)
                    .or_else(|| user_type(context, None, &name))
                    .or_else(|| {
                        first_relation(&context.snapshot, &context.search_path, &name)
                            .and_then(|oid| row_type(&context.snapshot, oid))
                    }),
                (Some(schema), name) => schema_named(context, &schema).and_then(|schema| {
                    let built_in = (schema == Oid::PG_CATALOG)
                        .then(|| types::by_name(&name))
                        .flatten();
                    let user = || {
                        let schema = context.snapshot.schema(schema)?;
                        user_type(context, Some(&schema.name), &name)
                    };
                    built_in.or_else(user).or_else(|| {
                        relation_in(&context.snapshot, schema, &name)
                            .and_then(|oid| row_type(&context.snapshot, oid))
                    })
                }),
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

/// `42601` for what the grammar takes for no type.
fn check_type_name(written: &str, bare: &str) -> Result<()> {
    let near = |word: &str| {
        Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("syntax error at or near \"{word}\""),
        ))
    };
    if bare.is_empty() {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("invalid type name \"{written}\""),
        ));
    }
    let mut words = bare.split_whitespace();
    match (words.next(), words.next()) {
        (Some(number), _) if number.starts_with(|c: char| c.is_ascii_digit()) => near(number),
        (Some(_), Some(more)) if !bare.contains('"') && !bare.contains('.') => near(more),
        _ => Ok(()),
    }
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
    let (schema, name) = qualified(context, text.trim(), OTHERS)?;
    let schemas = match schema {
        Some(schema) => schema_named(context, &schema).into_iter().collect(),
        None => context.search_path.lookup.clone(),
    };
    let own = functions::by_name(&name);
    let mut found: Vec<(Oid, Vec<Oid>)> = Vec::new();
    for schema in schemas {
        let own = own
            .iter()
            .filter(|(_, function)| function.schema == schema)
            .map(|(oid, function)| (*oid, function.arguments.clone()));
        let users = context.snapshot.routines_named(schema, &name);
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

fn missing(context: &StatementContext, reg: PgType, text: &str) -> Error {
    let name = match reg {
        PgType::REGPROCEDURE => text.split('(').next().unwrap_or_default(),
        _ => text,
    };
    let parts = split_name(name.trim_end_matches(['[', ']']));
    if let Ok([.., schema, _]) = parts.as_deref()
        && schema_named(context, schema).is_none()
    {
        return Error::new(
            SqlState::INVALID_SCHEMA_NAME,
            format!("schema \"{schema}\" does not exist"),
        );
    }
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
