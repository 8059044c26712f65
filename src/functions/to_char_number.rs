//! `to_char` of numbers: `9`, `0`, `.`, `,`, `D`, `G`, `S`, `MI`, `PL`, `SG`, `PR`, `L`, `V`, `TH`,
//! `RN`, `EEEE`, `FM` and quoted text.

use crate::base::{Error, Result, SqlState};
use crate::types::Numeric;

/// A template, measured.
#[derive(Default)]
pub(super) struct Template {
    /// Positions in order.
    pub(super) parts: Vec<Part>,
    /// Digit positions before and after the point.
    whole: usize,
    pub(super) fraction: usize,
    /// The leftmost `0` before the point: from there on, zeros are written.
    zero_from: Option<usize>,
    /// Digits after the point that stay even if zero: up to the last `0`.
    fraction_kept: usize,
    bare: bool,
    /// `PR`: negative numbers in angle brackets.
    pub(super) brackets: bool,
    /// Whether a sign has a place of its own.
    signed: bool,
    /// `V`: digits the number is shifted by.
    shift: usize,
    /// `TH` or `th`
    ordinal: Option<bool>,
    /// `RN` or `rn`
    roman: Option<bool>,
    /// `EEEE`
    exponent: bool,
}

#[derive(Clone, PartialEq)]
pub(super) enum Part {
    Digit,
    Point,
    Group,
    /// `SG`: the sign, where it stands.
    Sign,
    /// `S`: the sign, right before or behind the digits.
    Beside,
    /// `MI`: a minus or nothing.
    Minus,
    /// `PL`: a plus or nothing.
    Plus,
    Text(String),
}

impl Template {
    pub(super) fn has_point(&self) -> bool {
        self.parts.contains(&Part::Point)
    }
}

pub(super) fn parse(template: &str) -> Result<Template> {
    let mut parsed = Template::default();
    let mut rest = template;
    let mut point = false;
    let mut shifted = false;
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
            "RN" => parsed.roman = Some(first == 'R'),
            "TH" => parsed.ordinal = Some(first == 'T'),
            "EE" if rest
                .get(..4)
                .is_some_and(|four| four.eq_ignore_ascii_case("EEEE")) =>
            {
                parsed.exponent = true;
                taken = 4;
            }
            "EE" => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "invalid number template",
                ));
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
                            parsed.shift += usize::from(shifted);
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
                        parsed.parts.push(Part::Beside);
                    }
                    // No currency symbol is set: a blank, as in the C locale.
                    'L' | 'l' => parsed.parts.push(Part::Text(" ".to_owned())),
                    'V' | 'v' => shifted = true,
                    other => parsed.parts.push(Part::Text(other.to_string())),
                }
            }
        }
        rest = &rest[taken..];
    }
    Ok(parsed)
}

/// A number to be written: exact, or a float.
pub(super) enum Number {
    Exact(Numeric),
    Float(f64),
}

impl Number {
    /// The digits without sign, so many after the point; and whether it is below zero.
    fn digits(&self, fraction: usize, shift: usize) -> (String, bool) {
        let shift = i32::try_from(shift).unwrap_or(0);
        match self {
            Self::Exact(number) => {
                let factor = Numeric::from(10_i64.pow(shift.unsigned_abs().min(18)));
                let fraction = i64::try_from(fraction).unwrap_or(0);
                let number = number.times(&factor).rounded(fraction);
                (number.abs().to_string(), number.is_negative())
            }
            Self::Float(number) => {
                let number = number * 10_f64.powi(shift);
                // A float is sure of 15 digits.
                let whole = format!("{:.0}", number.abs()).len();
                let sure = 15_usize.saturating_sub(whole).min(fraction);
                let mut digits = format!("{:.sure$}", number.abs());
                if fraction > sure {
                    if sure == 0 {
                        digits.push('.');
                    }
                    digits.extend(std::iter::repeat_n('0', fraction - sure));
                }
                (digits, number < 0.0)
            }
        }
    }

    fn is_finite(&self) -> bool {
        match self {
            Self::Exact(_) => true,
            Self::Float(number) => number.is_finite(),
        }
    }

    fn to_f64(&self) -> f64 {
        match self {
            Self::Exact(number) => number.to_f64(),
            Self::Float(number) => *number,
        }
    }
}

/// Roman numerals, from the greatest.
const ROMAN: [(i64, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

fn roman(digits: &str, negative: bool, capitals: bool, bare: bool) -> String {
    let mut left = match digits.parse::<i64>() {
        Ok(value @ 1..=3999) if !negative => value,
        _ => return "#".repeat(15),
    };
    let mut out = String::new();
    for (value, letters) in ROMAN {
        while left >= value {
            left -= value;
            out.push_str(letters);
        }
    }
    if !capitals {
        out = out.to_lowercase();
    }
    match bare {
        true => out,
        false => format!("{out:>15}"),
    }
}

/// `1.23e+03`, with room for a sign.
fn scientific(number: f64, fraction: usize) -> String {
    let text = format!("{number:.fraction$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    let room = if mantissa.starts_with('-') { "" } else { " " };
    format!("{room}{mantissa}e{sign}{:02}", exponent.abs())
}

/// The number by the template; `#` where it has more digits than the template.
pub(super) fn write(number: &Number, template: &str) -> Result<String> {
    let template = parse(template)?;
    if template.exponent {
        return Ok(scientific(number.to_f64(), template.fraction));
    }
    if let Some(capitals) = template.roman {
        let (digits, negative) = number.digits(0, 0);
        return Ok(roman(&digits, negative, capitals, template.bare));
    }
    if !number.is_finite() {
        return Err(Error::unsupported("to_char() of NaN or infinity"));
    }
    let (digits, below) = number.digits(template.fraction, template.shift);
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let negative = below && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
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
            Part::Beside if !started && position == 0 => {
                pending = if negative { "-" } else { "+" };
            }
            Part::Sign | Part::Beside => out.push(if negative { '-' } else { '+' }),
            Part::Minus => out.push_str(if negative { "-" } else { blank }),
            Part::Plus => out.push_str(if negative { blank } else { "+" }),
            Part::Text(text) => out.push_str(text),
        }
    }
    if let Some(capitals) = template.ordinal
        && !negative
        && template.fraction == 0
        && !overflow
    {
        let teen = whole.len() > 1 && whole.as_bytes()[whole.len() - 2] == b'1';
        let suffix = match (whole.chars().last(), teen) {
            (Some('1'), false) => "st",
            (Some('2'), false) => "nd",
            (Some('3'), false) => "rd",
            _ => "th",
        };
        out.push_str(&match capitals {
            true => suffix.to_uppercase(),
            false => suffix.to_owned(),
        });
    }
    if template.brackets {
        out.push_str(if negative { ">" } else { blank });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{Number, write};

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
                write(&Number::Float(number), template).unwrap(),
                text,
                "{number} {template}"
            );
        }
    }
}
