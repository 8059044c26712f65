//! `pg_settings`: what SHOW ALL shows, with where it comes from.

use arrow::record_batch::RecordBatch;
use chrono::Offset;
use chrono_tz::OffsetComponents;

use super::{Value, build};
use crate::base::Result;
use crate::pg_catalog::SystemRelation;
use crate::settings::{self, Context, Kind, Setting};
use crate::statement::StatementContext;

pub(super) fn pg_settings(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    // What SHOW ALL leaves out is not here either.
    let hidden = ["is_superuser", "role", "session_authorization"];
    let rows = settings::all()
        .iter()
        .filter(|setting| !hidden.contains(&setting.name))
        .map(|setting| Ok((setting, context.settings.show(setting.name)?)))
        .collect::<Result<Vec<_>>>()?;
    build::<(&Setting, String)>(
        relation,
        &rows,
        &[
            ("name", &|(setting, _)| setting.name.into()),
            ("setting", &|(setting, value)| {
                bare(&setting.kind, value).into()
            }),
            ("unit", &|(setting, _)| match setting.kind {
                Kind::Integer { unit, .. } | Kind::Real { unit, .. } if !unit.is_empty() => {
                    unit.into()
                }
                Kind::Integer { .. }
                | Kind::Bool
                | Kind::Real { .. }
                | Kind::Enum(_)
                | Kind::Text
                | Kind::List => Value::Null,
            }),
            ("category", &|(setting, _)| setting.category.into()),
            ("short_desc", &|(setting, _)| setting.description.into()),
            ("context", &|(setting, _)| {
                match setting.context {
                    Context::Internal => "internal",
                    Context::Postmaster => "postmaster",
                    Context::Superuser => "superuser",
                    Context::User => "user",
                }
                .into()
            }),
            ("vartype", &|(setting, _)| {
                match setting.kind {
                    Kind::Bool => "bool",
                    Kind::Integer { .. } => "integer",
                    Kind::Real { .. } => "real",
                    Kind::Enum(_) => "enum",
                    Kind::Text | Kind::List => "string",
                }
                .into()
            }),
            ("source", &|(setting, value)| {
                if value == setting.default {
                    "default"
                } else {
                    "session"
                }
                .into()
            }),
            ("min_val", &|(setting, _)| bound(setting, true)),
            ("max_val", &|(setting, _)| bound(setting, false)),
            ("enumvals", &|(setting, _)| match setting.kind {
                Kind::Enum(words) => words.to_vec().into(),
                Kind::Bool | Kind::Integer { .. } | Kind::Real { .. } | Kind::Text | Kind::List => {
                    Value::Null
                }
            }),
            ("boot_val", &|(setting, _)| {
                bare(&setting.kind, setting.default).into()
            }),
            ("reset_val", &|(setting, _)| {
                bare(&setting.kind, setting.default).into()
            }),
            ("pending_restart", &|_| false.into()),
        ],
    )
}

/// Time zones by name, with what they are called and how far from UTC they are now.
pub(super) fn pg_timezone_names(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let now = chrono::DateTime::from_timestamp_micros(context.statement_time).unwrap_or_default();
    build::<chrono_tz::Tz>(
        relation,
        &chrono_tz::TZ_VARIANTS,
        &[
            ("name", &|zone| zone.name().into()),
            ("abbrev", &|zone| {
                now.with_timezone(zone).format("%Z").to_string().into()
            }),
            ("utc_offset", &|zone| {
                let offset = now.with_timezone(zone).offset().fix().local_minus_utc();
                Value::Interval(0, 0, i64::from(offset) * 1_000_000)
            }),
            ("is_dst", &|zone| {
                let offset = *now.with_timezone(zone).offset();
                (!offset.dst_offset().is_zero()).into()
            }),
        ],
    )
}

/// Abbreviations of time zones.
pub(super) fn pg_timezone_abbrevs(
    relation: &SystemRelation,
    _: &StatementContext,
) -> Result<RecordBatch> {
    let rows: Vec<_> = crate::types::text::zone_abbreviations().collect();
    build::<(String, i64, bool)>(
        relation,
        &rows,
        &[
            ("abbrev", &|row| (&row.0).into()),
            ("utc_offset", &|row| {
                Value::Interval(0, 0, row.1 * 1_000_000)
            }),
            ("is_dst", &|row| row.2.into()),
        ],
    )
}

fn bound(setting: &Setting, least: bool) -> Value {
    match setting.kind {
        Kind::Integer { min, max, .. } => if least { min } else { max }.to_string().into(),
        Kind::Real { min, max, .. } => settings::general(if least { min } else { max }).into(),
        Kind::Bool | Kind::Enum(_) | Kind::Text | Kind::List => Value::Null,
    }
}

/// The value in the setting's base unit: `30s` of a setting in ms is `30000`. SHOW prints units,
/// `pg_settings` does not.
fn bare(kind: &Kind, shown: &str) -> String {
    let (Kind::Integer { unit, .. } | Kind::Real { unit, .. }) = kind else {
        return shown.to_owned();
    };
    let digits = shown.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = shown[digits.len()..].trim();
    match (digits.trim().parse::<f64>(), scale(suffix), scale(unit)) {
        (Ok(number), Some(from), Some(to)) if !suffix.is_empty() => {
            // Integers have 32 bits: none is cut.
            let value = number * from / to;
            match kind {
                Kind::Real { .. } => settings::general(value),
                _ => value.floor().to_string(),
            }
        }
        _ => shown.to_owned(),
    }
}

/// Milliseconds, or bytes, in a unit.
fn scale(unit: &str) -> Option<f64> {
    Some(match unit {
        "us" => 0.001,
        "ms" | "B" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        "kB" => 1_024.0,
        "8kB" => 8_192.0,
        "MB" => 1_048_576.0,
        "GB" => 1_073_741_824.0,
        "TB" => 1_099_511_627_776.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_the_base_unit() {
        let time = Kind::Integer {
            min: 0,
            max: i64::from(i32::MAX),
            unit: "ms",
        };
        assert_eq!(bare(&time, "30s"), "30000");
        assert_eq!(bare(&time, "0"), "0");
        assert_eq!(bare(&Kind::Bool, "on"), "on");
    }
}
