//! The rows of the table.

use super::PgType;
use crate::base::Oid;

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
    POINT        600  "point"        "point"                        16 'G' 1017;
    LSEG         601  "lseg"         "lseg"                         32 'G' 1018;
    PATH         602  "path"         "path"                         -1 'G' 1019;
    BOX          603  "box"          "box"                          32 'G' 1020;
    POLYGON      604  "polygon"      "polygon"                      -1 'G' 1027;
    LINE         628  "line"         "line"                         24 'G' 629;
    CIDR         650  "cidr"         "cidr"                         -1 'I' 651;
    FLOAT4       700  "float4"       "real"                         4  'N' 1021;
    FLOAT8       701  "float8"       "double precision"             8  'N' 1022;
    UNKNOWN      705  "unknown"      "unknown"                      -2 'X' 0;
    CIRCLE       718  "circle"       "circle"                       24 'G' 719;
    MACADDR8     774  "macaddr8"     "macaddr8"                     8  'U' 775;
    MONEY        790  "money"        "money"                        8  'N' 791;
    MACADDR      829  "macaddr"      "macaddr"                      6  'U' 1040;
    INET         869  "inet"         "inet"                         -1 'I' 1041;
    ACLITEM      1033 "aclitem"      "aclitem"                      12 'U' 1034;
    BPCHAR       1042 "bpchar"       "character"                    -1 'S' 1014;
    VARCHAR      1043 "varchar"      "character varying"            -1 'S' 1015;
    DATE         1082 "date"         "date"                         4  'D' 1182;
    TIME         1083 "time"         "time without time zone"       8  'D' 1183;
    TIMESTAMP    1114 "timestamp"    "timestamp without time zone"  8  'D' 1115;
    TIMESTAMPTZ  1184 "timestamptz"  "timestamp with time zone"     8  'D' 1185;
    INTERVAL     1186 "interval"     "interval"                     16 'T' 1187;
    TIMETZ       1266 "timetz"       "time with time zone"          12 'D' 1270;
    BIT          1560 "bit"          "bit"                          -1 'V' 1561;
    VARBIT       1562 "varbit"       "bit varying"                  -1 'V' 1563;
    NUMERIC      1700 "numeric"      "numeric"                      -1 'N' 1231;
    REFCURSOR    1790 "refcursor"    "refcursor"                    -1 'U' 2201;
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
    TSVECTOR     3614 "tsvector"     "tsvector"                     -1 'U' 3643;
    TSQUERY      3615 "tsquery"      "tsquery"                      -1 'U' 3645;
    REGCONFIG    3734 "regconfig"    "regconfig"                    4  'N' 3735;
    REGDICTIONARY 3769 "regdictionary" "regdictionary"              4  'N' 3770;
    JSONB        3802 "jsonb"        "jsonb"                        -1 'U' 3807;
    INT4RANGE    3904 "int4range"    "int4range"                   -1 'R' 3905;
    NUMRANGE     3906 "numrange"     "numrange"                    -1 'R' 3907;
    TSRANGE      3908 "tsrange"      "tsrange"                     -1 'R' 3909;
    TSTZRANGE    3910 "tstzrange"    "tstzrange"                   -1 'R' 3911;
    DATERANGE    3912 "daterange"    "daterange"                   -1 'R' 3913;
    INT8RANGE    3926 "int8range"    "int8range"                   -1 'R' 3927;
    JSONPATH     4072 "jsonpath"     "jsonpath"                     -1 'U' 4073;
    REGNAMESPACE 4089 "regnamespace" "regnamespace"                 4  'N' 4090;
    REGROLE      4096 "regrole"      "regrole"                      4  'N' 4097;
    REGCOLLATION 4191 "regcollation" "regcollation"                 4  'N' 4192;
    INT4MULTIRANGE 4451 "int4multirange" "int4multirange"              -1 'R' 6150;
    NUMMULTIRANGE 4532 "nummultirange" "nummultirange"               -1 'R' 6151;
    TSMULTIRANGE 4533 "tsmultirange" "tsmultirange"                -1 'R' 6152;
    TSTZMULTIRANGE 4534 "tstzmultirange" "tstzmultirange"              -1 'R' 6153;
    DATEMULTIRANGE 4535 "datemultirange" "datemultirange"              -1 'R' 6155;
    INT8MULTIRANGE 4536 "int8multirange" "int8multirange"              -1 'R' 6157;
    PG_MCV_LIST  5017 "pg_mcv_list"  "pg_mcv_list"                  -1 'Z' 0;
    XID8         5069 "xid8"         "xid8"                         8  'U' 271;
}

/// What does not differ between enumerated types.
pub(super) static ENUM: TypeInfo = TypeInfo {
    oid: Oid(0),
    name: "enum",
    sql_name: "enum",
    len: 4,
    category: 'E',
    array: Oid(0),
    element: Oid(0),
};
/// What does not differ between types of rows.
pub(super) static COMPOSITE: TypeInfo = TypeInfo {
    oid: Oid(0),
    name: "composite",
    sql_name: "composite",
    len: -1,
    category: 'C',
    array: Oid(0),
    element: Oid(0),
};
/// What does not differ between users' range and multirange types.
pub(super) static MADE_RANGE: TypeInfo = TypeInfo {
    oid: Oid(0),
    name: "range",
    sql_name: "range",
    len: -1,
    category: 'R',
    array: Oid(0),
    element: Oid(0),
};
/// What does not differ between the types of arrays over users' types.
pub(super) static MADE_ARRAY: TypeInfo = TypeInfo {
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
