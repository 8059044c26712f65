//! The one table of types: OID, name, length, category, and the Arrow type that holds its values.
//!
//! A PostgreSQL type that Arrow has no type of its own for travels in another Arrow type, and the
//! field's metadata says so under [`METADATA_KEY`]. Functions may drop metadata, so it is best
//! effort: the engine decides output types over the analysed plan.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::base::Oid;

/// Field metadata key holding the OID of a PostgreSQL type (decimal text).
pub const METADATA_KEY: &str = "pg.type";
/// Field metadata key holding a typmod (decimal text).
pub const TYPMOD_KEY: &str = "pg.typmod";

/// A PostgreSQL type with its modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PgType {
    /// `pg_type.oid`
    pub oid: Oid,
    /// Type modifier as PostgreSQL encodes it (`varchar(n)`: n + 4; `numeric(p,s)`: (p << 16 | s) +
    /// 4), or -1.
    pub typmod: i32,
    /// What users made of it, if it is no type of the table.
    #[serde(default, skip_serializing_if = "Made::is_none")]
    pub made: Made,
}

/// What kind of type a user's type is: all that its values' form depends on. What it is called and
/// what labels it has is the catalog's to know, and may change; this never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Made {
    /// Not a user's.
    #[default]
    None,
    /// CREATE TYPE … AS ENUM
    Enum {
        /// The type of arrays over it.
        array: Oid,
    },
    /// The type of arrays over an enumerated type.
    EnumArray {
        /// That type.
        element: Oid,
    },
}

impl Made {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// One row of the table: what does not change with the modifier.
#[derive(Debug)]
pub struct TypeInfo {
    /// `pg_type.oid`
    pub oid: Oid,
    /// `pg_type.typname`
    pub name: &'static str,
    /// The name `format_type` prints.
    pub sql_name: &'static str,
    /// `pg_type.typlen`
    pub len: i16,
    /// `pg_type.typcategory`
    pub category: char,
    /// OID of the array type over this, or of none.
    pub array: Oid,
    /// For an array type, its element.
    pub element: Oid,
}

macro_rules! types {
    ($($const:ident $oid:literal $name:literal $sql:literal $len:literal $cat:literal $array:literal;)*) => {
        impl PgType {
            $(#[doc = concat!("`", $sql, "`")] pub const $const: PgType = PgType::of($oid);)*
        }
        const BASE: &[TypeInfo] = &[
            $(TypeInfo {
                oid: Oid($oid), name: $name, sql_name: $sql, len: $len, category: $cat,
                array: Oid($array), element: Oid(0),
            }),*
        ];
        /// Array types, in the order of [`BASE`]; entries of types without an array have OID 0.
        const ARRAYS: &[TypeInfo] = &[
            $(TypeInfo {
                oid: Oid($array), name: concat!("_", $name), sql_name: concat!($sql, "[]"), len: -1,
                category: 'A', array: Oid(0), element: Oid($oid),
            }),*
        ];
    };
}

types! {
    BOOL         16   "bool"         "boolean"                      1  'B' 1000;
    BYTEA        17   "bytea"        "bytea"                        -1 'U' 1001;
    CHAR         18   "char"         "\"char\""                     1  'Z' 1002;
    NAME         19   "name"         "name"                         64 'S' 1003;
    INT8         20   "int8"         "bigint"                       8  'N' 1016;
    INT2         21   "int2"         "smallint"                     2  'N' 1005;
    INT2VECTOR   22   "int2vector"   "int2vector"                   -1 'A' 1006;
    INT4         23   "int4"         "integer"                      4  'N' 1007;
    REGPROC      24   "regproc"      "regproc"                      4  'N' 1008;
    TEXT         25   "text"         "text"                         -1 'S' 1009;
    OID          26   "oid"          "oid"                          4  'N' 1028;
    TID          27   "tid"          "tid"                          6  'U' 1010;
    XID          28   "xid"          "xid"                          4  'U' 1011;
    CID          29   "cid"          "cid"                          4  'U' 1012;
    OIDVECTOR    30   "oidvector"    "oidvector"                    -1 'A' 1013;
    JSON         114  "json"         "json"                         -1 'U' 199;
    PG_NODE_TREE 194  "pg_node_tree" "pg_node_tree"                 -1 'Z' 0;
    FLOAT4       700  "float4"       "real"                         4  'N' 1021;
    FLOAT8       701  "float8"       "double precision"             8  'N' 1022;
    UNKNOWN      705  "unknown"      "unknown"                      -2 'X' 0;
    INET         869  "inet"         "inet"                         -1 'I' 1041;
    ACLITEM      1033 "aclitem"      "aclitem"                      12 'U' 1034;
    BPCHAR       1042 "bpchar"       "character"                    -1 'S' 1014;
    VARCHAR      1043 "varchar"      "character varying"            -1 'S' 1015;
    DATE         1082 "date"         "date"                         4  'D' 1182;
    TIME         1083 "time"         "time without time zone"       8  'D' 1183;
    TIMESTAMP    1114 "timestamp"    "timestamp without time zone"  8  'D' 1115;
    TIMESTAMPTZ  1184 "timestamptz"  "timestamp with time zone"     8  'D' 1185;
    INTERVAL     1186 "interval"     "interval"                     16 'T' 1187;
    NUMERIC      1700 "numeric"      "numeric"                      -1 'N' 1231;
    REGPROCEDURE 2202 "regprocedure" "regprocedure"                 4  'N' 2207;
    REGOPER      2203 "regoper"      "regoper"                      4  'N' 2208;
    REGOPERATOR  2204 "regoperator"  "regoperator"                  4  'N' 2209;
    REGCLASS     2205 "regclass"     "regclass"                     4  'N' 2210;
    REGTYPE      2206 "regtype"      "regtype"                      4  'N' 2211;
    VOID         2278 "void"         "void"                         4  'P' 0;
    RECORD       2249 "record"       "record"                       -1 'P' 2287;
    ANYARRAY     2277 "anyarray"     "anyarray"                     -1 'P' 0;
    UUID         2950 "uuid"         "uuid"                         16 'U' 2951;
    PG_LSN       3220 "pg_lsn"       "pg_lsn"                       8  'U' 3221;
    PG_NDISTINCT 3361 "pg_ndistinct" "pg_ndistinct"                 -1 'Z' 0;
    PG_DEPENDENCIES 3402 "pg_dependencies" "pg_dependencies"        -1 'Z' 0;
    JSONB        3802 "jsonb"        "jsonb"                        -1 'U' 3807;
    JSONPATH     4072 "jsonpath"     "jsonpath"                     -1 'U' 4073;
    REGNAMESPACE 4089 "regnamespace" "regnamespace"                 4  'N' 4090;
    REGROLE      4096 "regrole"      "regrole"                      4  'N' 4097;
    REGCOLLATION 4191 "regcollation" "regcollation"                 4  'N' 4192;
    PG_MCV_LIST  5017 "pg_mcv_list"  "pg_mcv_list"                  -1 'Z' 0;
}

/// What does not differ between enumerated types.
static ENUM: TypeInfo = TypeInfo {
    oid: Oid(0),
    name: "enum",
    sql_name: "enum",
    len: 4,
    category: 'E',
    array: Oid(0),
    element: Oid(0),
};
/// What does not differ between the types of arrays over users' types.
static MADE_ARRAY: TypeInfo = TypeInfo {
    oid: Oid(0),
    name: "_made",
    sql_name: "made[]",
    len: -1,
    category: 'A',
    array: Oid(0),
    element: Oid(0),
};

/// Every type of the table, base types first.
pub fn all() -> impl Iterator<Item = &'static TypeInfo> {
    BASE.iter()
        .chain(ARRAYS.iter().filter(|info| info.oid != Oid::INVALID))
}

impl PgType {
    /// The type with this OID and no modifier.
    pub const fn of(oid: u32) -> Self {
        Self {
            oid: Oid(oid),
            typmod: -1,
            made: Made::None,
        }
    }

    /// An enumerated type and, apart, its arrays' type.
    pub const fn enumerated(oid: Oid, array: Oid) -> Self {
        Self {
            oid,
            typmod: -1,
            made: Made::Enum { array },
        }
    }

    /// The same type without a modifier.
    pub const fn plain(self) -> Self {
        self.with_typmod(-1)
    }

    /// Whether values are labels of an enumerated type.
    pub const fn is_enum(self) -> bool {
        matches!(self.made, Made::Enum { .. })
    }

    /// The built-in type that bounds of stored values are written as.
    pub const fn at_rest(self) -> Self {
        match self.made {
            Made::Enum { .. } => Self::INT8,
            Made::EnumArray { .. } | Made::None => self,
        }
    }

    /// Whether a user made it.
    pub const fn is_made(self) -> bool {
        !matches!(self.made, Made::None)
    }

    /// The same type with a modifier.
    pub const fn with_typmod(self, typmod: i32) -> Self {
        Self { typmod, ..self }
    }

    /// `numeric(precision, scale)`
    pub const fn numeric(precision: u8, scale: i8) -> Self {
        Self::NUMERIC.with_typmod((((precision as i32) << 16) | ((scale as i32) & 0x7ff)) + 4)
    }

    /// The row of the type table; `text`'s for an OID that is not in it.
    pub fn info(self) -> &'static TypeInfo {
        match self.made {
            Made::None => {}
            Made::Enum { .. } => return &ENUM,
            Made::EnumArray { .. } => return &MADE_ARRAY,
        }
        all()
            .find(|info| info.oid == self.oid)
            .unwrap_or_else(|| Self::TEXT.info())
    }

    /// The type named `name`, by `typname` or by the name `format_type` prints (`int4`, `integer`).
    pub fn by_name(name: &str) -> Option<Self> {
        all()
            .find(|info| info.name == name || info.sql_name == name)
            .map(|info| Self::of(info.oid.0))
    }

    /// The array type over this type.
    pub fn array(self) -> Option<Self> {
        if let Made::Enum { array } = self.made {
            return Some(Self {
                oid: array,
                typmod: -1,
                made: Made::EnumArray { element: self.oid },
            });
        }
        let array = self.info().array;
        (array != Oid::INVALID).then_some(Self::of(array.0).with_typmod(self.typmod))
    }

    /// The element type if this is an array type.
    pub fn element(self) -> Option<Self> {
        if let Made::EnumArray { element } = self.made {
            return Some(Self::enumerated(element, self.oid));
        }
        match self.oid {
            Oid(22) => Some(Self::INT2),
            Oid(30) => Some(Self::OID),
            _ => {
                let element = self.info().element;
                (element != Oid::INVALID).then_some(Self::of(element.0).with_typmod(self.typmod))
            }
        }
    }

    /// Whether the values are OIDs shown as names.
    pub fn is_reg(self) -> bool {
        self.info().name.starts_with("reg")
    }

    /// Declared precision and scale of a numeric with a modifier.
    pub fn precision_scale(self) -> Option<(u8, i8)> {
        (self.oid == Self::NUMERIC.oid && self.typmod >= 4).then(|| {
            let packed = self.typmod - 4;
            let scale = ((packed & 0x7ff) ^ 1024) - 1024;
            (
                u8::try_from((packed >> 16) & 0xffff).unwrap_or(u8::MAX),
                i8::try_from(scale).unwrap_or(0),
            )
        })
    }

    /// Declared length in characters of `varchar(n)` or `char(n)`.
    pub fn char_length(self) -> Option<usize> {
        let is_char = matches!(self.oid, Oid(1042 | 1043));
        (is_char && self.typmod >= 4).then(|| usize::try_from(self.typmod - 4).unwrap_or(0))
    }

    /// The Arrow type that holds values of this type.
    pub fn data_type(self) -> DataType {
        match self {
            t if t.is_enum() => DataType::Int64,
            t if t.oid == Self::BOOL.oid => DataType::Boolean,
            t if t.oid == Self::INT2.oid => DataType::Int16,
            t if t.oid == Self::INT4.oid => DataType::Int32,
            t if t.oid == Self::INT8.oid => DataType::Int64,
            t if t.oid == Self::FLOAT4.oid => DataType::Float32,
            t if t.oid == Self::FLOAT8.oid => DataType::Float64,
            t if t.oid == Self::NUMERIC.oid => match t.precision_scale() {
                Some((p, s)) if p <= 38 && 0 <= s && s.unsigned_abs() <= p => {
                    DataType::Decimal128(p, s)
                }
                // No bound, or one beyond 128 bits: PostgreSQL's text of each value. No other type
                // travels in large text, so that the Arrow type alone says what it is.
                _ => DataType::LargeUtf8,
            },
            t if t.oid == Self::BYTEA.oid => DataType::Binary,
            t if t.oid == Self::DATE.oid => DataType::Date32,
            t if t.oid == Self::TIME.oid => DataType::Time64(TimeUnit::Microsecond),
            t if t.oid == Self::TIMESTAMP.oid => DataType::Timestamp(TimeUnit::Microsecond, None),
            t if t.oid == Self::TIMESTAMPTZ.oid => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            t if t.oid == Self::INTERVAL.oid => DataType::Interval(IntervalUnit::MonthDayNano),
            t if t.oid == Self::UUID.oid => DataType::FixedSizeBinary(16),
            t if t.oid == Self::OID.oid
                || t.oid == Self::XID.oid
                || t.oid == Self::CID.oid
                || t.is_reg() =>
            {
                DataType::UInt32
            }
            t if t.oid == Self::VOID.oid => DataType::Null,
            t => match t.element() {
                Some(element) => DataType::List(Arc::new(element.field("item", true))),
                None => DataType::Utf8View,
            },
        }
    }

    /// The Arrow field for a column of this type, with metadata where the Arrow type alone does not
    /// say.
    pub fn field(self, name: &str, nullable: bool) -> Field {
        let mut metadata = HashMap::new();
        if Self::of_data_type(&self.data_type()).oid != self.oid {
            metadata.insert(METADATA_KEY.to_owned(), self.said());
        }
        if self.typmod >= 0 {
            metadata.insert(TYPMOD_KEY.to_owned(), self.typmod.to_string());
        }
        Field::new(name, self.data_type(), nullable).with_metadata(metadata)
    }

    /// The type without its modifier, as metadata has it.
    pub fn said(self) -> String {
        match self.made {
            Made::None => self.oid.to_string(),
            Made::Enum { array } => format!("{} enum {array}", self.oid),
            Made::EnumArray { element } => format!("{} enum[] {element}", self.oid),
        }
    }

    /// What [`Self::said`] said.
    fn heard(text: &str) -> Option<Self> {
        let (oid, made) = text.split_once(' ').unwrap_or((text, ""));
        let oid = oid.parse().ok()?;
        Some(match made.split_once(' ') {
            Some(("enum", array)) => Self::enumerated(Oid(oid), Oid(array.parse().ok()?)),
            Some(("enum[]", element)) => Self {
                made: Made::EnumArray {
                    element: Oid(element.parse().ok()?),
                },
                ..Self::of(oid)
            },
            _ => Self::of(oid),
        })
    }

    /// Whether values of an Arrow type may be this: metadata outlives casts, after which it says
    /// what the value was before.
    fn is_held_by(self, held: &DataType) -> bool {
        match (self.data_type(), held) {
            (_, DataType::Null) => true,
            (DataType::Timestamp(_, a), DataType::Timestamp(_, b)) => a.is_some() == b.is_some(),
            (
                own @ (DataType::Boolean
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Float32
                | DataType::Float64
                | DataType::Date32
                | DataType::Time64(_)
                | DataType::Timestamp(..)
                | DataType::Interval(_)),
                held,
            ) => own == *held,
            _ => true,
        }
    }

    /// The type of a field: its metadata if it has any of ours that fits, else by its Arrow type.
    pub fn of_field(field: &Field) -> Self {
        let said = |key| field.metadata().get(key).map(String::as_str);
        let typmod = said(TYPMOD_KEY)
            .and_then(|text| text.parse().ok())
            .unwrap_or(-1);
        match said(METADATA_KEY).and_then(Self::heard) {
            Some(ty) if ty.is_held_by(field.data_type()) => ty.with_typmod(typmod),
            _ => match Self::of_data_type(field.data_type()) {
                ty if typmod >= 0 => ty.with_typmod(typmod),
                ty => ty,
            },
        }
    }

    /// The type commons shows for a bare Arrow type.
    pub fn of_data_type(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::BOOL,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::INT2,
            DataType::Int32 | DataType::UInt16 => Self::INT4,
            DataType::Int64 | DataType::UInt64 => Self::INT8,
            DataType::UInt32 => Self::OID,
            DataType::Float16 | DataType::Float32 => Self::FLOAT4,
            DataType::Float64 => Self::FLOAT8,
            DataType::Decimal32(_, _)
            | DataType::Decimal64(_, _)
            | DataType::Decimal128(_, _)
            | DataType::Decimal256(_, _)
            | DataType::LargeUtf8 => Self::NUMERIC,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::BYTEA,
            DataType::Date32 | DataType::Date64 => Self::DATE,
            DataType::Time32(_) | DataType::Time64(_) => Self::TIME,
            DataType::Timestamp(_, None) => Self::TIMESTAMP,
            DataType::Timestamp(_, Some(_)) => Self::TIMESTAMPTZ,
            DataType::Interval(_) | DataType::Duration(_) => Self::INTERVAL,
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::FixedSizeList(field, _)
            | DataType::ListView(field)
            | DataType::LargeListView(field) => match field.data_type() {
                // PostgreSQL has one array type for every number of dimensions.
                DataType::List(_) | DataType::LargeList(_) => Self::of_data_type(field.data_type()),
                _ => Self::of_field(field).array().unwrap_or(Self::TEXT),
            },
            DataType::Dictionary(_, value) => Self::of_data_type(value),
            DataType::RunEndEncoded(_, values) => Self::of_data_type(values.data_type()),
            DataType::Struct(_) | DataType::Map(_, _) => Self::JSON,
            DataType::Utf8 | DataType::Utf8View | DataType::Null | DataType::Union(_, _) => {
                Self::TEXT
            }
        }
    }
}

/// Stand around the OID of a user's type where messages will have its name: two characters that no
/// text means anything with.
const MARKS: [char; 2] = ['\u{fdd0}', '\u{fdd1}'];

/// Whether [`named`] has something to do.
pub fn awaits_names(text: &str) -> bool {
    text.contains(MARKS[0])
}

/// `text` with the names of users' types in it, as the catalog has them now.
pub fn named(text: &str, name: impl Fn(Oid) -> Option<String>) -> Option<String> {
    let mut parts = text.split(MARKS[0]);
    let mut out = parts.next()?.to_owned();
    if out.len() == text.len() {
        return None;
    }
    for part in parts {
        let (oid, rest) = part.split_once(MARKS[1]).unwrap_or((part, ""));
        let known = oid.parse().ok().and_then(|oid| name(Oid(oid)));
        out.push_str(&known.unwrap_or_else(|| "???".to_owned()));
        out.push_str(rest);
    }
    Some(out)
}

impl fmt::Display for PgType {
    /// As PostgreSQL's `format_type`; a user's type awaits its name ([`named`]).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_enum() {
            return write!(f, "{}{}{}", MARKS[0], self.oid, MARKS[1]);
        }
        if let Some(element) = self.element()
            && self.info().category == 'A'
            && self.info().name.starts_with('_')
        {
            return write!(f, "{element}[]");
        }
        let name = self.info().sql_name;
        match (self.precision_scale(), self.char_length()) {
            (Some((precision, scale)), _) => write!(f, "{name}({precision},{scale})"),
            (_, Some(length)) => write!(f, "{name}({length})"),
            _ => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_round_trip() {
        for info in all().filter(|info| info.oid != PgType::VOID.oid) {
            let ty = PgType::of(info.oid.0);
            assert_eq!(PgType::of_field(&ty.field("c", true)), ty, "{}", info.name);
        }
        let ty = PgType::numeric(12, 2);
        assert_eq!(ty.data_type(), DataType::Decimal128(12, 2));
        assert_eq!(PgType::of_field(&ty.field("c", true)), ty);
        let mood = PgType::enumerated(Oid(20000), Oid(19999));
        assert_eq!(PgType::of_field(&mood.field("c", true)), mood);
        let moods = mood.array().expect("has one");
        assert_eq!(PgType::of_field(&moods.field("c", true)), moods);
        assert_eq!(moods.element(), Some(mood));
        let text = format!("type {mood} is no {moods}");
        assert_eq!(
            named(&text, |oid| Some(format!("mood{oid}"))).as_deref(),
            Some("type mood20000 is no mood20000[]")
        );
        assert_eq!(named("plain", |_| None), None);
    }

    #[test]
    fn prints_as_format_type() {
        assert_eq!(PgType::numeric(12, 2).to_string(), "numeric(12,2)");
        assert_eq!(
            PgType::VARCHAR.with_typmod(14).to_string(),
            "character varying(10)"
        );
        assert_eq!(
            PgType::INT4.array().map(|t| t.to_string()).as_deref(),
            Some("integer[]")
        );
        assert_eq!(PgType::INT2VECTOR.to_string(), "int2vector");
        assert_eq!(PgType::by_name("double precision"), Some(PgType::FLOAT8));
    }
}
