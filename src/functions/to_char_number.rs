//! `to_char` of numbers: `9`, `0`, `.`, `,`, `D`, `G`, `S`, `MI`, `PL`, `SG`, `PR`, `L`, `FM` and
//! quoted text.

use crate::base::{Error, Result};

/// A template, measured.
#[derive(Default)]
struct Template {
    /// Positions in order.
    parts: Vec<Part>,
    /// Digit positions before and after the point.
    whole: usize,
    fraction: usize,
    /// The leftmost `0` before the point: from there on, zeros are written.
    zero_from: Option<usize>,
    /// Digits after the point that stay even if zero: up to the last `0`.
    fraction_kept: usize,
    bare: bool,
    /// `PR`: negative numbers in angle brackets.
    brackets: bool,
    /// Whether a sign has a place of its own.
    signed: bool,
}

#[derive(Clone, PartialEq)]
enum Part {
    Digit,
    Point,
    Group,
    /// `S`: the sign, where it stands.
    Sign,
    /// `MI`: a minus or nothing.
    Minus,
    /// `PL`: a plus or nothing.
    Plus,
    Text(String),
}

fn parse(template: &str) -> Result<Template> {
    let mut parsed = Template::default();
    let mut rest = template;
    let mut point = false;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"').unwrap_or(quoted.len());
            parsed.parts.push(Part::Text(quoted[..end].to_owned()));
            rest = quoted.get(end + 1..).unwrap_or("");
            continue;
        }
        let pair = rest.get(..2).unwrap_or("").to_ascii_uppercase();
        let mut taken = 2;
        match pair.as_str() {
            "FM" => parsed.bare = true,
            "MI" => {
                parsed.signed = true;
                parsed.parts.push(Part::Minus);
            }
            "PL" => parsed.parts.push(Part::Plus),
            "SG" => {
                parsed.signed = true;
                parsed.parts.push(Part::Sign);
            }
            "PR" => {
                parsed.brackets = true;
                parsed.signed = true;
            }
            "RN" | "EE" | "TH" => {
                return Err(Error::unsupported(format!("to_char() pattern \"{pair}\"")));
            }
            _ => {
                taken = first.len_utf8();
                match first {
                    '9' | '0' => {
                        if point {
                            parsed.fraction += 1;
                            if first == '0' {
                                parsed.fraction_kept = parsed.fraction;
                            }
                        } else {
                            if first == '0' && parsed.zero_from.is_none() {
                                parsed.zero_from = Some(parsed.whole);
                            }
                            parsed.whole += 1;
                        }
                        parsed.parts.push(Part::Digit);
                    }
                    '.' | 'D' | 'd' => {
                        point = true;
                        parsed.parts.push(Part::Point);
                    }
                    ',' | 'G' | 'g' => parsed.parts.push(Part::Group),
                    'S' | 's' => {
                        parsed.signed = true;
                        parsed.parts.push(Part::Sign);
                    }
                    // No currency symbol is set: a blank, as in the C locale.
                    'L' | 'l' => parsed.parts.push(Part::Text(" ".to_owned())),
                    'V' | 'v' => return Err(Error::unsupported("to_char() pattern \"V\"")),
                    other => parsed.parts.push(Part::Text(other.to_string())),
                }
            }
        }
        rest = &rest[taken..];
    }
    Ok(parsed)
}

/// The number by the template; `#` where it has more digits than the template.
pub(super) fn write(number: f64, template: &str) -> Result<String> {
    let template = parse(template)?;
    let digits = format!("{:.*}", template.fraction, number.abs());
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let negative = number < 0.0 && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    let overflow = whole.len() > template.whole && whole != "0";
    let whole = if whole == "0" && template.whole > 0 {
        ""
    } else {
        whole
    };

    let mut out = String::new();
    let mut position = 0;
    let mut started = false;
    let first_zero = template.zero_from.unwrap_or(usize::MAX);
    let blank = if template.bare { "" } else { " " };
    let mut fraction_digits = fraction.chars();
    // FM leaves out trailing zeros, but not where the template says 0.
    let kept = if template.bare {
        fraction
            .trim_end_matches('0')
            .len()
            .max(template.fraction_kept)
    } else {
        fraction.len()
    };
    let mut after_point = 0;
    let sign = match (negative, template.brackets) {
        (true, true) => "<",
        (true, false) => "-",
        (false, _) => blank,
    };
    // A sign without a place of its own stands right before the first digit.
    let mut pending = if template.signed && !template.brackets {
        ""
    } else {
        sign
    };
    for part in &template.parts {
        match part {
            Part::Digit if position < template.whole => {
                let missing = template.whole.saturating_sub(whole.len());
                let digit = if overflow {
                    Some('#')
                } else if position >= missing {
                    whole.chars().nth(position - missing)
                } else if position >= first_zero
                    || (position + 1 == template.whole && template.fraction == 0)
                {
                    // PostgreSQL writes a lone 0 rather than nothing when no fraction follows.
                    Some('0')
                } else {
                    None
                };
                match digit {
                    Some(digit) => {
                        out.push_str(std::mem::take(&mut pending));
                        out.push(digit);
                        started = true;
                    }
                    None => out.push_str(blank),
                }
                position += 1;
            }
            Part::Digit => {
                let digit = fraction_digits.next().unwrap_or('0');
                if after_point < kept {
                    out.push(if overflow { '#' } else { digit });
                }
                after_point += 1;
            }
            Part::Point => {
                out.push_str(std::mem::take(&mut pending));
                out.push('.');
                started = true;
            }
            Part::Group => out.push_str(if started { "," } else { blank }),
            Part::Sign => out.push(if negative { '-' } else { '+' }),
            Part::Minus => out.push_str(if negative { "-" } else { blank }),
            Part::Plus => out.push_str(if negative { blank } else { "+" }),
            Part::Text(text) => out.push_str(text),
        }
    }
    if template.brackets {
        out.push_str(if negative { ">" } else { blank });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn as_postgresql() {
        for (number, template, text) in [
            (485.0, "999", " 485"),
            (-485.0, "999", "-485"),
            (485.0, "FM999", "485"),
            (1485.0, "9,999", " 1,485"),
            (148.5, "999.999", " 148.500"),
            (148.5, "FM999.999", "148.5"),
            (0.1, "0.9", " 0.1"),
            (12.0, "9990999.9", "    0012.0"),
            (-0.1, "99.99", "  -.10"),
            (485.0, "99", " ##"),
            (-485.0, "999PR", "<485>"),
            (485.0, "999PR", " 485 "),
            (-485.0, "999S", "485-"),
            (485.0, "S999", "+485"),
            (0.0, "999", "   0"),
            (1234567.891, "FM999,999,999.00", "1,234,567.89"),
            (1234.5, "FM9,999.00", "1,234.50"),
        ] {
            assert_eq!(
                write(number, template).unwrap(),
                text,
                "{number} {template}"
            );
        }
    }
}
