//! Control messages in the client's encoding: pgwire writes their texts as UTF-8.
//!
//! A character that the client's encoding does not have becomes a question mark here: messages must
//! arrive. Values are another matter ([`super::encode`]).

use crate::types::Encoding;

/// Bytes of a RowDescription's column behind its name.
const COLUMN_BYTES: usize = 18;

/// Appends a whole message, its texts in `encoding`.
pub(super) fn message(message: &[u8], encoding: &Encoding, out: &mut Vec<u8>) {
    let start = out.len();
    let (head, mut rest) = message.split_at(message.len().min(5));
    out.extend_from_slice(head);
    match head.first() {
        // Fields: a letter and a text each, and a zero after the last.
        Some(b'E' | b'N') => {
            while let Some((letter @ 1.., after)) = rest.split_first() {
                out.push(*letter);
                rest = text(after, encoding, out);
            }
        }
        // A count, then columns.
        Some(b'T') => {
            rest = copied(rest, 2, out);
            while rest.len() > COLUMN_BYTES {
                rest = text(rest, encoding, out);
                rest = copied(rest, COLUMN_BYTES, out);
            }
        }
        // A process, a channel, a payload.
        Some(b'A') => {
            rest = copied(rest, 4, out);
            rest = text(rest, encoding, out);
            rest = text(rest, encoding, out);
        }
        // A name and a value.
        Some(b'S') => {
            rest = text(rest, encoding, out);
            rest = text(rest, encoding, out);
        }
        // Others hold no text that is not ASCII.
        _ => {}
    }
    out.extend_from_slice(rest);
    // The length does not count the letter before it.
    let length = u32::try_from(out.len() - start - 1).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start + 1..start + 5) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends the text at the start of `rest` and its zero; what comes after.
fn text<'a>(rest: &'a [u8], encoding: &Encoding, out: &mut Vec<u8>) -> &'a [u8] {
    let length = memchr::memchr(0, rest).unwrap_or(rest.len());
    let (text, after) = rest.split_at(length);
    // It was written from a string.
    let text = String::from_utf8_lossy(text);
    out.extend_from_slice(&encoding.encode_lossy(&text));
    copied(after, 1, out)
}

/// Appends bytes as they are; what comes after.
fn copied<'a>(rest: &'a [u8], bytes: usize, out: &mut Vec<u8>) -> &'a [u8] {
    let (same, after) = rest.split_at(bytes.min(rest.len()));
    out.extend_from_slice(same);
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_converted_and_lengths_with_them() {
        let latin1 = Encoding::named("latin1").unwrap();
        let mut out = b"before".to_vec();
        message("E\0\0\0\u{10}SERROR\0Mé€\0\0".as_bytes(), latin1, &mut out);
        assert_eq!(out, b"beforeE\0\0\0\x10SERROR\0M\xe9?\0\0");
        let mut row = "T\0\0\0\u{1c}\0\u{1}é\0".as_bytes().to_vec();
        row.extend_from_slice(&[7; COLUMN_BYTES]);
        let mut out = Vec::new();
        message(&row, latin1, &mut out);
        assert_eq!(&out[..9], b"T\0\0\0\x1a\0\x01\xe9\0");
        assert_eq!(out[9..], [7; COLUMN_BYTES]);
    }
}
