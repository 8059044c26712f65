//! Type names to types.

use sqlparser::ast::{
    self, ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, GeometricTypeKind,
    ObjectNamePart, TimezoneInfo,
};

use super::cursor::{Cursor, fold};
use crate::base::{Error, Result, SqlState};
use crate::catalog::user_type::Found;
use crate::catalog::{SearchPath, Snapshot};
use crate::engine::command::ObjectName;
use crate::types::PgType;
use crate::types::coded::bits::BITS_MAX;
use crate::types::precision::{self, Fields, interval_typmod};

/// Longest `varchar(n)`, as in PostgreSQL.
const CHARACTERS_MAX: u64 = 10_485_760;
/// Types PostgreSQL has and commons does not.
const UNBUILT: &[&str] = &[
    "citext",
    "cstring",
    "hstore",
    "pg_snapshot",
    "regcollation",
    "regoper",
    "regoperator",
    "txid_snapshot",
    "xml",
];

/// A type as written: a built-in one, or a name only the catalog can tell.
#[derive(Debug, Clone)]
pub enum TypeName {
    /// A built-in type.
    Known(PgType),
    /// A user's type.
    Named {
        /// Its name.
        name: ObjectName,
        /// Whether arrays of it are meant.
        array: bool,
        /// Where in the statement it was written.
        position: Option<usize>,
    },
}

impl TypeName {
    /// The type.
    ///
    /// # Errors
    /// `42704` no such type; `3F000` no such schema.
    pub fn resolve(&self, snapshot: &Snapshot, path: &SearchPath) -> Result<PgType> {
        let (name, array, position) = match self {
            Self::Known(ty) => return Ok(*ty),
            Self::Named {
                name,
                array,
                position,
            } => (name, *array, *position),
        };
        let schema = name.schema.as_deref();
        let found = snapshot.resolve_value_type(path, schema, &name.name);
        let ty = match (found, array) {
            (Some(Found::Arrays(_)), true) => None,
            (Some(ty), true) => Some(ty.array_ty().ok_or_else(|| {
                Error::unsupported(format!("type {name}[], arrays of a domain over arrays"))
            })?),
            (found, _) => found.map(|ty| ty.ty()),
        };
        ty.ok_or_else(|| {
            let error = match schema.filter(|schema| snapshot.schema_named(schema).is_none()) {
                Some(schema) => Error::new(
                    SqlState::INVALID_SCHEMA_NAME,
                    format!("schema \"{schema}\" does not exist"),
                ),
                None => undefined(&format!("{name}{}", if array { "[]" } else { "" })),
            };
            match position {
                Some(position) => error.at(position),
                None => error,
            }
        })
    }

    /// The same, written there.
    #[must_use]
    fn written_at(self, at: usize) -> Self {
        match self {
            Self::Known(_) => self,
            Self::Named { name, array, .. } => Self::Named {
                name,
                array,
                position: Some(at),
            },
        }
    }
}

/// The type at the cursor, which remembers where it was written.
pub(super) fn written(cursor: &mut Cursor) -> Result<TypeName> {
    let position = cursor.position();
    let ty = written_type(&cursor.data_type()?).map_err(|error| error.at(position))?;
    Ok(ty.written_at(position))
}

/// The type of a column at the cursor: for arrays with the dimensions they are declared to have.
pub(super) fn written_column_type(cursor: &mut Cursor) -> Result<TypeName> {
    let position = cursor.position();
    let ty = cursor.data_type()?;
    let mut dimensions = 0;
    let mut inner = &ty;
    while let DataType::Array(
        ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element),
    ) = inner
    {
        dimensions += 1;
        inner = element;
    }
    let written = written_type(&ty).map_err(|error| error.at(position))?;
    Ok(match written {
        TypeName::Known(ty) => TypeName::Known(ty.with_dimensions(dimensions)),
        named => named.written_at(position),
    })
}

/// The type an AST names, for what may only be a built-in one.
///
/// # Errors
/// As [`written_type`], and `42704` for any other.
pub fn built_in_type(ty: &DataType) -> Result<PgType> {
    match written_type(ty)? {
        TypeName::Known(ty) => Ok(ty),
        TypeName::Named { name, .. } => Err(undefined(&name.to_string())),
    }
}

/// The type an AST names, before the catalog was asked.
///
/// # Errors
/// `0A000` a type commons does not have; `22023` a modifier out of range; `42704` what is no name.
pub fn written_type(ty: &DataType) -> Result<TypeName> {
    if let DataType::Custom(name, modifiers) = ty {
        return custom(name, modifiers);
    }
    if let DataType::Array(
        ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element),
    ) = ty
        && let TypeName::Named { name, position, .. } = written_type(element)?
    {
        return Ok(TypeName::Named {
            name,
            array: true,
            position,
        });
    }
    built_in(ty).map(TypeName::Known)
}

fn built_in(ty: &DataType) -> Result<PgType> {
    Ok(match ty {
        DataType::Bool | DataType::Boolean => PgType::BOOL,
        DataType::SmallInt(None) | DataType::Int2(None) => PgType::INT2,
        DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => PgType::INT4,
        DataType::BigInt(None) | DataType::Int8(None) => PgType::INT8,
        DataType::Real | DataType::Float4 => PgType::FLOAT4,
        DataType::DoublePrecision | DataType::Float8 | DataType::Float(ExactNumberInfo::None) => {
            PgType::FLOAT8
        }
        DataType::Float(ExactNumberInfo::Precision(bits)) => match bits {
            1..=24 => PgType::FLOAT4,
            25..=53 => PgType::FLOAT8,
            0 => {
                return Err(out_of_range(
                    "precision for type float must be at least 1 bit",
                ));
            }
            _ => {
                return Err(out_of_range(
                    "precision for type float must be less than 54 bits",
                ));
            }
        },
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info)?,
        DataType::Text => PgType::TEXT,
        DataType::Varchar(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length) => characters(PgType::VARCHAR, "varchar", length.as_ref())?,
        DataType::Char(None) | DataType::Character(None) => PgType::BPCHAR.with_typmod(5),
        DataType::Char(length) | DataType::Character(length) => {
            characters(PgType::BPCHAR, "char", length.as_ref())?
        }
        DataType::Bytea => PgType::BYTEA,
        DataType::Date => PgType::DATE,
        DataType::Time(digits, zone) => match zone {
            TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => precise(PgType::TIME, *digits)?,
            TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => precise(PgType::TIMETZ, *digits)?,
        },
        DataType::Timestamp(digits, zone) => match zone {
            TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => {
                precise(PgType::TIMESTAMP, *digits)?
            }
            TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => precise(PgType::TIMESTAMPTZ, *digits)?,
        },
        DataType::Interval { fields, precision } => {
            let name = fields
                .as_ref()
                .map(|fields| fields.to_string().to_lowercase());
            let fields = name.as_deref().and_then(Fields::named);
            interval(fields, *precision)?
        }
        // Without a length it is one bit long.
        DataType::Bit(length) => bits(PgType::BIT, Some(length.unwrap_or(1)))?,
        DataType::BitVarying(length) | DataType::VarBit(length) => bits(PgType::VARBIT, *length)?,
        DataType::Uuid => PgType::UUID,
        DataType::JSON => PgType::JSON,
        DataType::JSONB => PgType::JSONB,
        DataType::Regclass => PgType::REGCLASS,
        DataType::GeometricType(kind) => match kind {
            GeometricTypeKind::Point => PgType::POINT,
            GeometricTypeKind::LineSegment => PgType::LSEG,
            GeometricTypeKind::GeometricPath => PgType::PATH,
            GeometricTypeKind::GeometricBox => PgType::BOX,
            GeometricTypeKind::Polygon => PgType::POLYGON,
            GeometricTypeKind::Line => PgType::LINE,
            GeometricTypeKind::Circle => PgType::CIRCLE,
        },
        DataType::TsVector => PgType::TSVECTOR,
        DataType::TsQuery => PgType::TSQUERY,
        DataType::Array(
            ArrayElemTypeDef::SquareBracket(element, _) | ArrayElemTypeDef::AngleBracket(element),
        ) => {
            // int[][] is the same type as int[] in PostgreSQL.
            let element = built_in_type(element)?;
            if element.element().is_some() {
                element
            } else {
                element
                    .array()
                    .ok_or_else(|| undefined(&format!("{element}[]")))?
            }
        }
        other => {
            let name = other.to_string().to_lowercase();
            let word = name.split([' ', '(']).next().unwrap_or_default();
            return Err(match UNBUILT.contains(&word) {
                true => Error::unsupported(format!("type \"{name}\"")),
                false => undefined(&name),
            });
        }
    })
}

/// A type sqlparser has no word for: by its name in `pg_type`, else a user's.
fn custom(name: &ast::ObjectName, modifiers: &[String]) -> Result<TypeName> {
    let parts: Vec<_> = name
        .0
        .iter()
        .filter_map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some((fold(ident), ident.quote_style.is_some())),
            ObjectNamePart::Function(_) => None,
        })
        .collect();
    let (name, quoted) = match parts.as_slice() {
        [(name, quoted)] => (name.as_str(), *quoted),
        [(schema, _), (name, _)] if schema == "pg_catalog" => (name.as_str(), true),
        [(schema, _), (name, _)] if modifiers.is_empty() => {
            return Ok(named(Some(schema.clone()), name));
        }
        _ => return Err(undefined(&name.to_string())),
    };
    let number = |index: usize| {
        modifiers
            .get(index)
            .and_then(|text| text.trim().parse().ok())
    };
    let known = match (name, modifiers.len()) {
        // Unquoted, `char` is a word of the grammar and means character(1).
        ("char", 0) if quoted => Ok(PgType::CHAR),
        ("nchar", 0) if !quoted => Ok(PgType::BPCHAR.with_typmod(5)),
        ("nchar", 1) if !quoted => {
            let length =
                number(0).map(|length| CharacterLength::IntegerLength { length, unit: None });
            characters(PgType::BPCHAR, "char", length.as_ref())
        }
        ("varchar" | "bpchar", 1) => {
            let ty = PgType::by_name(name).unwrap_or(PgType::TEXT);
            let length =
                number(0).map(|length| CharacterLength::IntegerLength { length, unit: None });
            characters(ty, name, length.as_ref())
        }
        ("numeric", 1 | 2) => match (number(0), number(1)) {
            (Some(precision), None) => numeric(&ExactNumberInfo::Precision(precision)),
            (Some(precision), Some(scale)) => numeric(&ExactNumberInfo::PrecisionAndScale(
                precision,
                i64::try_from(scale).unwrap_or(i64::MAX),
            )),
            _ => Err(out_of_range("invalid type modifier")),
        },
        ("time" | "timetz" | "timestamp" | "timestamptz", 1) => {
            let ty = PgType::by_name(name).unwrap_or(PgType::TIMESTAMP);
            precise(ty, number(0))
        }
        ("interval", 1) => interval(None, number(0)),
        ("bit", 1) => bits(PgType::BIT, number(0)),
        ("varbit", 1) => bits(PgType::VARBIT, number(0)),
        ("serial" | "serial4" | "bigserial" | "serial8" | "smallserial" | "serial2", _) => {
            Err(Error::unsupported(format!("type \"{name}\"")))
        }
        // Some of these are types of system relations' columns, and no more than that.
        (_, 0) if UNBUILT.contains(&name) && !name.starts_with("reg") => {
            Err(Error::unsupported(format!("type \"{name}\"")))
        }
        (_, 0) => match PgType::by_name(name) {
            Some(ty) => Ok(ty),
            None if UNBUILT.contains(&name) => Err(Error::unsupported(format!("type \"{name}\""))),
            None => return Ok(named(None, name)),
        },
        _ => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("type modifier is not allowed for type \"{name}\""),
        )),
    };
    known.map(TypeName::Known)
}

/// The type of a name that was written as a string.
pub(super) fn bare(name: &str) -> Result<TypeName> {
    Ok(match PgType::by_name(name) {
        Some(ty) => TypeName::Known(ty),
        None if UNBUILT.contains(&name) => {
            return Err(Error::unsupported(format!("type \"{name}\"")));
        }
        None => named(None, name),
    })
}

fn named(schema: Option<String>, name: &str) -> TypeName {
    TypeName::Named {
        name: ObjectName {
            schema,
            name: name.to_owned(),
        },
        array: false,
        position: None,
    }
}

fn numeric(info: &ExactNumberInfo) -> Result<PgType> {
    let (precision, scale) = match *info {
        ExactNumberInfo::None => return Ok(PgType::NUMERIC),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    if precision == 0 || precision > 1000 {
        return Err(out_of_range(&format!(
            "NUMERIC precision {precision} must be between 1 and 1000"
        )));
    }
    if !(-1000..=1000).contains(&scale) {
        return Err(out_of_range(&format!(
            "NUMERIC scale {scale} must be between -1000 and 1000"
        )));
    }
    let (precision, scale) = (
        u16::try_from(precision).unwrap_or(u16::MAX),
        i16::try_from(scale).unwrap_or(i16::MAX),
    );
    Ok(PgType::numeric(precision, scale))
}

/// A type of bit strings of so many bits.
fn bits(ty: PgType, length: Option<u64>) -> Result<PgType> {
    let name = ty.info().name;
    match length {
        None => Ok(ty),
        Some(0) => Err(out_of_range(&format!(
            "length for type {name} must be at least 1"
        ))),
        Some(length) if length > BITS_MAX => Err(out_of_range(&format!(
            "length for type {name} cannot exceed {BITS_MAX}"
        ))),
        Some(length) => Ok(ty.with_typmod(i32::try_from(length).unwrap_or(i32::MAX))),
    }
}

/// A type of times with so many digits of a second.
fn precise(ty: PgType, digits: Option<u64>) -> Result<PgType> {
    Ok(match kept(digits)? {
        Some(digits) => ty.with_typmod(digits.into()),
        None => ty,
    })
}

/// An interval of some fields, with so many digits of a second.
pub fn interval(fields: Option<Fields>, digits: Option<u64>) -> Result<PgType> {
    if digits.is_some() && fields.is_some_and(|fields| !fields.have_seconds()) {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "syntax error at or near \"(\"",
        ));
    }
    let typmod = interval_typmod(fields, kept(digits)?);
    Ok(PgType::INTERVAL.with_typmod(typmod))
}

/// Digits of a second as values have them; PostgreSQL warns of more and goes on.
fn kept(digits: Option<u64>) -> Result<Option<u8>> {
    match digits {
        Some(digits) if digits > precision::DIGITS_MAX => Err(Error::unsupported(format!(
            "a time precision of {digits} digits"
        ))
        .detail("Times have at most 6 digits of a second.")),
        digits => Ok(digits.and_then(|digits| u8::try_from(digits).ok())),
    }
}

fn characters(ty: PgType, name: &str, length: Option<&CharacterLength>) -> Result<PgType> {
    match length {
        None => Ok(ty),
        Some(CharacterLength::IntegerLength { length: 0, .. }) => Err(out_of_range(&format!(
            "length for type {name} must be at least 1"
        ))),
        Some(CharacterLength::IntegerLength { length, .. }) if *length > CHARACTERS_MAX => {
            Err(out_of_range(&format!(
                "length for type {name} cannot exceed {CHARACTERS_MAX}"
            )))
        }
        Some(CharacterLength::IntegerLength { length, .. }) => {
            Ok(ty.with_typmod(i32::try_from(*length).unwrap_or(i32::MAX - 4) + 4))
        }
        Some(CharacterLength::Max) => Err(undefined("varchar(max)")),
    }
}

fn undefined(name: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("type \"{name}\" does not exist"),
    )
}

fn out_of_range(message: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
