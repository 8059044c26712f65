//! Every case of `read.tsv`: text in, text out, and through the binary format and back; and of
//! `send.tsv`.

use super::{PgType, Style, parse_value};
use crate::base::Error;
use crate::types::Zone;
use crate::types::binary::{self, BinaryColumn};
use crate::types::text::{PLAIN, TextColumn, UNNAMED};

/// Lines of three values, escaped.
fn cases(file: &str) -> Vec<[String; 3]> {
    let plain = |text: &str| {
        let mut out = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            out.push(match c {
                '\\' => match rest.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    other => other.expect("an escape is two characters"),
                },
                c => c,
            });
        }
        out
    };
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let values: Vec<_> = line.split('\t').map(plain).collect();
            values.try_into().expect("three values")
        })
        .collect()
}

fn style() -> Style {
    Style {
        time_zone: Zone::Named(chrono_tz::Europe::Berlin),
        ..Style::default()
    }
}

/// `numeric(4,2)`, `int4[]`, …
fn type_of(name: &str) -> PgType {
    let number = |text: &str| text.trim().parse::<i32>().expect("a modifier");
    let (base, rest) = name.split_once('(').unwrap_or((name, ""));
    let modifier: Vec<_> = rest
        .trim_end_matches(')')
        .split(',')
        .filter(|part| !part.is_empty())
        .map(number)
        .collect();
    let found = |name: &str| match name {
        "char" => PgType::BPCHAR,
        "\"char\"" => PgType::CHAR,
        name => PgType::by_name(name).expect("a type's name"),
    };
    match (base.strip_suffix("[]"), modifier.as_slice()) {
        (Some(element), _) => found(element).array().expect("has an array type"),
        (None, [precision, scale]) => PgType::numeric(
            u16::try_from(*precision).expect("small"),
            i16::try_from(*scale).expect("small"),
        ),
        (None, [length]) if ["char", "varchar"].contains(&base) => {
            found(base).with_typmod(length + 4)
        }
        (None, [digits]) => found(base).with_typmod(*digits),
        (None, _) => found(base),
    }
}

fn words(error: &Error) -> String {
    let fields = error.fields();
    let mut text = format!("ERROR {}: {}", fields.state, fields.message);
    for (name, value) in [
        ("DETAIL", &fields.detail),
        ("HINT", &fields.hint),
        ("CONTEXT", &fields.context),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(" {name}: {value}"));
        }
    }
    text
}

fn shown(array: &dyn arrow::array::Array, ty: PgType, style: &Style) -> String {
    let mut out = Vec::new();
    let column = TextColumn::new(array, ty, style, UNNAMED).expect("the type's own array");
    match column.write(0, &mut out) {
        Ok(true) => String::from_utf8(out).expect("text is UTF-8"),
        Ok(false) => "NULL".to_owned(),
        Err(error) => words(&error),
    }
}

#[test]
fn as_postgresql_reads_and_writes() {
    let style = style();
    let mut wrong = Vec::new();
    for [name, text, want] in cases(include_str!("read.tsv")) {
        let ty = type_of(&name);
        let got = match parse_value(&text, ty, &style, 0) {
            Err(error) => words(&error),
            Ok(array) => {
                let mut bytes = Vec::new();
                let column = BinaryColumn::new(&array, ty, PLAIN).expect("the type's own array");
                column.write(0, &mut bytes).expect("a value of the type");
                let back = binary::parse_column(&[Some(&bytes)], ty, PLAIN);
                let back = back.map_err(|failure| words(&failure.error));
                let direct = shown(&array, ty, &style);
                match back.map(|back| shown(&back, ty, &style)) {
                    Ok(back) if back == direct => direct,
                    other => format!("{direct}, but through binary {other:?}"),
                }
            }
        };
        if got != want {
            wrong.push(format!("{name} {text:?}\n  want {want}\n  got  {got}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn as_postgresql_sends() {
    let style = style();
    for [name, text, want] in cases(include_str!("send.tsv")) {
        let ty = type_of(&name);
        let array = parse_value(&text, ty, &style, 0).expect("a value of the type");
        let mut bytes = Vec::new();
        let column = BinaryColumn::new(&array, ty, PLAIN).expect("the type's own array");
        column.write(0, &mut bytes).expect("a value of the type");
        let got: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(got, want, "{name} {text}");
    }
}

#[test]
fn words_for_times_are_the_time_given() {
    // 2024-03-31 00:30 in Berlin, hours before its clocks change.
    let now = 1_711_841_400_000_000;
    for (name, text, want) in [
        ("timestamptz", "now", "2024-03-31 00:30:00+01"),
        ("timestamp", "now", "2024-03-31 00:30:00"),
        ("date", "today", "2024-03-31"),
        ("timestamptz", "tomorrow", "2024-04-01 00:00:00+02"),
        ("timestamp", "yesterday 04:05", "2024-03-30 04:05:00"),
        ("time", "now", "00:30:00"),
        ("date[]", "{today}", "{2024-03-31}"),
    ] {
        let ty = type_of(name);
        let array = parse_value(text, ty, &style(), now).expect("a value of the type");
        assert_eq!(shown(&array, ty, &style()), want, "{name} {text}");
    }
}
