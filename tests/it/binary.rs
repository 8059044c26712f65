//! Reads binary values into PostgreSQL's text, written from the protocol's definition and not from
//! the server's encoders: simple/text and extended/binary must print the same.

use std::error::Error;
use std::fmt::Write;

use tokio_postgres::types::{Field, FromSql, Kind, Type};

/// Any value, as text.
pub(crate) struct Binary(pub(crate) String);

impl<'a> FromSql<'a> for Binary {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        text(ty, raw).map(Self)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

type Read<T> = Result<T, Box<dyn Error + Sync + Send>>;

fn text(ty: &Type, raw: &[u8]) -> Read<String> {
    if let Kind::Array(element) = ty.kind() {
        return array(element, raw);
    }
    match ty.kind() {
        Kind::Range(element) => return range(element, raw),
        Kind::Multirange(element) => return multirange(element, raw),
        Kind::Composite(fields) => return record(fields, raw),
        _ => {}
    }
    Ok(match ty.name() {
        "bool" => (if raw == [1] { "t" } else { "f" }).to_owned(),
        "int2" => i16::from_be_bytes(raw.try_into()?).to_string(),
        "int4" => i32::from_be_bytes(raw.try_into()?).to_string(),
        "int8" => i64::from_be_bytes(raw.try_into()?).to_string(),
        "oid" | "xid" | "cid" => u32::from_be_bytes(raw.try_into()?).to_string(),
        "float4" => float(f32::from_be_bytes(raw.try_into()?).into(), |v| {
            format!("{:e}", v as f32)
        }),
        "float8" => float(f64::from_be_bytes(raw.try_into()?), |v| format!("{v:e}")),
        "numeric" => numeric(raw)?,
        "date" => date(i64::from(i32::from_be_bytes(raw.try_into()?))),
        "time" => time(i64::from_be_bytes(raw.try_into()?)),
        "timetz" => timetz(raw)?,
        "timestamp" => timestamp(i64::from_be_bytes(raw.try_into()?)),
        "timestamptz" => format!("{}+00", timestamp(i64::from_be_bytes(raw.try_into()?))),
        "interval" => interval(raw)?,
        "bytea" => raw.iter().fold("\\x".to_owned(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        }),
        "bit" | "varbit" => bits(raw)?,
        "inet" | "cidr" => address(raw)?,
        "macaddr" | "macaddr8" => {
            let octets: Vec<String> = raw.iter().map(|octet| format!("{octet:02x}")).collect();
            octets.join(":")
        }
        "point" | "lseg" | "path" | "box" | "polygon" | "line" | "circle" => {
            figure(ty.name(), raw)?
        }
        "money" => money(i64::from_be_bytes(raw.try_into()?)),
        "pg_lsn" => {
            let lsn = u64::from_be_bytes(raw.try_into()?);
            format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff)
        }
        "xid8" => u64::from_be_bytes(raw.try_into()?).to_string(),
        "uuid" => uuid::Uuid::from_slice(raw)?.to_string(),
        "jsonb" => std::str::from_utf8(&raw[1..])?.to_owned(),
        "void" => String::new(),
        // reg* values are OIDs in binary; such queries belong in files that cast to text.
        name if name.starts_with("reg") => u32::from_be_bytes(raw.try_into()?).to_string(),
        _ => std::str::from_utf8(raw)?.to_owned(),
    })
}

/// So many bits, and bytes that hold them.
fn bits(raw: &[u8]) -> Read<String> {
    let count = usize::try_from(i32::from_be_bytes(raw[..4].try_into()?))?;
    let mut all: String = raw[4..].iter().map(|byte| format!("{byte:08b}")).collect();
    all.truncate(count);
    Ok(all)
}

/// Family, mask, whether it is a network, bytes. Only IPv4 and what has no IPv4 in it.
fn address(raw: &[u8]) -> Read<String> {
    let [family, mask, network, _, bytes @ ..] = raw else {
        return Err("too short".into());
    };
    let (host, whole) = match family {
        2 => {
            let octets = <[u8; 4]>::try_from(bytes)?;
            (std::net::Ipv4Addr::from(octets).to_string(), 32)
        }
        _ => {
            let octets = <[u8; 16]>::try_from(bytes)?;
            (std::net::Ipv6Addr::from(octets).to_string(), 128)
        }
    };
    Ok(match *mask == whole && *network == 0 {
        true => host,
        false => format!("{host}/{mask}"),
    })
}

/// Coordinates, behind whether a path is closed and how many points there are.
fn figure(name: &str, raw: &[u8]) -> Read<String> {
    let head = match name {
        "path" => 5,
        "polygon" => 4,
        _ => 0,
    };
    let mut numbers = Vec::new();
    for number in raw[head..].chunks(8) {
        let number = f64::from_be_bytes(number.try_into()?);
        numbers.push(float(number, |v| format!("{v:e}")));
    }
    let points: Vec<String> = numbers
        .chunks(2)
        .map(|pair| format!("({})", pair.join(",")))
        .collect();
    let points = points.join(",");
    Ok(match name {
        "point" | "box" => points,
        "polygon" => format!("({points})"),
        "path" if raw[0] == 1 => format!("({points})"),
        "line" => format!("{{{}}}", numbers.join(",")),
        "circle" => format!("<({},{}),{}>", numbers[0], numbers[1], numbers[2]),
        _ => format!("[{points}]"),
    })
}

/// Hundredths of a dollar.
fn money(amount: i64) -> String {
    let cents = amount.unsigned_abs();
    let digits = (cents / 100).to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}${}.{:02}", groups.join(","), cents % 100)
}

/// A row: how many fields, and each with its type and its length.
fn record(fields: &[Field], raw: &[u8]) -> Read<String> {
    let int = |at: usize| -> Read<i32> { Ok(i32::from_be_bytes(raw[at..at + 4].try_into()?)) };
    if usize::try_from(int(0)?) != Ok(fields.len()) {
        return Err(format!("{} fields instead of {}", int(0)?, fields.len()).into());
    }
    let mut at = 4;
    let mut out = String::from("(");
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let oid = int(at)?;
        if u32::try_from(oid) != Ok(field.type_().oid()) {
            return Err(format!("a field of type {oid}, not {}", field.type_()).into());
        }
        let length = int(at + 4)?;
        at += 8;
        let Ok(length) = usize::try_from(length) else {
            continue;
        };
        let value = text(field.type_(), &raw[at..at + length])?;
        at += length;
        let special =
            |c: char| matches!(c, '"' | '\\' | '(' | ')' | ',') || c.is_ascii_whitespace();
        if value.is_empty() || value.contains(special) {
            let value = value.replace('\\', "\\\\").replace('"', "\"\"");
            let _ = write!(out, "\"{value}\"");
        } else {
            out.push_str(&value);
        }
    }
    if at != raw.len() {
        return Err("bytes behind the last field".into());
    }
    out.push(')');
    Ok(out)
}

/// PostgreSQL's shortest text of a float: fixed notation from 1e-4 up to 15 digits, else with an
/// exponent.
fn float(value: f64, scientific: impl Fn(f64) -> String) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let shortest = scientific(value);
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let single = scientific(1.0 / 3.0).len() < 14;
    let fixed_until = if single { 6 } else { 15 };
    if (-4..fixed_until).contains(&exponent) {
        return format!("{}", Fixed(digits, exponent));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Digits of scientific notation, in fixed notation.
struct Fixed<'a>(&'a str, i32);

impl std::fmt::Display for Fixed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, digits) = match self.0.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", self.0),
        };
        let digits: String = digits.chars().filter(|c| *c != '.').collect();
        f.write_str(sign)?;
        match usize::try_from(self.1) {
            Err(_) => {
                let zeros = usize::try_from(-self.1 - 1).unwrap_or(0);
                write!(f, "0.{}{digits}", "0".repeat(zeros))
            }
            Ok(exponent) if exponent + 1 >= digits.len() => {
                write!(f, "{digits}{}", "0".repeat(exponent + 1 - digits.len()))
            }
            Ok(exponent) => write!(f, "{}.{}", &digits[..=exponent], &digits[exponent + 1..]),
        }
    }
}

fn numeric(raw: &[u8]) -> Read<String> {
    let word = |at: usize| -> Read<i16> { Ok(i16::from_be_bytes(raw[at..at + 2].try_into()?)) };
    let (count, weight, sign, scale) = (word(0)?, i32::from(word(2)?), word(4)? as u16, word(6)?);
    match sign {
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("Infinity".to_owned()),
        0xF000 => return Ok("-Infinity".to_owned()),
        _ => {}
    }
    let digit = |place: i32| -> i16 {
        let index = weight - place;
        if (0..i32::from(count)).contains(&index) {
            word(8 + 2 * index as usize).unwrap_or(0)
        } else {
            0
        }
    };
    let mut out = if sign == 0x4000 {
        "-".to_owned()
    } else {
        String::new()
    };
    if weight < 0 {
        out.push('0');
    } else {
        for place in (0..=weight).rev() {
            let _ = if place == weight {
                write!(out, "{}", digit(place))
            } else {
                write!(out, "{:04}", digit(place))
            };
        }
    }
    if scale > 0 {
        let mut fraction = String::new();
        let mut place = -1;
        while fraction.len() < scale as usize {
            let _ = write!(fraction, "{:04}", digit(place));
            place -= 1;
        }
        let _ = write!(out, ".{}", &fraction[..scale as usize]);
    }
    Ok(out)
}

/// Days since 2000-01-01.
fn date(days: i64) -> String {
    match days {
        2_147_483_647 => return "infinity".to_owned(),
        -2_147_483_648 => return "-infinity".to_owned(),
        _ => {}
    }
    let epoch = chrono::NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default();
    let date = epoch + chrono::TimeDelta::days(days);
    year(
        &date.format("-%m-%d").to_string(),
        chrono::Datelike::year(&date),
        "",
    )
}

fn year(rest: &str, year: i32, time: &str) -> String {
    if year > 0 {
        format!("{year:04}{rest}{time}")
    } else {
        format!("{:04}{rest}{time} BC", 1 - year)
    }
}

/// Microseconds since midnight.
fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let mut out = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction != 0 {
        out.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    out
}

/// A time of day, and how far west of UTC it is.
fn timetz(raw: &[u8]) -> Result<String, Box<dyn std::error::Error + Sync + Send>> {
    let (clock, zone) = raw.split_at(8);
    let west = i32::from_be_bytes(zone.try_into()?);
    let sign = if west > 0 { '-' } else { '+' };
    let seconds = west.unsigned_abs();
    let mut out = time(i64::from_be_bytes(clock.try_into()?));
    out.push_str(&format!("{sign}{:02}", seconds / 3600));
    if !seconds.is_multiple_of(3600) {
        out.push_str(&format!(":{:02}", seconds / 60 % 60));
    }
    if !seconds.is_multiple_of(60) {
        out.push_str(&format!(":{:02}", seconds % 60));
    }
    Ok(out)
}

/// The next value and what is behind it: a length, and so many bytes.
fn sized(raw: &[u8]) -> Read<(&[u8], &[u8])> {
    let (length, rest) = raw.split_at(4);
    Ok(rest.split_at(usize::try_from(i32::from_be_bytes(length.try_into()?))?))
}

/// Flags (1 empty, 2 and 4 inclusive, 8 and 16 without end), and the bounds there are.
fn range(element: &Type, raw: &[u8]) -> Read<String> {
    let (flags, mut rest) = (raw[0], &raw[1..]);
    if flags & 1 != 0 {
        return Ok("empty".to_owned());
    }
    let mut bound = |infinite: u8| -> Read<String> {
        if flags & infinite != 0 {
            return Ok(String::new());
        }
        let (value, after) = sized(rest)?;
        rest = after;
        let value = text(element, value)?;
        Ok(match value.contains([' ', ',']) {
            true => format!("\"{value}\""),
            false => value,
        })
    };
    let (lower, upper) = (bound(8)?, bound(16)?);
    let from = if flags & 2 != 0 { '[' } else { '(' };
    let to = if flags & 4 != 0 { ']' } else { ')' };
    Ok(format!("{from}{lower},{upper}{to}"))
}

/// How many ranges, and each.
fn multirange(element: &Type, raw: &[u8]) -> Read<String> {
    let (count, mut rest) = raw.split_at(4);
    let mut ranges = Vec::new();
    for _ in 0..u32::from_be_bytes(count.try_into()?) {
        let (value, after) = sized(rest)?;
        rest = after;
        ranges.push(range(element, value)?);
    }
    Ok(format!("{{{}}}", ranges.join(",")))
}

/// Microseconds since 2000-01-01.
fn timestamp(micros: i64) -> String {
    match micros {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    const DAY: i64 = 86_400_000_000;
    let epoch = chrono::NaiveDate::from_ymd_opt(2000, 1, 1).unwrap_or_default();
    let day = epoch + chrono::TimeDelta::days(micros.div_euclid(DAY));
    let clock = format!(" {}", time(micros.rem_euclid(DAY)));
    year(
        &day.format("-%m-%d").to_string(),
        chrono::Datelike::year(&day),
        &clock,
    )
}

fn interval(raw: &[u8]) -> Read<String> {
    let micros = i64::from_be_bytes(raw[..8].try_into()?);
    let days = i32::from_be_bytes(raw[8..12].try_into()?);
    let months = i32::from_be_bytes(raw[12..16].try_into()?);
    let mut parts: Vec<String> = Vec::new();
    // Once a part was negative, a positive one after it carries its sign.
    let mut negative = false;
    let mut part = |value: i64, unit: &str, parts: &mut Vec<String>| {
        if value != 0 {
            let plus = if negative && value > 0 { "+" } else { "" };
            let plural = if value == 1 { "" } else { "s" };
            parts.push(format!("{plus}{value} {unit}{plural}"));
            negative = value < 0;
        }
        negative
    };
    part(i64::from(months / 12), "year", &mut parts);
    part(i64::from(months % 12), "mon", &mut parts);
    let negative = part(i64::from(days), "day", &mut parts);
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 {
            "-"
        } else if negative {
            "+"
        } else {
            ""
        };
        parts.push(format!("{sign}{}", time(micros.abs())));
    }
    Ok(parts.join(" "))
}

fn array(element: &Type, raw: &[u8]) -> Read<String> {
    let int = |at: usize| -> Read<i32> { Ok(i32::from_be_bytes(raw[at..at + 4].try_into()?)) };
    // The one type whose values have commas unquoted.
    let between = if *element == Type::BOX { ";" } else { "," };
    let dimensions = usize::try_from(int(0)?)?;
    let lengths: Vec<usize> = (0..dimensions)
        .map(|i| int(12 + 8 * i).and_then(|n| Ok(usize::try_from(n)?)))
        .collect::<Read<_>>()?;
    let lower: Vec<i32> = (0..dimensions)
        .map(|i| int(16 + 8 * i))
        .collect::<Read<_>>()?;
    let mut at = 12 + 8 * dimensions;
    let mut items = Vec::new();
    for _ in 0..lengths.iter().product::<usize>() * usize::from(dimensions > 0) {
        let length = int(at)?;
        at += 4;
        match usize::try_from(length) {
            Err(_) => items.push("NULL".to_owned()),
            Ok(length) => {
                items.push(quoted(&text(element, &raw[at..at + length])?, between));
                at += length;
            }
        }
    }
    for length in lengths.iter().skip(1).rev() {
        items = items
            .chunks(*length)
            .map(|chunk| format!("{{{}}}", chunk.join(between)))
            .collect();
    }
    let items = format!("{{{}}}", items.join(between));
    if lower.iter().all(|lower| *lower == 1) {
        return Ok(items);
    }
    let bounds = lower.iter().zip(&lengths).map(|(lower, length)| {
        let upper = i64::from(*lower) + i64::try_from(*length).unwrap_or(0) - 1;
        format!("[{lower}:{upper}]")
    });
    Ok(format!("{}={items}", bounds.collect::<String>()))
}

/// An array element as `array_out` quotes it.
fn quoted(text: &str, between: &str) -> String {
    let plain = !text.is_empty()
        && !text.eq_ignore_ascii_case("null")
        && !text.contains(|c: char| c.is_whitespace() || "{}\"\\".contains(c))
        && !text.contains(between);
    if plain {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
