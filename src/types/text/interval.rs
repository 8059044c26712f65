//! Intervals as PostgreSQL's text, in all four IntervalStyles.

use super::IntervalStyle;
use super::date::write_fraction;
use super::number::write_int;
use crate::types::cells::Span;

/// An interval's fields, each with its own sign. Time fields share one.
struct Parts {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    micros: i64,
}

impl Parts {
    fn of(span: Span) -> Self {
        let seconds = span.micros / 1_000_000;
        Self {
            years: i64::from(span.months / 12),
            months: i64::from(span.months % 12),
            days: i64::from(span.days),
            hours: seconds / 3_600,
            minutes: seconds / 60 % 60,
            seconds: seconds % 60,
            micros: span.micros % 1_000_000,
        }
    }
}

/// Appends an interval.
pub(super) fn write_interval(span: Span, style: IntervalStyle, out: &mut Vec<u8>) {
    let parts = Parts::of(span);
    match style {
        IntervalStyle::Postgres => write_postgres(span, &parts, out),
        IntervalStyle::PostgresVerbose => write_verbose(span, &parts, out),
        IntervalStyle::SqlStandard => write_sql(span, &parts, out),
        IntervalStyle::Iso8601 => write_iso(span, &parts, out),
    }
}

fn two(value: i64, out: &mut Vec<u8>) {
    if value.abs() < 10 {
        out.push(b'0');
    }
    write_int(value.abs(), out);
}

/// `hh:mm:ss[.ffffff]` without sign; hours padded to two digits if `pad`.
fn write_clock(parts: &Parts, pad: bool, out: &mut Vec<u8>) {
    if pad {
        two(parts.hours, out);
    } else {
        write_int(parts.hours.abs(), out);
    }
    out.push(b':');
    two(parts.minutes, out);
    out.push(b':');
    two(parts.seconds, out);
    write_fraction(parts.micros.abs(), out);
}

fn write_postgres(span: Span, parts: &Parts, out: &mut Vec<u8>) {
    let mut first = true;
    let mut after_negative = false;
    for (value, unit) in [
        (parts.years, "year"),
        (parts.months, "mon"),
        (parts.days, "day"),
    ] {
        if value == 0 {
            continue;
        }
        if !first {
            out.push(b' ');
        }
        if after_negative && value > 0 {
            out.push(b'+');
        }
        write_int(value, out);
        out.push(b' ');
        out.extend_from_slice(unit.as_bytes());
        if value != 1 {
            out.push(b's');
        }
        // A plus sign is needed only where a minus came right before.
        after_negative = value < 0;
        first = false;
    }
    if first || span.micros != 0 {
        if !first {
            out.push(b' ');
        }
        if span.micros < 0 {
            out.push(b'-');
        } else if after_negative {
            out.push(b'+');
        }
        write_clock(parts, true, out);
    }
}

fn write_verbose(span: Span, parts: &Parts, out: &mut Vec<u8>) {
    out.push(b'@');
    let mut zero = true;
    // The first field decides "ago"; the others are shown relative to it.
    let mut ago = false;
    for (value, unit) in [
        (parts.years, "year"),
        (parts.months, "mon"),
        (parts.days, "day"),
        (parts.hours, "hour"),
        (parts.minutes, "min"),
    ] {
        if value == 0 {
            continue;
        }
        let shown = if zero {
            ago = value < 0;
            value.abs()
        } else if ago {
            -value
        } else {
            value
        };
        zero = false;
        out.push(b' ');
        write_int(shown, out);
        out.push(b' ');
        out.extend_from_slice(unit.as_bytes());
        if shown != 1 {
            out.push(b's');
        }
    }
    if parts.seconds != 0 || parts.micros != 0 {
        out.push(b' ');
        let negative = span.micros < 0;
        if zero {
            ago = negative;
        } else if negative != ago {
            out.push(b'-');
        }
        zero = false;
        write_int(parts.seconds.abs(), out);
        write_fraction(parts.micros.abs(), out);
        out.extend_from_slice(b" sec");
        if parts.seconds.abs() != 1 || parts.micros != 0 {
            out.push(b's');
        }
    }
    if zero {
        out.extend_from_slice(b" 0");
    }
    if ago {
        out.extend_from_slice(b" ago");
    }
}

fn write_sql(span: Span, parts: &Parts, out: &mut Vec<u8>) {
    let signs = [i64::from(span.months), i64::from(span.days), span.micros];
    let has_negative = signs.iter().any(|value| *value < 0);
    let has_positive = signs.iter().any(|value| *value > 0);
    let has_year_month = span.months != 0;
    let has_day_time = span.days != 0 || span.micros != 0;
    let sign = |value: i64| if value < 0 { b'-' } else { b'+' };
    if !has_negative && !has_positive {
        out.push(b'0');
    } else if (has_negative && has_positive) || (has_year_month && has_day_time) {
        // SQL has no word for these; every group carries a sign.
        out.push(sign(i64::from(span.months)));
        write_int(parts.years.abs(), out);
        out.push(b'-');
        write_int(parts.months.abs(), out);
        out.extend_from_slice(b" ");
        out.push(sign(parts.days));
        write_int(parts.days.abs(), out);
        out.push(b' ');
        out.push(sign(span.micros));
        write_clock(parts, false, out);
    } else {
        if has_negative {
            out.push(b'-');
        }
        if has_year_month {
            write_int(parts.years.abs(), out);
            out.push(b'-');
            write_int(parts.months.abs(), out);
        } else {
            if parts.days != 0 {
                write_int(parts.days.abs(), out);
                out.push(b' ');
            }
            write_clock(parts, false, out);
        }
    }
}

fn write_iso(span: Span, parts: &Parts, out: &mut Vec<u8>) {
    out.push(b'P');
    if span == Span::default() {
        out.extend_from_slice(b"T0S");
        return;
    }
    let field = |value: i64, unit: u8, out: &mut Vec<u8>| {
        if value != 0 {
            write_int(value, out);
            out.push(unit);
        }
    };
    field(parts.years, b'Y', out);
    field(parts.months, b'M', out);
    field(parts.days, b'D', out);
    if span.micros != 0 {
        out.push(b'T');
        field(parts.hours, b'H', out);
        field(parts.minutes, b'M', out);
        if parts.seconds != 0 || parts.micros != 0 {
            if span.micros < 0 {
                out.push(b'-');
            }
            write_int(parts.seconds.abs(), out);
            write_fraction(parts.micros.abs(), out);
            out.push(b'S');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Months, days, microseconds; then PostgreSQL 15's text in each style.
    const CASES: &[(i32, i32, i64, [&str; 4])] = &[
        (0, 0, 0, ["00:00:00", "@ 0", "0", "PT0S"]),
        (
            14,
            3,
            14_706_789_000,
            [
                "1 year 2 mons 3 days 04:05:06.789",
                "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs",
                "+1-2 +3 +4:05:06.789",
                "P1Y2M3DT4H5M6.789S",
            ],
        ),
        (
            -14,
            3,
            -14_706_000_000,
            [
                "-1 years -2 mons +3 days -04:05:06",
                "@ 1 year 2 mons -3 days 4 hours 5 mins 6 secs ago",
                "-1-2 +3 -4:05:06",
                "P-1Y-2M3DT-4H-5M-6S",
            ],
        ),
        (0, 1, 0, ["1 day", "@ 1 day", "1 0:00:00", "P1D"]),
        (0, -1, 0, ["-1 days", "@ 1 day ago", "-1 0:00:00", "P-1D"]),
        (
            0,
            -1,
            7_200_000_000,
            [
                "-1 days +02:00:00",
                "@ 1 day -2 hours ago",
                "+0-0 -1 +2:00:00",
                "P-1DT2H",
            ],
        ),
        (
            1,
            -1,
            0,
            [
                "1 mon -1 days",
                "@ 1 mon -1 days",
                "+0-1 -1 +0:00:00",
                "P1M-1D",
            ],
        ),
        (
            0,
            0,
            1,
            [
                "00:00:00.000001",
                "@ 0.000001 secs",
                "0:00:00.000001",
                "PT0.000001S",
            ],
        ),
        (
            0,
            0,
            -500_000,
            ["-00:00:00.5", "@ 0.5 secs ago", "-0:00:00.5", "PT-0.5S"],
        ),
        (
            0,
            0,
            360_000_000_000,
            ["100:00:00", "@ 100 hours", "100:00:00", "PT100H"],
        ),
        (
            -25,
            0,
            0,
            ["-2 years -1 mons", "@ 2 years 1 mon ago", "-2-1", "P-2Y-1M"],
        ),
        (
            0,
            1,
            -1_000_000,
            [
                "1 day -00:00:01",
                "@ 1 day -1 sec",
                "+0-0 +1 -0:00:01",
                "P1DT-1S",
            ],
        ),
        (
            -1,
            3,
            -500_000,
            [
                "-1 mons +3 days -00:00:00.5",
                "@ 1 mon -3 days 0.5 secs ago",
                "-0-1 +3 -0:00:00.5",
                "P-1M3DT-0.5S",
            ],
        ),
        (
            -12,
            2,
            0,
            [
                "-1 years +2 days",
                "@ 1 year -2 days ago",
                "-1-0 +2 +0:00:00",
                "P-1Y2D",
            ],
        ),
    ];

    #[test]
    fn all_styles() {
        let styles = [
            IntervalStyle::Postgres,
            IntervalStyle::PostgresVerbose,
            IntervalStyle::SqlStandard,
            IntervalStyle::Iso8601,
        ];
        for (months, days, micros, want) in CASES {
            let span = Span {
                months: *months,
                days: *days,
                micros: *micros,
            };
            for (style, want) in styles.into_iter().zip(want) {
                let mut out = Vec::new();
                write_interval(span, style, &mut out);
                assert_eq!(String::from_utf8_lossy(&out), *want);
            }
        }
    }
}
