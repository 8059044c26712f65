//! `to_number`: a number read by a template of `to_char`.

use super::call::short::TEXT;
use super::call::{Call, functions};
use super::to_char_number::{Part, parse};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::{Numeric, PgType};

functions! { pub(super) LIST:
    "to_number" Immutable {
        (TEXT, TEXT) -> PgType::NUMERIC, strict, |call, row| to_number(call, row);
    }
}

fn to_number(call: &Call<'_>, row: usize) -> Result<Value> {
    let pattern = call.must_text(1, row);
    if pattern.contains(['L', 'l']) && !pattern.contains('"') {
        return Err(Error::unsupported("a currency symbol in to_number()"));
    }
    let template = parse(pattern)?;
    let mut rest = call.must_text(0, row).chars().peekable();
    let mut digits = String::new();
    let mut negative = false;
    let mut point = false;
    for part in &template.parts {
        match part {
            Part::Digit => {
                while rest.next_if_eq(&' ').is_some() {}
                if digits.is_empty() {
                    match rest.peek() {
                        Some('-') => {
                            negative = true;
                            rest.next();
                        }
                        Some('+') => {
                            rest.next();
                        }
                        Some('<') if template.brackets => {
                            negative = true;
                            rest.next();
                        }
                        _ => {}
                    }
                }
                if let Some(digit) = rest.next_if(char::is_ascii_digit) {
                    digits.push(digit);
                } else if !point && rest.peek() == Some(&'.') && !template.has_point() {
                    // What follows the point has no place in the template.
                    break;
                } else if rest.peek().is_some_and(|c| !"., -+>".contains(*c)) {
                    rest.next();
                }
            }
            Part::Point => {
                if rest.next_if_eq(&'.').is_some() {
                    point = true;
                    digits.push('.');
                }
            }
            Part::Group => {
                rest.next_if_eq(&',');
            }
            Part::Sign | Part::Beside | Part::Minus | Part::Plus => match rest.peek() {
                Some('-') => {
                    negative = true;
                    rest.next();
                }
                Some('+') => {
                    rest.next();
                }
                _ => {}
            },
            Part::Text(text) => {
                for _ in text.chars() {
                    rest.next_if(|c| !c.is_ascii_digit());
                }
            }
        }
    }
    let sign = if negative { "-" } else { "" };
    let number = Numeric::parse(&format!("{sign}{digits}")).ok_or_else(|| {
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            "invalid input syntax for type numeric: \" \"",
        )
    })?;
    // As many digits after the point as the template has at most.
    let scale = number
        .scale()
        .min(u32::try_from(template.fraction).unwrap_or(0));
    Ok(number.truncated(scale.into()).into())
}
