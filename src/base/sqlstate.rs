//! The SQLSTATE codes commons raises, by class (PostgreSQL manual, appendix A).

use std::fmt;

/// A five-character SQLSTATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// The five characters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// What five characters say, if they are digits and capital letters.
    pub fn of(code: &str) -> Option<Self> {
        let known = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        let bytes = <[u8; 5]>::try_from(code.as_bytes()).ok()?;
        bytes.iter().all(known).then_some(Self(bytes))
    }

    /// Whether this stands for its whole class, as `22000` does.
    pub fn is_class(self) -> bool {
        self.0.ends_with(b"000")
    }

    /// Whether both are of one class: the first two characters.
    pub fn is_of_class(self, other: Self) -> bool {
        self.0[..2] == other.0[..2]
    }

    /// Whether this says that a statement is wrong as it is written, or asks for what is not
    /// supported, whatever the data.
    pub fn is_about_the_statement(self) -> bool {
        let wrong = self.0.starts_with(b"42") && self != Self::INSUFFICIENT_PRIVILEGE;
        wrong || self == Self::FEATURE_NOT_SUPPORTED
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl SqlState {
            $($(#[$doc])* #[doc = stringify!($name)] pub const $name: SqlState = SqlState(*$code);)*
        }
        #[cfg(test)]
        const ALL: &[SqlState] = &[$(SqlState::$name),*];
    };
}

states! {
    SUCCESSFUL_COMPLETION = b"00000";
    WARNING = b"01000";
    WARNING_PRIVILEGE_NOT_REVOKED = b"01006";
    WARNING_PRIVILEGE_NOT_GRANTED = b"01007";
    CONNECTION_FAILURE = b"08006";
    PROTOCOL_VIOLATION = b"08P01";
    FEATURE_NOT_SUPPORTED = b"0A000";
    INVALID_GRANT_OPERATION = b"0LP01";
    CARDINALITY_VIOLATION = b"21000";
    DATA_EXCEPTION = b"22000";
    STRING_DATA_RIGHT_TRUNCATION = b"22001";
    NUMERIC_VALUE_OUT_OF_RANGE = b"22003";
    NULL_VALUE_NOT_ALLOWED = b"22004";
    SEQUENCE_GENERATOR_LIMIT_EXCEEDED = b"2200H";
    INVALID_DATETIME_FORMAT = b"22007";
    DATETIME_FIELD_OVERFLOW = b"22008";
    INVALID_TIME_ZONE_DISPLACEMENT_VALUE = b"22009";
    DIVISION_BY_ZERO = b"22012";
    SUBSTRING_ERROR = b"22011";
    INVALID_ARGUMENT_FOR_NTILE_FUNCTION = b"22014";
    INTERVAL_FIELD_OVERFLOW = b"22015";
    INVALID_ARGUMENT_FOR_NTH_VALUE_FUNCTION = b"22016";
    INVALID_ARGUMENT_FOR_LOGARITHM = b"2201E";
    INVALID_ARGUMENT_FOR_POWER_FUNCTION = b"2201F";
    INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION = b"2201G";
    INVALID_ROW_COUNT_IN_LIMIT_CLAUSE = b"2201W";
    INVALID_ROW_COUNT_IN_OFFSET_CLAUSE = b"2201X";
    INVALID_REGULAR_EXPRESSION = b"2201B";
    CHARACTER_NOT_IN_REPERTOIRE = b"22021";
    INVALID_PARAMETER_VALUE = b"22023";
    INVALID_USE_OF_ESCAPE_CHARACTER = b"2200C";
    INVALID_ESCAPE_SEQUENCE = b"22025";
    STRING_DATA_LENGTH_MISMATCH = b"22026";
    UNTRANSLATABLE_CHARACTER = b"22P05";
    INVALID_TEXT_REPRESENTATION = b"22P02";
    INVALID_BINARY_REPRESENTATION = b"22P03";
    BAD_COPY_FILE_FORMAT = b"22P04";
    NONSTANDARD_USE_OF_ESCAPE_CHARACTER = b"22P06";
    INVALID_PRECEDING_OR_FOLLOWING_SIZE = b"22013";
    INVALID_TABLESAMPLE_ARGUMENT = b"2202H";
    ARRAY_SUBSCRIPT_ERROR = b"2202E";
    INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION = b"22031";
    INVALID_SQL_JSON_SUBSCRIPT = b"22033";
    NON_NUMERIC_SQL_JSON_ITEM = b"22036";
    SINGLETON_SQL_JSON_ITEM_REQUIRED = b"22038";
    SQL_JSON_ARRAY_NOT_FOUND = b"22039";
    SQL_JSON_MEMBER_NOT_FOUND = b"2203A";
    SQL_JSON_NUMBER_NOT_FOUND = b"2203B";
    SQL_JSON_OBJECT_NOT_FOUND = b"2203C";
    NOT_NULL_VIOLATION = b"23502";
    FOREIGN_KEY_VIOLATION = b"23503";
    UNIQUE_VIOLATION = b"23505";
    CHECK_VIOLATION = b"23514";
    WITH_CHECK_OPTION_VIOLATION = b"44000";
    INVALID_CURSOR_STATE = b"24000";
    ACTIVE_SQL_TRANSACTION = b"25001";
    READ_ONLY_SQL_TRANSACTION = b"25006";
    NO_ACTIVE_SQL_TRANSACTION = b"25P01";
    IN_FAILED_SQL_TRANSACTION = b"25P02";
    IDLE_IN_TRANSACTION_SESSION_TIMEOUT = b"25P03";
    INVALID_SQL_STATEMENT_NAME = b"26000";
    INVALID_AUTHORIZATION_SPECIFICATION = b"28000";
    INVALID_PASSWORD = b"28P01";
    DEPENDENT_OBJECTS_STILL_EXIST = b"2BP01";
    INVALID_CURSOR_NAME = b"34000";
    INVALID_SAVEPOINT_SPECIFICATION = b"3B001";
    INVALID_CATALOG_NAME = b"3D000";
    INVALID_SCHEMA_NAME = b"3F000";
    SERIALIZATION_FAILURE = b"40001";
    DEADLOCK_DETECTED = b"40P01";
    SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION = b"42000";
    INSUFFICIENT_PRIVILEGE = b"42501";
    SYNTAX_ERROR = b"42601";
    INVALID_NAME = b"42602";
    DUPLICATE_COLUMN = b"42701";
    AMBIGUOUS_COLUMN = b"42702";
    UNDEFINED_COLUMN = b"42703";
    UNDEFINED_OBJECT = b"42704";
    DUPLICATE_OBJECT = b"42710";
    DUPLICATE_ALIAS = b"42712";
    DUPLICATE_FUNCTION = b"42723";
    AMBIGUOUS_FUNCTION = b"42725";
    GROUPING_ERROR = b"42803";
    DATATYPE_MISMATCH = b"42804";
    WRONG_OBJECT_TYPE = b"42809";
    INVALID_FOREIGN_KEY = b"42830";
    GENERATED_ALWAYS = b"428C9";
    CANNOT_COERCE = b"42846";
    UNDEFINED_FUNCTION = b"42883";
    RESERVED_NAME = b"42939";
    UNDEFINED_TABLE = b"42P01";
    UNDEFINED_PARAMETER = b"42P02";
    DUPLICATE_CURSOR = b"42P03";
    DUPLICATE_PREPARED_STATEMENT = b"42P05";
    DUPLICATE_SCHEMA = b"42P06";
    DUPLICATE_TABLE = b"42P07";
    AMBIGUOUS_ALIAS = b"42P09";
    INVALID_COLUMN_REFERENCE = b"42P10";
    INVALID_CURSOR_DEFINITION = b"42P11";
    INVALID_SCHEMA_DEFINITION = b"42P15";
    INVALID_FUNCTION_DEFINITION = b"42P13";
    INVALID_RECURSION = b"42P19";
    WINDOWING_ERROR = b"42P20";
    INVALID_TABLE_DEFINITION = b"42P16";
    INVALID_COLUMN_DEFINITION = b"42611";
    INVALID_OBJECT_DEFINITION = b"42P17";
    INDETERMINATE_DATATYPE = b"42P18";
    COLLATION_MISMATCH = b"42P21";
    DISK_FULL = b"53100";
    OUT_OF_MEMORY = b"53200";
    TOO_MANY_CONNECTIONS = b"53300";
    CONFIGURATION_LIMIT_EXCEEDED = b"53400";
    PROGRAM_LIMIT_EXCEEDED = b"54000";
    STATEMENT_TOO_COMPLEX = b"54001";
    TOO_MANY_COLUMNS = b"54011";
    TOO_MANY_ARGUMENTS = b"54023";
    OBJECT_NOT_IN_PREREQUISITE_STATE = b"55000";
    OBJECT_IN_USE = b"55006";
    CANT_CHANGE_RUNTIME_PARAM = b"55P02";
    LOCK_NOT_AVAILABLE = b"55P03";
    QUERY_CANCELED = b"57014";
    ADMIN_SHUTDOWN = b"57P01";
    IDLE_SESSION_TIMEOUT = b"57P05";
    IO_ERROR = b"58030";
    UNDEFINED_FILE = b"58P01";
    CONFIG_FILE_ERROR = b"F0000";
    RAISE_EXCEPTION = b"P0001";
    NO_DATA_FOUND = b"P0002";
    TOO_MANY_ROWS = b"P0003";
    ASSERT_FAILURE = b"P0004";
    ERROR_IN_ASSIGNMENT = b"22005";
    NO_RETURN_STATEMENT = b"2F005";
    CASE_NOT_FOUND = b"20000";
    INVALID_TRANSACTION_TERMINATION = b"2D000";
    STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER = b"0Z002";
    INTERNAL_ERROR = b"XX000";
    DATA_CORRUPTED = b"XX001";
    ZERO_LENGTH_CHARACTER_STRING = b"2200F";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_unique() {
        let mut seen = std::collections::HashSet::new();
        for state in ALL {
            assert!(seen.insert(state.code()), "{state} appears twice");
        }
    }
}
