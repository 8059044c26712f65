//! What types are called.

use std::fmt;

use super::PgType;
use crate::base::Oid;
use crate::types::{coded::bits, precision};

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
        if let Some(domain) = self.domain {
            let brackets = domain.array.map_or("", |_| "[]");
            return write!(f, "{}{}{}{brackets}", MARKS[0], domain.oid, MARKS[1]);
        }
        let has_row_type = self.is_composite() && self.oid != Self::RECORD.oid;
        if self.is_enum() || has_row_type || self.is_made() && self.has_bounds() {
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
            _ if bits::is(*self) && self.typmod >= 0 => write!(f, "{name}({})", self.typmod),
            _ if self.is_precise() => {
                // It stands behind the first word.
                let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
                let space = if rest.is_empty() { "" } else { " " };
                write!(f, "{first}{}{space}{rest}", precision::shown(*self))
            }
            _ => f.write_str(name),
        }
    }
}
