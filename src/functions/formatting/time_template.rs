//! Templates of dates and times (PostgreSQL manual, table 9.26), taken apart: the same for writing
//! and for reading.

/// One piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A character that stands for itself.
    Text(char),
    /// A blank or a punctuation mark outside quotes: read as any of them, or none.
    Separator(char),
    /// `FX`: what follows is read to the letter.
    Exact,
    /// A field.
    Field(Spelled),
}

/// A field as a template has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spelled {
    /// Which.
    pub(super) field: Field,
    /// Its name in capitals.
    pub(super) name: &'static str,
    /// How its letters are cased.
    pub(super) case: Case,
    /// `FM`: without padding.
    pub(super) bare: bool,
    /// `TM`: in the session's language, which is English; without padding.
    pub(super) translated: bool,
    /// `TH` or `th`: with an ordinal suffix; true for capitals.
    pub(super) ordinal: Option<bool>,
}

/// How the template spells a field that is a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

impl Case {
    /// The word so cased; it is given with a capital, or all in capitals.
    pub(super) fn apply(self, word: &str) -> String {
        match self {
            Self::Upper => word.to_ascii_uppercase(),
            Self::Title => word.to_owned(),
            Self::Lower => word.to_ascii_lowercase(),
        }
    }
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
    Year(u32),
    /// Of the ISO week-numbering year.
    IsoYear(u32),
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

/// Fields by name. Longer names first among those that begin alike.
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

/// How `spelled` spells `name`; `None` if it does not.
fn case(spelled: &str, name: &str, field: Field) -> Option<Case> {
    if !spelled.eq_ignore_ascii_case(name) {
        return None;
    }
    let is_lower = |text: &str| !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let named = matches!(
        field,
        F::DayName | F::DayShort | F::MonthName | F::MonthShort
    );
    if spelled == name {
        Some(Case::Upper)
    } else if is_lower(spelled) {
        Some(Case::Lower)
    } else {
        (named && is_lower(&spelled[1..])).then_some(Case::Title)
    }
}

/// The field a text begins with, and how it is spelled.
fn field(text: &str) -> Option<Spelled> {
    FIELDS.iter().find_map(|(name, field)| {
        let case = case(text.get(..name.len())?, name, *field)?;
        Some(Spelled {
            field: *field,
            name,
            case,
            bare: false,
            translated: false,
            ordinal: None,
        })
    })
}

impl Spelled {
    /// The name as the template has it.
    pub(super) fn shown(&self) -> String {
        match self.case {
            Case::Upper => self.name.to_owned(),
            Case::Lower => self.name.to_ascii_lowercase(),
            Case::Title => {
                let (first, rest) = self.name.split_at(1);
                first.to_owned() + &rest.to_ascii_lowercase()
            }
        }
    }

    /// Whether it is written in digits alone, so that a number before it has an end only by its
    /// width.
    pub(super) fn is_digits(&self) -> bool {
        !matches!(
            self.field,
            F::Meridiem(_)
                | F::Era(_)
                | F::MonthName
                | F::MonthShort
                | F::MonthRoman
                | F::DayName
                | F::DayShort
                | F::Zone
                | F::ZoneHours
                | F::Offset
        )
    }
}

/// Takes a template apart.
pub(super) fn parse(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        // One prefix at most, for the field right behind it.
        let prefix = rest.get(..2).unwrap_or_default();
        let bare = matches!(prefix, "FM" | "fm");
        let translated = matches!(prefix, "TM" | "tm");
        if bare || translated {
            rest = &rest[2..];
        }
        if matches!(rest.get(..2), Some("FX" | "fx")) {
            pieces.push(Piece::Exact);
            rest = suffix(&rest[2..]).0;
        } else if let Some(mut spelled) = field(rest) {
            (rest, spelled.ordinal) = suffix(&rest[spelled.name.len()..]);
            spelled.bare = bare;
            spelled.translated = translated;
            pieces.push(Piece::Field(spelled));
        } else if let Some(first) = rest.chars().next() {
            rest = super::literal(rest, first, |c, quoted| {
                pieces.push(match !quoted && is_separator(c) {
                    true => Piece::Separator(c),
                    false => Piece::Text(c),
                });
            });
        }
    }
    pieces
}

/// What follows the suffix a text may begin with, and whether that is an ordinal's, in capitals.
fn suffix(text: &str) -> (&str, Option<bool>) {
    let ordinal = match text.get(..2) {
        Some("TH") => Some(true),
        Some("th") => Some(false),
        // `SP` is known, and does nothing.
        Some("SP") => None,
        _ => return (text, None),
    };
    (&text[2..], ordinal)
}

fn is_separator(c: char) -> bool {
    is_space(c) || c.is_ascii_punctuation()
}

/// A blank as PostgreSQL knows them.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// Whether a byte of a text stands for any separator.
pub(super) fn is_separator_byte(byte: u8) -> bool {
    is_separator(char::from(byte))
}

/// Whether a byte of a text is a blank.
pub(super) fn is_space_byte(byte: u8) -> bool {
    is_space(char::from(byte))
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
