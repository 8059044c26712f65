//! DataFusion's errors as PostgreSQL's: a SQLSTATE, PostgreSQL's words, a position.
//!
//! Our own errors travel through DataFusion inside `External` and come out as they went in. For the
//! rest the kind of error decides, and where DataFusion only has a sentence, the sentence does.
//! What a user can cause must not end as XX000: a sentence that is not known here is shown as it
//! is, under the SQLSTATE of its kind.

use std::error::Error as StdError;

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};

use crate::base::{Error, Place, SqlState};

/// The error a client is told.
pub(super) fn convert(error: DataFusionError) -> Error {
    let converted = convert_kind(&error);
    match position(&error) {
        Some(position) => converted.or_at(Place::At(position)),
        None => converted,
    }
}

/// Where in the statement: spans hold (1, character position), see `parse/split`.
fn position(error: &DataFusionError) -> Option<usize> {
    match error {
        DataFusionError::Diagnostic(diagnostic, inner) => diagnostic
            .span
            .and_then(|span| usize::try_from(span.start.column).ok())
            .filter(|column| *column > 0)
            .or_else(|| position(inner)),
        DataFusionError::Context(_, inner) => position(inner),
        DataFusionError::Shared(inner) => position(inner),
        DataFusionError::Collection(errors) => errors.first().and_then(position),
        _ => None,
    }
}

fn convert_kind(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            convert_kind(inner)
        }
        DataFusionError::Shared(inner) => convert_kind(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => convert_kind(first),
            None => Error::internal("planning", "an empty list of errors"),
        },
        DataFusionError::External(inner) => external(inner.as_ref()),
        DataFusionError::ArrowError(inner, _) => arrow(inner),
        DataFusionError::SchemaError(inner, _) => schema(inner),
        DataFusionError::Plan(message) => plan(message),
        DataFusionError::NotImplemented(message) => not_implemented(message),
        DataFusionError::Execution(message) => execution(message),
        DataFusionError::ResourcesExhausted(message) => out_of_memory(message),
        DataFusionError::SQL(inner, _) => {
            Error::new(SqlState::SYNTAX_ERROR, format!("syntax error: {inner}"))
        }
        DataFusionError::Configuration(message) => Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            first_line(message).to_owned(),
        ),
        DataFusionError::ParquetError(inner) => {
            Error::new(SqlState::DATA_CORRUPTED, "could not read a Parquet file")
                .detail(inner.to_string())
        }
        DataFusionError::ObjectStore(inner) => io(inner),
        DataFusionError::IoError(inner) => io(inner),
        DataFusionError::Internal(message) => internal(message),
        DataFusionError::ExecutionJoin(inner) => Error::internal("executing a query", inner),
        DataFusionError::Substrait(message) | DataFusionError::Ffi(message) => {
            Error::internal("executing a query", message)
        }
    }
}

/// Somebody else's error: ours, or one that wraps something known.
fn external(error: &(dyn StdError + Send + Sync + 'static)) -> Error {
    if let Some(error) = error.downcast_ref::<Error>() {
        return error.clone();
    }
    if let Some(error) = error.downcast_ref::<DataFusionError>() {
        return convert_kind(error);
    }
    if let Some(error) = error.downcast_ref::<ArrowError>() {
        return arrow(error);
    }
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return io(error);
    }
    Error::internal("executing a query", error)
}

fn arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => division_by_zero(),
        ArrowError::ArithmeticOverflow(message) | ArrowError::ComputeError(message)
            if message.to_lowercase().contains("overflow") =>
        {
            overflow(message)
        }
        ArrowError::ExternalError(inner) => external(inner.as_ref()),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => cast(message),
        ArrowError::ComputeError(message) | ArrowError::InvalidArgumentError(message) => {
            execution(message)
        }
        ArrowError::ArithmeticOverflow(message) => overflow(message),
        ArrowError::NotYetImplemented(message) => not_implemented(message),
        ArrowError::MemoryError(message) => out_of_memory(message),
        ArrowError::OffsetOverflowError(_) => Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            "a column of text in one batch exceeds 2 GB",
        ),
        ArrowError::DictionaryKeyOverflowError | ArrowError::RunEndIndexOverflowError => {
            Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "too many different values in one batch",
            )
        }
        ArrowError::IoError(_, inner) => io(inner),
        ArrowError::CsvError(message) => {
            Error::new(SqlState::BAD_COPY_FILE_FORMAT, "invalid CSV").detail(message)
        }
        ArrowError::JsonError(message) => {
            Error::new(SqlState::BAD_COPY_FILE_FORMAT, "invalid JSON").detail(message)
        }
        ArrowError::ParquetError(message) => {
            Error::new(SqlState::DATA_CORRUPTED, "could not read a Parquet file").detail(message)
        }
        ArrowError::SchemaError(message) => plan(message),
        ArrowError::AvroError(message)
        | ArrowError::IpcError(message)
        | ArrowError::CDataInterface(message) => Error::internal("executing a query", message),
    }
}

fn schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let shown = match &field.relation {
                Some(relation) => {
                    // A qualifier that is no relation of the query is another mistake than a
                    // missing column.
                    let known = valid_fields
                        .iter()
                        .any(|valid| valid.relation.as_ref() == Some(relation));
                    if !known {
                        return missing_from(relation.table());
                    }
                    format!("{}.{}", relation.table(), field.name)
                }
                None => format!("\"{}\"", field.name),
            };
            let error = Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column {shown} does not exist"),
            );
            match similar(
                &field.name,
                valid_fields.iter().map(|valid| {
                    let relation = valid.relation.as_ref().map(|r| r.table());
                    (relation, valid.name.as_str())
                }),
            ) {
                Some(hint) => error.hint(hint),
                None => error,
            }
        }
        SchemaError::AmbiguousReference { field } => Error::new(
            SqlState::AMBIGUOUS_COLUMN,
            format!("column reference \"{}\" is ambiguous", visible(&field.name)),
        ),
        SchemaError::DuplicateQualifiedField { qualifier, name } => Error::new(
            SqlState::DUPLICATE_ALIAS,
            format!(
                "table name \"{}\" specified more than once",
                qualifier.table()
            ),
        )
        .detail(format!("Both have a column \"{}\".", visible(name))),
        SchemaError::DuplicateUnqualifiedField { name } => Error::new(
            SqlState::DUPLICATE_COLUMN,
            format!("column \"{}\" specified more than once", visible(name)),
        ),
    }
}

fn missing_from(table: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_TABLE,
        format!("missing FROM-clause entry for table \"{table}\""),
    )
}

/// PostgreSQL's hint for a misspelt column.
pub(super) fn similar<'a>(
    name: &str,
    valid: impl Iterator<Item = (Option<&'a str>, &'a str)>,
) -> Option<String> {
    valid
        .filter(|(_, valid)| !valid.contains('\0'))
        .map(|(table, valid)| (distance(name, valid), table, valid))
        // At most three edits, and no more than half of what was written.
        .filter(|(distance, _, _)| *distance <= 3 && *distance <= name.chars().count() / 2)
        .min_by_key(|(distance, _, _)| *distance)
        .map(|(_, table, valid)| match table {
            Some(table) => {
                format!("Perhaps you meant to reference the column \"{table}.{valid}\".")
            }
            None => format!("Perhaps you meant to reference the column \"{valid}\"."),
        })
}

/// Edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// An internal name without what makes it unique.
fn visible(name: &str) -> &str {
    name.split('\0').next().unwrap_or(name)
}

/// A mistake found while planning; DataFusion has only a sentence for it.
fn plan(message: &str) -> Error {
    let message = first_line(message);
    if let Some(function) = message
        .strip_prefix("Invalid function '")
        .and_then(|rest| rest.split_once('\''))
    {
        return no_function(function.0);
    }
    if let Some(rest) = message.strip_prefix("Error during planning: ") {
        return plan(rest);
    }
    if message.starts_with("Cannot create filter with non-boolean predicate") {
        let ty = message.rsplit("returning ").next().unwrap_or_default();
        return Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "argument of WHERE must be type boolean, not type {}",
                sql_type(ty)
            ),
        );
    }
    if message.starts_with("LIMIT must be") {
        return Error::new(
            SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
            "LIMIT must not be negative",
        );
    }
    if message.starts_with("OFFSET must be") {
        return Error::new(
            SqlState::INVALID_ROW_COUNT_IN_OFFSET_CLAUSE,
            "OFFSET must not be negative",
        );
    }
    if message.contains("must be in GROUP BY")
        || message.contains("must appear in the GROUP BY clause")
        || message.contains("could not be resolved from available columns")
    {
        return grouping(message);
    }
    let lower = message.to_lowercase();
    let state = if lower.contains("cannot coerce")
        || lower.contains("failed to coerce")
        || lower.contains("cannot infer common argument type")
        || lower.contains("no function matches")
    {
        return no_match(message);
    } else if lower.contains("aggregate function") && lower.contains("not allowed")
        || lower.contains("nested aggregat")
    {
        SqlState::GROUPING_ERROR
    } else if lower.contains("position")
        && (lower.contains("not in select list") || lower.contains("select list"))
    {
        SqlState::INVALID_COLUMN_REFERENCE
    } else if lower.contains("equal number of columns")
        || lower.contains("same number of columns")
        || lower.contains("number of columns")
    {
        SqlState::SYNTAX_ERROR
    } else if lower.contains("boolean") || lower.contains("incompatible") {
        SqlState::DATATYPE_MISMATCH
    } else if lower.contains("not found") {
        SqlState::UNDEFINED_OBJECT
    } else if lower.contains("correlated")
        || lower.contains("not supported")
        || lower.contains("unsupported")
        || lower.contains("not implemented")
    {
        return not_implemented(message);
    } else {
        SqlState::SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION
    };
    Error::new(state, lower_first(message))
}

fn grouping(message: &str) -> Error {
    // DataFusion: … expression "t.a" must be in GROUP BY …; or: Expression t.a could not be
    // resolved …
    let column = message.split('"').nth(1).or_else(|| {
        message
            .split("Expression ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
    });
    let what = column.map_or_else(
        || "an expression of the select list".to_owned(),
        |column| format!("column \"{}\"", visible(column)),
    );
    Error::new(
        SqlState::GROUPING_ERROR,
        format!("{what} must appear in the GROUP BY clause or be used in an aggregate function"),
    )
}

fn no_function(name: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        format!("function {name} does not exist"),
    )
    .hint(NO_FUNCTION_HINT)
}

const NO_FUNCTION_HINT: &str = "No function matches the given name and argument types. You might \
                                need to add explicit type casts.";

/// A function or operator without a variant for these types.
fn no_match(message: &str) -> Error {
    // DataFusion: No function matches the given name and argument types 'upper(Int64)'.
    if let Some((call, _)) = message
        .split_once("argument types '")
        .and_then(|(_, rest)| rest.split_once('\''))
        && let Some((name, types)) = call.trim_end_matches(')').split_once('(')
    {
        let types: Vec<&str> = types.split(", ").map(sql_type).collect();
        return Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("function {name}({}) does not exist", types.join(", ")),
        )
        .hint(NO_FUNCTION_HINT);
    }
    // DataFusion: Cannot coerce arithmetic expression Int32 + Utf8 to valid types
    if let Some((_, operation)) = message.split_once("arithmetic expression ")
        && let [left, operator, right] = operation
            .trim_end_matches(" to valid types")
            .split(' ')
            .collect::<Vec<_>>()
            .as_slice()
    {
        return Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!(
                "operator does not exist: {} {operator} {}",
                sql_type(left),
                sql_type(right)
            ),
        )
        .hint(
            "No operator matches the given name and argument types. You might need to add explicit type casts.",
        );
    }
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        "no function or operator matches the given argument types",
    )
    .detail(message.to_owned())
    .hint("You might need to add explicit type casts.")
}

fn not_implemented(message: &str) -> Error {
    Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        "this form of query is not supported",
    )
    .detail(first_line(message).to_owned())
}

/// A mistake found while executing.
fn execution(message: &str) -> Error {
    let message = first_line(message);
    let lower = message.to_lowercase();
    if lower.contains("divide by zero") || lower.contains("division by zero") {
        return division_by_zero();
    }
    if lower.contains("more than one row") {
        return Error::new(
            SqlState::CARDINALITY_VIOLATION,
            "more than one row returned by a subquery used as an expression",
        );
    }
    if lower.contains("too large to store in a decimal") {
        return cast(message);
    }
    if lower.contains("overflow") || lower.contains("out of range") {
        return overflow(message);
    }
    if lower.contains("regular expression") || lower.contains("regex") {
        return Error::new(
            SqlState::INVALID_REGULAR_EXPRESSION,
            "invalid regular expression",
        )
        .detail(message.to_owned());
    }
    if lower.contains("cast") || lower.contains("parse") {
        return cast(message);
    }
    Error::new(SqlState::INVALID_PARAMETER_VALUE, lower_first(message))
}

/// A value that does not fit its type.
fn cast(message: &str) -> Error {
    let message = first_line(message);
    // Arrow: Cannot cast string 'x' to value of Int32 type
    if let Some((value, rest)) = message
        .strip_prefix("Cannot cast string '")
        .and_then(|rest| rest.rsplit_once("' to value of "))
    {
        let ty = sql_type(rest.trim_end_matches(" type"));
        return Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type {ty}: \"{value}\""),
        );
    }
    // Arrow: Can't cast value 300 to type Int8
    if let Some((_, rest)) = message
        .strip_prefix("Can't cast value ")
        .and_then(|rest| rest.split_once(" to type "))
    {
        return Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("{} out of range", sql_type(rest)),
        );
    }
    let lower = message.to_lowercase();
    if lower.contains("too large to store in a decimal") {
        return Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "numeric field overflow",
        );
    }
    if lower.contains("overflow") || lower.contains("out of range") || lower.contains("too large") {
        return overflow(message);
    }
    if lower.contains("not supported") || lower.contains("unsupported") {
        return Error::new(SqlState::CANNOT_COERCE, lower_first(message));
    }
    Error::new(SqlState::INVALID_TEXT_REPRESENTATION, lower_first(message))
}

/// PostgreSQL's name of an Arrow type, as Arrow prints it.
fn sql_type(arrow: &str) -> &str {
    match arrow {
        "Int16" => "smallint",
        "Int32" => "integer",
        "Int64" => "bigint",
        "UInt32" => "oid",
        "Float32" => "real",
        "Float64" => "double precision",
        "Boolean" => "boolean",
        "Date32" => "date",
        "Utf8" | "Utf8View" | "LargeUtf8" => "text",
        "Binary" | "BinaryView" | "LargeBinary" => "bytea",
        "Null" => "unknown",
        other if other.starts_with("Decimal") => "numeric",
        other if other.starts_with("Timestamp") && other.contains("None") => {
            "timestamp without time zone"
        }
        other if other.starts_with("Timestamp") => "timestamp with time zone",
        other if other.starts_with("Interval") || other.starts_with("Duration") => "interval",
        other if other.starts_with("Time") => "time without time zone",
        other => other,
    }
}

fn division_by_zero() -> Error {
    Error::new(SqlState::DIVISION_BY_ZERO, "division by zero")
}

fn overflow(message: &str) -> Error {
    // Only the least of a type's values overflows when it is divided.
    let divided = message
        .strip_prefix("Overflow happened on: ")
        .and_then(|rest| rest.strip_suffix(" / -1"))
        .and_then(|value| value.parse::<i64>().ok());
    let ty = match divided {
        Some(value) if value == i64::from(i16::MIN) => Some("smallint"),
        Some(value) if value == i64::from(i32::MIN) => Some("integer"),
        Some(i64::MIN) => Some("bigint"),
        _ => None,
    };
    if let Some(ty) = ty {
        return Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("{ty} out of range"),
        );
    }
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range")
        .detail(first_line(message).to_owned())
}

fn out_of_memory(message: &str) -> Error {
    Error::new(SqlState::OUT_OF_MEMORY, "out of memory for this query")
        .detail(first_line(message).to_owned())
        .hint("Read fewer rows or columns, or raise the server's memory limit.")
}

fn io(error: &(dyn StdError + 'static)) -> Error {
    Error::new(SqlState::IO_ERROR, "could not read or write a file").detail(error.to_string())
}

/// DataFusion calls some things internal that a query brought about.
fn internal(message: &str) -> Error {
    let lower = message.to_lowercase();
    if lower.contains("correlated") || lower.contains("physical plan does not support") {
        return not_implemented(message);
    }
    Error::internal("planning or executing a query", message)
}

/// The part of a sentence of DataFusion's that is worth showing: one line, and not endlessly.
fn first_line(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default().trim();
    match line.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        Some((end, _)) => &line[..end],
        None => line,
    }
}

/// Characters of somebody else's sentence that are shown.
const MESSAGE_CHARACTERS_MAX: usize = 300;

fn lower_first(message: &str) -> String {
    let mut chars = message.trim_end_matches('.').chars();
    match (chars.next(), chars.next()) {
        // Not an acronym or a name in capitals.
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => first
            .to_lowercase()
            .chain(Some(second))
            .chain(chars)
            .collect(),
        _ => message.to_owned(),
    }
}
