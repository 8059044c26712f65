//! `"char"`: one byte, held as the text it is shown as. That of no byte is empty, and bytes that
//! are no ASCII are shown as `\` and three octal digits.

use std::borrow::Cow;

/// The byte a text begins with or stands for.
pub fn read(text: &str) -> u8 {
    let octal = |digit: u8| (b'0'..=b'7').contains(&digit).then(|| digit - b'0');
    match text.as_bytes() {
        [b'\\', a, b, c] => match (octal(*a), octal(*b), octal(*c)) {
            // As PostgreSQL: of three digits that are more than a byte's the low bits count.
            (Some(a), Some(b), Some(c)) => (a << 6) | (b << 3) | c,
            _ => b'\\',
        },
        [first, ..] => *first,
        [] => 0,
    }
}

/// The text a byte is shown as.
pub fn shown(byte: u8) -> String {
    match byte {
        0 => String::new(),
        1..0x80 => char::from(byte).to_string(),
        _ => format!("\\{byte:o}"),
    }
}

/// A text as a `"char"` has it.
pub fn held(text: &str) -> Cow<'_, str> {
    match text.as_bytes() {
        [] => Cow::Borrowed(""),
        [first] if (1..0x80).contains(first) => Cow::Borrowed(text),
        _ => Cow::Owned(shown(read(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_text() {
        for (text, byte, shown_as) in [
            ("", 0, ""),
            ("abc", b'a', "a"),
            ("\\141", b'a', "a"),
            ("\\377", 255, "\\377"),
            ("\\38", b'\\', "\\"),
            ("é", 0xc3, "\\303"),
        ] {
            assert_eq!(read(text), byte, "{text}");
            assert_eq!(held(text), shown_as, "{text}");
        }
    }
}
