//! Statements about objects that users cannot make.

use super::ObjectName;

/// A kind of object of which there are only those that are there anyway, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltInKind {
    /// ACCESS METHOD
    AccessMethod,
    /// COLLATION
    Collation,
    /// CONVERSION
    Conversion,
    /// DATABASE
    Database,
    /// EVENT TRIGGER
    EventTrigger,
    /// EXTENSION
    Extension,
    /// FOREIGN DATA WRAPPER
    ForeignDataWrapper,
    /// LANGUAGE
    Language,
    /// OPERATOR CLASS
    OperatorClass,
    /// OPERATOR FAMILY
    OperatorFamily,
    /// PUBLICATION
    Publication,
    /// RULE
    Rule,
    /// SERVER
    Server,
    /// SUBSCRIPTION
    Subscription,
    /// TABLESPACE
    Tablespace,
    /// TEXT SEARCH CONFIGURATION
    SearchConfiguration,
    /// TEXT SEARCH DICTIONARY
    SearchDictionary,
    /// TEXT SEARCH PARSER
    SearchParser,
    /// TEXT SEARCH TEMPLATE
    SearchTemplate,
}

impl BuiltInKind {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::AccessMethod,
        Self::Collation,
        Self::Conversion,
        Self::Database,
        Self::EventTrigger,
        Self::Extension,
        Self::ForeignDataWrapper,
        Self::Language,
        Self::OperatorClass,
        Self::OperatorFamily,
        Self::Publication,
        Self::Rule,
        Self::Server,
        Self::Subscription,
        Self::Tablespace,
        Self::SearchConfiguration,
        Self::SearchDictionary,
        Self::SearchParser,
        Self::SearchTemplate,
    ];

    /// The tag of the command that drops one.
    pub fn drop_tag(self) -> &'static str {
        match self {
            Self::AccessMethod => "DROP ACCESS METHOD",
            Self::Collation => "DROP COLLATION",
            Self::Conversion => "DROP CONVERSION",
            Self::Database => "DROP DATABASE",
            Self::EventTrigger => "DROP EVENT TRIGGER",
            Self::Extension => "DROP EXTENSION",
            Self::ForeignDataWrapper => "DROP FOREIGN DATA WRAPPER",
            Self::Language => "DROP LANGUAGE",
            Self::OperatorClass => "DROP OPERATOR CLASS",
            Self::OperatorFamily => "DROP OPERATOR FAMILY",
            Self::Publication => "DROP PUBLICATION",
            Self::Rule => "DROP RULE",
            Self::Server => "DROP SERVER",
            Self::Subscription => "DROP SUBSCRIPTION",
            Self::Tablespace => "DROP TABLESPACE",
            Self::SearchConfiguration => "DROP TEXT SEARCH CONFIGURATION",
            Self::SearchDictionary => "DROP TEXT SEARCH DICTIONARY",
            Self::SearchParser => "DROP TEXT SEARCH PARSER",
            Self::SearchTemplate => "DROP TEXT SEARCH TEMPLATE",
        }
    }

    /// The words its statements have after DROP.
    pub fn words(self) -> &'static str {
        let tag = self.drop_tag();
        tag.strip_prefix("DROP ").unwrap_or(tag)
    }

    /// What messages call one.
    pub fn noun(self) -> String {
        match self {
            Self::ForeignDataWrapper => "foreign-data wrapper".to_owned(),
            _ => self.words().to_lowercase(),
        }
    }

    /// Whether its names are those of a schema.
    pub fn has_schema(self) -> bool {
        matches!(
            self,
            Self::Collation
                | Self::Conversion
                | Self::OperatorClass
                | Self::OperatorFamily
                | Self::SearchConfiguration
                | Self::SearchDictionary
                | Self::SearchParser
                | Self::SearchTemplate
        )
    }
}

/// DROP of such objects.
#[derive(Debug, Clone)]
pub struct DropBuiltIn {
    /// Of what kind.
    pub kind: BuiltInKind,
    /// Which.
    pub objects: Vec<BuiltInName>,
    /// IF EXISTS
    pub if_exists: bool,
}

/// Which object of such a kind.
#[derive(Debug, Clone)]
pub struct BuiltInName {
    /// Its name.
    pub name: ObjectName,
    /// What it is of: the table of a rule, the access method of an operator class or family.
    pub of: Option<ObjectName>,
}
