//! `to_char`'s template patterns for dates and times (PostgreSQL manual, table 9.26), split into
//! pieces once per text.

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text as it stands.
    Text(String),
    /// A field, with its modifiers.
    Field {
        /// Which.
        field: Field,
        /// How its letters are cased.
        case: Case,
        /// `FM`: without padding.
        bare: bool,
        /// `TH` or `th`: with an ordinal suffix; true for capitals.
        ordinal: Option<bool>,
    },
}

/// How the template spells a field that is a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

/// A field of a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Hour12,
    Hour24,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    /// `FF1` to `FF6`
    Fraction(u32),
    SecondOfDay,
    /// `AM`; true with points (`A.M.`)
    Meridiem(bool),
    /// `Y,YYY`
    YearComma,
    /// The last so many digits of the year.
    Year(usize),
    /// Of the ISO week-numbering year.
    IsoYear(usize),
    /// `BC`; true with points
    Era(bool),
    MonthName,
    MonthShort,
    Month,
    MonthRoman,
    DayName,
    DayShort,
    DayOfYear,
    IsoDayOfYear,
    Day,
    /// 1 is Sunday.
    DayOfWeek,
    /// 1 is Monday.
    IsoDayOfWeek,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Century,
    Julian,
    Quarter,
    Zone,
    ZoneHours,
    ZoneMinutes,
    Offset,
}

use Field as F;

/// Longest first among those that share a beginning.
const FIELDS: &[(&str, Field)] = &[
    ("A.D.", F::Era(true)),
    ("A.M.", F::Meridiem(true)),
    ("AD", F::Era(false)),
    ("AM", F::Meridiem(false)),
    ("B.C.", F::Era(true)),
    ("BC", F::Era(false)),
    ("CC", F::Century),
    ("DAY", F::DayName),
    ("DDD", F::DayOfYear),
    ("DD", F::Day),
    ("DY", F::DayShort),
    ("D", F::DayOfWeek),
    ("FF1", F::Fraction(1)),
    ("FF2", F::Fraction(2)),
    ("FF3", F::Fraction(3)),
    ("FF4", F::Fraction(4)),
    ("FF5", F::Fraction(5)),
    ("FF6", F::Fraction(6)),
    ("HH24", F::Hour24),
    ("HH12", F::Hour12),
    ("HH", F::Hour12),
    ("IDDD", F::IsoDayOfYear),
    ("ID", F::IsoDayOfWeek),
    ("IW", F::IsoWeek),
    ("IYYY", F::IsoYear(4)),
    ("IYY", F::IsoYear(3)),
    ("IY", F::IsoYear(2)),
    ("I", F::IsoYear(1)),
    ("J", F::Julian),
    ("MI", F::Minute),
    ("MM", F::Month),
    ("MONTH", F::MonthName),
    ("MON", F::MonthShort),
    ("MS", F::Millisecond),
    ("OF", F::Offset),
    ("P.M.", F::Meridiem(true)),
    ("PM", F::Meridiem(false)),
    ("Q", F::Quarter),
    ("RM", F::MonthRoman),
    ("SSSSS", F::SecondOfDay),
    ("SSSS", F::SecondOfDay),
    ("SS", F::Second),
    ("TZH", F::ZoneHours),
    ("TZM", F::ZoneMinutes),
    ("TZ", F::Zone),
    ("US", F::Microsecond),
    ("WW", F::WeekOfYear),
    ("W", F::WeekOfMonth),
    ("Y,YYY", F::YearComma),
    ("YYYY", F::Year(4)),
    ("YYY", F::Year(3)),
    ("YY", F::Year(2)),
    ("Y", F::Year(1)),
];

/// Splits a template.
pub(super) fn split(template: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = template;
    let mut bare = false;
    while let Some(first) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((index, c)) = chars.next() {
                match c {
                    '"' => {
                        end = index + 1;
                        break;
                    }
                    '\\' => text.extend(chars.next().map(|(_, c)| c)),
                    c => text.push(c),
                }
            }
            push_text(&mut pieces, &text);
            rest = &quoted[end..];
            continue;
        }
        let upper = |text: &str, length: usize| {
            text.get(..length)
                .map(str::to_ascii_uppercase)
                .unwrap_or_default()
        };
        // Prefix modifiers: FM lasts for one field; TM and FX change nothing where names are
        // English.
        match upper(rest, 2).as_str() {
            "FM" => {
                bare = true;
                rest = &rest[2..];
                continue;
            }
            "TM" | "FX" => {
                rest = &rest[2..];
                continue;
            }
            _ => {}
        }
        let found = FIELDS
            .iter()
            .find(|(name, _)| upper(rest, name.len()) == *name);
        match found {
            Some((name, field)) => {
                let spelled = &rest[..name.len()];
                rest = &rest[name.len()..];
                let ordinal = match rest.get(..2) {
                    Some("TH") => Some(true),
                    Some("th") => Some(false),
                    _ => None,
                };
                if ordinal.is_some() {
                    rest = &rest[2..];
                }
                pieces.push(Piece::Field {
                    field: *field,
                    case: case(spelled),
                    bare,
                    ordinal,
                });
                bare = false;
            }
            None => {
                push_text(&mut pieces, first.encode_utf8(&mut [0; 4]));
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    pieces
}

fn push_text(pieces: &mut Vec<Piece>, more: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push_str(more),
        _ => pieces.push(Piece::Text(more.to_owned())),
    }
}

fn case(spelled: &str) -> Case {
    let mut letters = spelled.chars().filter(char::is_ascii_alphabetic);
    match (letters.next(), letters.next()) {
        (Some(first), _) if first.is_ascii_lowercase() => Case::Lower,
        (Some(_), Some(second)) if second.is_ascii_lowercase() => Case::Title,
        _ => Case::Upper,
    }
}

/// English names of months and days.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// From Sunday.
pub(super) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
/// Months in Roman numerals.
pub(super) const ROMAN: [&str; 12] = [
    "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII",
];

impl Case {
    /// The word so cased.
    pub(super) fn apply(self, word: &str) -> String {
        match self {
            Self::Upper => word.to_uppercase(),
            Self::Title => word.to_owned(),
            Self::Lower => word.to_lowercase(),
        }
    }
}
