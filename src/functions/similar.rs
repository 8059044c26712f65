//! `SIMILAR TO`: SQL's own regular expressions, as PostgreSQL's.

use crate::base::{Error, Result, SqlState};

/// `SIMILAR TO`'s pattern as a regular expression. With two separators (the escape character and a
/// double quote) what is between them is the first group, and what is before takes as little as it
/// can.
///
/// # Errors
/// `22025` for an escape that is more than one character.
pub(super) fn similar(pattern: &str, escape: Option<&str>) -> Result<String> {
    let escape = match escape {
        None => Some('\\'),
        Some(text) => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (escape, None) => escape,
                _ => {
                    return Err(Error::new(
                        SqlState::INVALID_ESCAPE_SEQUENCE,
                        "invalid escape string",
                    )
                    .hint("Escape string must be empty or one character."));
                }
            }
        }
    };
    let mut out = String::from("^(?:");
    let mut separators = 0;
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            match chars.next() {
                Some('"') if !in_class => {
                    out.push_str(match separators {
                        0 => "){1,1}?(",
                        1 => "){1,1}(?:",
                        _ => {
                            return Err(Error::new(
                                SqlState::INVALID_USE_OF_ESCAPE_CHARACTER,
                                "SQL regular expression may not contain more than two \
                                 escape-double-quote separators",
                            ));
                        }
                    });
                    separators += 1;
                }
                // Whatever it is, also a letter: by that there are classes like `\d`.
                Some(next) => {
                    out.push('\\');
                    out.push(next);
                }
                None => {}
            }
            continue;
        }
        match c {
            ']' if in_class => {
                in_class = false;
                out.push(c);
            }
            '\\' => out.push_str("\\\\"),
            c if in_class => out.push(c),
            '[' => {
                in_class = true;
                out.push(c);
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '(' => out.push_str("(?:"),
            '.' | '^' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push_str(")$");
    Ok(out)
}
