//! ENCODING 'LATIN1': every byte is the character of its number.

use crate::base::Result;
use crate::functions::no_latin1;

/// The bytes as UTF-8.
pub(super) fn widen(bytes: Vec<u8>) -> Vec<u8> {
    if bytes.is_ascii() {
        return bytes;
    }
    let characters = bytes.iter().map(|byte| char::from(*byte));
    characters.collect::<String>().into_bytes()
}

/// Makes UTF-8 from `at` on LATIN1, in place.
///
/// # Errors
/// `22P05` for a character it does not have.
pub(super) fn narrow(at: usize, out: &mut Vec<u8>) -> Result<()> {
    if out[at..].is_ascii() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&out[at..]).into_owned();
    out.truncate(at);
    for character in text.chars() {
        out.push(u8::try_from(character).map_err(|_| no_latin1(character))?);
    }
    Ok(())
}
