//! Splits date/time text into fields and says what each word means. The grammar is PostgreSQL's,
//! which takes almost any order: a field's shape decides what it can be, what was read before
//! decides what it is.

/// A field by its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Digits, perhaps with a point.
    Number,
    /// Something with `-`, `/` or `.` between: a date, or a zone's name.
    Date,
    /// Digits with colons.
    Time,
    /// A sign and digits: an offset from UTC.
    Offset,
    /// Letters.
    Word,
    /// A sign and letters: `-infinity`.
    Signed,
}

/// A field, its text in lower case.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) shape: Shape,
    pub(super) text: String,
}

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Month(u8),
    Weekday,
    Am,
    Pm,
    Bc,
    Ad,
    Now,
    Today,
    Tomorrow,
    Yesterday,
    Epoch,
    Infinity,
    /// Midnight UTC.
    Allballs,
    Zulu,
    /// `t`: a time follows.
    IsoTime,
    /// `j`: a Julian day follows.
    Julian,
    /// `at`, `on`: nothing.
    Noise,
    /// `dst` after an abbreviation.
    Daylight,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

/// The meaning of a word in lower case.
pub(super) fn word(text: &str) -> Option<Word> {
    if let Some(month) = month(text) {
        return Some(Word::Month(month));
    }
    let is_day = |name: &&str| *name == text || name[..3] == *text;
    if WEEKDAYS.iter().any(is_day) || matches!(text, "tues" | "weds" | "wednes" | "thur" | "thurs")
    {
        return Some(Word::Weekday);
    }
    Some(match text {
        "am" => Word::Am,
        "pm" => Word::Pm,
        "bc" => Word::Bc,
        "ad" => Word::Ad,
        "now" => Word::Now,
        "today" => Word::Today,
        "tomorrow" => Word::Tomorrow,
        "yesterday" => Word::Yesterday,
        "epoch" => Word::Epoch,
        "infinity" => Word::Infinity,
        "allballs" => Word::Allballs,
        "z" | "zulu" => Word::Zulu,
        "t" => Word::IsoTime,
        "j" | "jd" | "julian" => Word::Julian,
        "at" | "on" => Word::Noise,
        "dst" => Word::Daylight,
        _ => return None,
    })
}

/// The number of a month by name.
pub(super) fn month(text: &str) -> Option<u8> {
    let found = MONTHS
        .iter()
        .position(|name| *name == text || name[..3] == *text);
    let found = found.or((text == "sept").then_some(8))?;
    u8::try_from(found + 1).ok()
}

/// Splits `text`; `None` if it has a character that no field has.
pub(super) fn split(text: &str) -> Option<Vec<Token>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    let run = |from: usize, take: &dyn Fn(u8) -> bool| {
        let length = bytes[from..].iter().take_while(|byte| take(**byte)).count();
        from + length
    };
    let digit = |byte: u8| byte.is_ascii_digit();
    while at < bytes.len() {
        let byte = bytes[at];
        if super::is_space(byte) {
            at += 1;
            continue;
        }
        let (shape, end) = if byte.is_ascii_digit() {
            let end = run(at, &digit);
            match bytes.get(end) {
                Some(b':') => {
                    let in_time = |byte: u8| byte.is_ascii_digit() || byte == b':' || byte == b'.';
                    (Shape::Time, run(end, &in_time))
                }
                Some(delimiter @ (b'-' | b'/' | b'.')) => {
                    if bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
                        let second = run(end + 1, &digit);
                        if bytes.get(second) == Some(delimiter) {
                            let rest = |byte: u8| byte.is_ascii_digit() || byte == *delimiter;
                            (Shape::Date, run(second, &rest))
                        } else if *delimiter == b'.' {
                            (Shape::Number, second)
                        } else {
                            (Shape::Date, second)
                        }
                    } else {
                        let rest = |byte: u8| byte.is_ascii_alphanumeric() || byte == *delimiter;
                        (Shape::Date, run(end, &rest))
                    }
                }
                _ => (Shape::Number, end),
            }
        } else if byte == b'.' {
            (Shape::Number, run(at + 1, &digit))
        } else if byte.is_ascii_alphabetic() {
            let end = run(at, &|byte| byte.is_ascii_alphabetic());
            let lower = text[at..end].to_ascii_lowercase();
            let compound = match bytes.get(end) {
                Some(b'-' | b'/' | b'.') => true,
                Some(b'+' | b'0'..=b'9') => word(&lower).is_none(),
                _ => false,
            };
            if compound {
                let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"+-/_.:".contains(&byte);
                (Shape::Date, run(end, &rest))
            } else {
                (Shape::Word, end)
            }
        } else if byte == b'+' || byte == b'-' {
            let mut start = at + 1;
            while bytes.get(start).is_some_and(|byte| super::is_space(*byte)) {
                start += 1;
            }
            let sign = char::from(byte);
            let (shape, end) = match bytes.get(start) {
                Some(b'0'..=b'9') => {
                    let rest = |byte: u8| byte.is_ascii_digit() || b":.-".contains(&byte);
                    (Shape::Offset, run(start, &rest))
                }
                Some(byte) if byte.is_ascii_alphabetic() => (
                    Shape::Signed,
                    run(start, &|byte| byte.is_ascii_alphabetic()),
                ),
                _ => return None,
            };
            let text = format!("{sign}{}", text[start..end].to_ascii_lowercase());
            tokens.push(Token { shape, text });
            at = end;
            continue;
        } else if byte.is_ascii_punctuation() {
            at += 1;
            continue;
        } else {
            return None;
        };
        tokens.push(Token {
            shape,
            text: text[at..end].to_ascii_lowercase(),
        });
        at = end;
    }
    Some(tokens)
}
