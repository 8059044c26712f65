//! Character encodings: clients may speak others than the server's UTF-8 (`client_encoding`), and
//! so may files.
//!
//! The tables are those of the WHATWG Encoding Standard, which agree with PostgreSQL's but where
//! said here. What has no table there (EUC_TW, JOHAB, MULE_INTERNAL, EUC_JIS_2004,
//! SHIFT_JIS_2004) is known by name and refused.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, EncoderResult};

use super::PgType;
use crate::base::{Error, Result, SqlState};

/// An encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    /// As PostgreSQL writes it.
    pub name: &'static str,
    /// PostgreSQL's number of it (`pg_encoding_to_char`).
    pub number: i32,
    /// Other names, without punctuation and in small letters; the first is the name's own.
    aliases: &'static [&'static str],
    table: Table,
}

/// How characters are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Table {
    /// UTF-8 itself, and SQL_ASCII, which says nothing of bytes: they are taken for UTF-8.
    Same,
    /// Every byte is the character of its number.
    Latin1,
    /// One byte a character; which of those from 0x80 to 0x9f the standard has for control
    /// characters is as told.
    Single(&'static encoding_rs::Encoding, Controls),
    /// One or more bytes a character.
    Multiple(&'static encoding_rs::Encoding),
    /// As [`Table::Multiple`], but every byte of those beyond ASCII is at least 0xa1: the encoding
    /// of the standard is a larger one of the same family.
    High(&'static encoding_rs::Encoding),
    /// None here.
    Missing,
}

/// What bytes from 0x80 to 0x9f are, if the table has control characters there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Controls {
    /// Those.
    Kept,
    /// Those, whatever the table has.
    Always,
    /// Nothing: PostgreSQL has no character there.
    Undefined,
}

macro_rules! encodings {
    ($($name:literal $number:literal $aliases:expr, $table:expr;)*) => {
        &[$(Encoding { name: $name, number: $number, aliases: &$aliases, table: $table }),*]
    };
}

use Controls::{Always, Kept, Undefined};
use Table::{High, Latin1, Missing, Multiple, Same, Single};

static ALL: &[Encoding] = encodings! {
    "UTF8" 6 ["utf8", "unicode"], Same;
    "SQL_ASCII" 0 ["sqlascii"], Same;
    "EUC_JP" 1 ["eucjp"], Multiple(encoding_rs::EUC_JP);
    "EUC_CN" 2 ["euccn"], High(encoding_rs::GBK);
    "EUC_KR" 3 ["euckr"], High(encoding_rs::EUC_KR);
    "EUC_TW" 4 ["euctw"], Missing;
    "EUC_JIS_2004" 5 ["eucjis2004"], Missing;
    "MULE_INTERNAL" 7 ["muleinternal"], Missing;
    "LATIN1" 8 ["latin1", "iso88591"], Latin1;
    "LATIN2" 9 ["latin2", "iso88592"], Single(encoding_rs::ISO_8859_2, Kept);
    "LATIN3" 10 ["latin3", "iso88593"], Single(encoding_rs::ISO_8859_3, Kept);
    "LATIN4" 11 ["latin4", "iso88594"], Single(encoding_rs::ISO_8859_4, Kept);
    "LATIN5" 12 ["latin5", "iso88599"], Single(encoding_rs::WINDOWS_1254, Always);
    "LATIN6" 13 ["latin6", "iso885910"], Single(encoding_rs::ISO_8859_10, Kept);
    "LATIN7" 14 ["latin7", "iso885913"], Single(encoding_rs::ISO_8859_13, Kept);
    "LATIN8" 15 ["latin8", "iso885914"], Single(encoding_rs::ISO_8859_14, Kept);
    "LATIN9" 16 ["latin9", "iso885915"], Single(encoding_rs::ISO_8859_15, Kept);
    "LATIN10" 17 ["latin10", "iso885916"], Single(encoding_rs::ISO_8859_16, Kept);
    "WIN1256" 18 ["win1256", "windows1256"], Single(encoding_rs::WINDOWS_1256, Undefined);
    "WIN1258" 19 ["win1258", "windows1258", "abc", "tcvn", "tcvn5712", "vscii"],
        Single(encoding_rs::WINDOWS_1258, Undefined);
    "WIN866" 20 ["win866", "windows866", "alt"], Single(encoding_rs::IBM866, Undefined);
    "WIN874" 21 ["win874", "windows874"], Single(encoding_rs::WINDOWS_874, Undefined);
    "KOI8R" 22 ["koi8r", "koi8"], Single(encoding_rs::KOI8_R, Undefined);
    "WIN1251" 23 ["win1251", "windows1251", "win"], Single(encoding_rs::WINDOWS_1251, Undefined);
    "WIN1252" 24 ["win1252", "windows1252"], Single(encoding_rs::WINDOWS_1252, Undefined);
    "ISO_8859_5" 25 ["iso88595"], Single(encoding_rs::ISO_8859_5, Kept);
    "ISO_8859_6" 26 ["iso88596"], Single(encoding_rs::ISO_8859_6, Kept);
    "ISO_8859_7" 27 ["iso88597"], Single(encoding_rs::ISO_8859_7, Kept);
    "ISO_8859_8" 28 ["iso88598"], Single(encoding_rs::ISO_8859_8, Kept);
    "WIN1250" 29 ["win1250", "windows1250"], Single(encoding_rs::WINDOWS_1250, Undefined);
    "WIN1253" 30 ["win1253", "windows1253"], Single(encoding_rs::WINDOWS_1253, Undefined);
    "WIN1254" 31 ["win1254", "windows1254"], Single(encoding_rs::WINDOWS_1254, Undefined);
    "WIN1255" 32 ["win1255", "windows1255"], Single(encoding_rs::WINDOWS_1255, Undefined);
    "WIN1257" 33 ["win1257", "windows1257"], Single(encoding_rs::WINDOWS_1257, Undefined);
    "KOI8U" 34 ["koi8u"], Single(encoding_rs::KOI8_U, Undefined);
    "SJIS" 35 ["sjis", "shiftjis", "mskanji", "win932", "windows932"],
        Multiple(encoding_rs::SHIFT_JIS);
    "BIG5" 36 ["big5", "win950", "windows950"], Multiple(encoding_rs::BIG5);
    "GBK" 37 ["gbk", "win936", "windows936"], Multiple(encoding_rs::GBK);
    "UHC" 38 ["uhc", "win949", "windows949"], Multiple(encoding_rs::EUC_KR);
    "GB18030" 39 ["gb18030"], Multiple(encoding_rs::GB18030);
    "JOHAB" 40 ["johab"], Missing;
    "SHIFT_JIS_2004" 41 ["shiftjis2004"], Missing;
};

impl Encoding {
    /// The server's own.
    pub const UTF8: &'static Self = &ALL[0];

    /// The encoding of a name, however it is punctuated.
    pub fn named(name: &str) -> Option<&'static Self> {
        if let Some(exact) = ALL.iter().find(|encoding| encoding.name == name) {
            return Some(exact);
        }
        let clean: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        ALL.iter()
            .find(|encoding| encoding.aliases.contains(&clean.as_str()))
    }

    /// The encoding of PostgreSQL's number.
    pub fn numbered(number: i32) -> Option<&'static Self> {
        ALL.iter().find(|encoding| encoding.number == number)
    }

    /// Whether text need not be converted.
    pub fn is_same(&self) -> bool {
        self.table == Same
    }

    /// Whether text can be converted.
    pub fn is_known(&self) -> bool {
        self.table != Missing
    }

    /// Bytes in this encoding as text.
    ///
    /// # Errors
    /// `22021` bytes that are none of it, `22P05` a character that UTF-8 has not.
    pub fn decode<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, str>> {
        // No text holds one, whatever its encoding.
        if memchr::memchr(0, bytes).is_some() {
            return Err(self.invalid(&[0]));
        }
        // Every encoding has ASCII as it is.
        if let Some(text) = ascii(bytes) {
            return Ok(Cow::Borrowed(text));
        }
        match self.table {
            Same => super::binary::utf8(bytes).map(Cow::Borrowed),
            Latin1 => Ok(Cow::Owned(
                bytes.iter().map(|byte| char::from(*byte)).collect(),
            )),
            Single(table, controls) => bytes
                .iter()
                .map(|byte| {
                    self.single(*byte, table, controls)
                        .ok_or_else(|| self.untranslatable(&[*byte], Self::UTF8))
                })
                .collect::<Result<String>>()
                .map(Cow::Owned),
            Multiple(table) | High(table) => self.multiple(bytes, table).map(Cow::Owned),
            Missing => Err(self.unconvertible()),
        }
    }

    fn single(
        &self,
        byte: u8,
        table: &'static encoding_rs::Encoding,
        controls: Controls,
    ) -> Option<char> {
        if controls == Always && (0x80..=0x9f).contains(&byte) {
            return Some(char::from(byte));
        }
        let one = [byte];
        let text = table.decode_without_bom_handling_and_without_replacement(&one)?;
        let character = text.chars().next()?;
        let control = ('\u{80}'..='\u{9f}').contains(&character);
        (!control || controls != Undefined).then_some(character)
    }

    fn multiple(&self, bytes: &[u8], table: &'static encoding_rs::Encoding) -> Result<String> {
        let mut decoder = table.new_decoder_without_bom_handling();
        let mut text = String::new();
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let more = decoder.max_utf8_buffer_length_without_replacement(rest.len());
            text.reserve(more.unwrap_or(rest.len() * 4 + 16));
            let (result, read) =
                decoder.decode_to_string_without_replacement(rest, &mut text, true);
            at += read;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(length, after) => {
                    let end = at.saturating_sub(usize::from(after));
                    let start = end.saturating_sub(usize::from(length));
                    // As many bytes as the first announces, or are left.
                    let announced = match bytes.get(start) {
                        Some(0x8f) if self.name == "EUC_JP" => 3,
                        _ => 2,
                    };
                    let rest = &bytes[start..];
                    return Err(self.invalid(&rest[..announced.min(rest.len())]));
                }
            }
        }
        if matches!(self.table, High(_))
            && let Some(wrong) = bytes.iter().position(|byte| (0x80..=0xa0).contains(byte))
        {
            let start = wrong.saturating_sub(1);
            return Err(self.invalid(&bytes[start..=wrong]));
        }
        Ok(text)
    }

    /// Text as bytes in this encoding.
    ///
    /// # Errors
    /// `22P05` for a character that it does not have.
    pub fn encode<'a>(&self, text: &'a str) -> Result<Cow<'a, [u8]>> {
        if self.is_same() || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        if self.table == Missing {
            return Err(self.unconvertible());
        }
        let mut out = Vec::with_capacity(text.len());
        for character in text.chars() {
            self.push(character, &mut out)
                .ok_or_else(|| self.lacks(character))?;
        }
        Ok(Cow::Owned(out))
    }

    /// As [`Encoding::encode`], with a question mark for what the encoding does not have: for
    /// messages, which must arrive.
    pub fn encode_lossy<'a>(&self, text: &'a str) -> Cow<'a, [u8]> {
        if self.is_same() || text.is_ascii() {
            return Cow::Borrowed(text.as_bytes());
        }
        let mut out = Vec::with_capacity(text.len());
        for character in text.chars() {
            if self.push(character, &mut out).is_none() {
                out.push(b'?');
            }
        }
        Cow::Owned(out)
    }

    /// Appends a character; `None` if the encoding does not have it.
    fn push(&self, character: char, out: &mut Vec<u8>) -> Option<()> {
        if let Ok(ascii @ 0..=0x7f) = u8::try_from(character) {
            out.push(ascii);
            return Some(());
        }
        let control = ('\u{80}'..='\u{9f}').contains(&character);
        let table = match self.table {
            Same => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            Latin1 => {
                out.push(u8::try_from(character).ok()?);
                return Some(());
            }
            Single(_, Always) if control => {
                out.push(u8::try_from(character).ok()?);
                return Some(());
            }
            Single(_, Undefined) if control => return None,
            Single(table, _) | Multiple(table) | High(table) => table,
            Missing => return None,
        };
        let mut utf8 = [0; 4];
        let mut bytes = [0; 8];
        let (result, _, written) = table.new_encoder().encode_from_utf8_without_replacement(
            character.encode_utf8(&mut utf8),
            &mut bytes,
            true,
        );
        if result != EncoderResult::InputEmpty {
            return None;
        }
        let bytes = &bytes[..written];
        let foreign = match self.table {
            Single(_, Always) => bytes.iter().any(|byte| (0x80..=0x9f).contains(byte)),
            High(_) => bytes.iter().any(|byte| *byte < 0xa1),
            _ => false,
        };
        if foreign {
            return None;
        }
        out.extend_from_slice(bytes);
        Some(())
    }

    /// Makes of `out[from..]`, which is UTF-8, this encoding, in place.
    ///
    /// # Errors
    /// As [`Encoding::encode`].
    pub fn encode_tail(&self, from: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.is_same() || out[from..].is_ascii() {
            return Ok(());
        }
        let text = super::binary::utf8(&out[from..])?.to_owned();
        let encoded = self.encode(&text)?;
        out.truncate(from);
        out.extend_from_slice(&encoded);
        Ok(())
    }

    /// A client's value of type `ty` in binary, as the server has it.
    ///
    /// # Errors
    /// As [`Encoding::decode`].
    pub fn decode_binary<'a>(&self, bytes: &'a [u8], ty: PgType) -> Result<Cow<'a, [u8]>> {
        recode(bytes, ty, &|part| {
            Ok(self.decode(part)?.into_owned().into_bytes())
        })
    }

    /// Makes of `out[from..]`, the server's binary of a value of type `ty`, what the client has.
    ///
    /// # Errors
    /// As [`Encoding::encode`].
    pub fn encode_binary(&self, from: usize, ty: PgType, out: &mut Vec<u8>) -> Result<()> {
        let encode = |part: &[u8]| Ok(self.encode(super::binary::utf8(part)?)?.into_owned());
        if let Cow::Owned(encoded) = recode(&out[from..], ty, &encode)? {
            out.truncate(from);
            out.extend_from_slice(&encoded);
        }
        Ok(())
    }

    fn lacks(&self, character: char) -> Error {
        Self::UTF8.untranslatable(character.encode_utf8(&mut [0; 4]).as_bytes(), self)
    }

    fn untranslatable(&self, bytes: &[u8], to: &Self) -> Error {
        Error::new(
            SqlState::UNTRANSLATABLE_CHARACTER,
            format!(
                "character with byte sequence {} in encoding \"{}\" has no equivalent in encoding \
                 \"{}\"",
                shown(bytes),
                self.name,
                to.name
            ),
        )
    }

    fn invalid(&self, bytes: &[u8]) -> Error {
        Error::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!(
                "invalid byte sequence for encoding \"{}\": {}",
                self.name,
                shown(bytes)
            ),
        )
    }

    /// `0A000`
    pub fn unconvertible(&self) -> Error {
        Error::unsupported(format!("conversion between {} and UTF8", self.name))
    }
}

/// The bytes as text, if all are ASCII.
fn ascii(bytes: &[u8]) -> Option<&str> {
    let plain = bytes.is_ascii();
    std::str::from_utf8(bytes).ok().filter(|_| plain)
}

fn shown(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
    shown.join(" ")
}

/// A value in binary with its texts changed: the value itself, that of a jsonb after its version,
/// or the elements of an array.
fn recode<'a>(
    bytes: &'a [u8],
    ty: PgType,
    change: &impl Fn(&[u8]) -> Result<Vec<u8>>,
) -> Result<Cow<'a, [u8]>> {
    if bytes.is_ascii() && ty.element().is_none() {
        return Ok(Cow::Borrowed(bytes));
    }
    if let Some(element) = ty.element().filter(|element| is_text(*element)) {
        return elements(bytes, element, change).map(|changed| match changed {
            Some(changed) => Cow::Owned(changed),
            None => Cow::Borrowed(bytes),
        });
    }
    if !is_text(ty) {
        return Ok(Cow::Borrowed(bytes));
    }
    let versioned = [PgType::JSONB.oid, PgType::JSONPATH.oid].contains(&ty.oid);
    let (head, text) = bytes.split_at(usize::from(versioned && !bytes.is_empty()));
    let mut changed = head.to_vec();
    changed.extend(change(text)?);
    Ok(Cow::Owned(changed))
}

/// Whether values of a type travel in binary as text.
fn is_text(ty: PgType) -> bool {
    ty.is_enum()
        || [PgType::JSON.oid, PgType::JSONB.oid, PgType::JSONPATH.oid].contains(&ty.oid)
        || matches!(ty.info().category, 'S' | 'X' | 'Z') && ty.oid != PgType::BYTEA.oid
}

/// An array in binary: dimensions, flags, element type; for each dimension its length and first
/// subscript; for each element its length and bytes. `None` if it is not of this form, which
/// whoever reads it will say.
fn elements(
    bytes: &[u8],
    element: PgType,
    change: &impl Fn(&[u8]) -> Result<Vec<u8>>,
) -> Result<Option<Vec<u8>>> {
    let Some((head, _)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let dimensions = usize::try_from(i32::from_be_bytes(*head)).unwrap_or(usize::MAX);
    let Some((head, mut rest)) = dimensions
        .checked_mul(8)
        .and_then(|more| bytes.split_at_checked(more.checked_add(12)?))
    else {
        return Ok(None);
    };
    let mut changed = head.to_vec();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let Ok(size) = usize::try_from(i32::from_be_bytes(*length)) else {
            changed.extend_from_slice(length);
            rest = after;
            continue;
        };
        let Some((value, after)) = after.split_at_checked(size) else {
            return Ok(None);
        };
        let value = recode(value, element, change)?;
        let size = i32::try_from(value.len()).unwrap_or(i32::MAX);
        changed.extend_from_slice(&size.to_be_bytes());
        changed.extend_from_slice(&value);
        rest = after;
    }
    changed.extend_from_slice(rest);
    Ok(Some(changed))
}

/// Turns a stream in an encoding into UTF-8, whatever its pieces cut in two.
#[derive(Debug)]
pub struct Widener {
    encoding: &'static Encoding,
    /// Bytes of a character whose rest is to come.
    held: Vec<u8>,
}

impl Widener {
    /// Of a stream's encoding.
    pub fn new(encoding: &'static Encoding) -> Self {
        Self {
            encoding,
            held: Vec::new(),
        }
    }

    /// A piece of the stream in UTF-8; `last` if none follows.
    ///
    /// # Errors
    /// As [`Encoding::decode`].
    pub fn widen(&mut self, bytes: Vec<u8>, last: bool) -> Result<Vec<u8>> {
        if self.encoding.is_same() {
            return Ok(bytes);
        }
        let mut bytes = match self.held.is_empty() {
            true => bytes,
            false => [std::mem::take(&mut self.held), bytes].concat(),
        };
        if !last && matches!(self.encoding.table, Multiple(_) | High(_)) {
            // No later byte of a character is that of a line's end.
            let whole = bytes.iter().rposition(|byte| *byte == b'\n');
            self.held = bytes.split_off(whole.map_or(0, |at| at + 1));
        }
        match self.encoding.decode(&bytes)? {
            Cow::Borrowed(_) => Ok(bytes),
            Cow::Owned(text) => Ok(text.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(name: &str) -> &'static Encoding {
        Encoding::named(name).unwrap()
    }

    #[test]
    fn texts_round_trip() {
        for (name, text, bytes) in [
            ("latin1", "é\u{85}", &b"\xe9\x85"[..]),
            ("LATIN9", "€", b"\xa4"),
            ("ISO-8859-9", "ğ\u{80}", b"\xf0\x80"),
            ("windows-1252", "€é", b"\x80\xe9"),
            ("KOI8R", "я", b"\xd1"),
            ("EUC_JP", "日本", b"\xc6\xfc\xcb\xdc"),
            ("SJIS", "ソ", b"\x83\x5c"),
            ("EUC_KR", "한", b"\xc7\xd1"),
            ("UHC", "똠", b"\x8c\x63"),
            ("EUC_CN", "中", b"\xd6\xd0"),
            ("GB18030", "𠀀", b"\x95\x32\x82\x36"),
            ("BIG5", "中", b"\xa4\xa4"),
        ] {
            let encoding = encoding(name);
            assert_eq!(&*encoding.encode(text).unwrap(), bytes, "{name}");
            assert_eq!(encoding.decode(bytes).unwrap(), text, "{name}");
        }
    }

    #[test]
    fn says_what_is_missing() {
        let error = encoding("LATIN1").encode("a€").unwrap_err();
        assert_eq!(error.state(), SqlState::UNTRANSLATABLE_CHARACTER);
        assert_eq!(
            error.message(),
            "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in \
             encoding \"LATIN1\""
        );
        assert_eq!(&*encoding("LATIN1").encode_lossy("a€é"), b"a?\xe9");
        for (name, text) in [("LATIN5", "€"), ("EUC_KR", "똠"), ("WIN1252", "\u{81}")] {
            assert!(encoding(name).encode(text).is_err(), "{name}");
        }
        let error = encoding("EUC_JP").decode(b"a\xc6").unwrap_err();
        assert_eq!(
            error.message(),
            "invalid byte sequence for encoding \"EUC_JP\": 0xc6"
        );
        assert!(encoding("WIN1252").decode(b"\x81").is_err());
        assert_eq!(
            encoding("JOHAB").decode(b"\x81").unwrap_err().state(),
            SqlState::FEATURE_NOT_SUPPORTED
        );
    }

    #[test]
    fn streams_are_cut_anywhere() {
        let bytes = b"\xc6\xfc\n\xcb\xdc\n\xc6\xfc";
        for cut in 0..bytes.len() {
            let mut widener = Widener::new(encoding("EUC_JP"));
            let mut text = widener.widen(bytes[..cut].to_vec(), false).unwrap();
            text.extend(widener.widen(bytes[cut..].to_vec(), true).unwrap());
            assert_eq!(String::from_utf8(text).unwrap(), "日\n本\n日");
        }
    }

    #[test]
    fn arrays_in_binary_have_their_elements_changed() {
        let texts = PgType::TEXT.array().unwrap();
        let mut bytes = Vec::new();
        for number in [1, 1, 25, 2, 1, 2] {
            bytes.extend_from_slice(&i32::to_be_bytes(number));
        }
        bytes.extend_from_slice("é".as_bytes());
        bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        let before = bytes.clone();
        encoding("LATIN1")
            .encode_binary(0, texts, &mut bytes)
            .unwrap();
        assert_eq!(bytes.len(), before.len() - 1);
        let back = encoding("LATIN1").decode_binary(&bytes, texts).unwrap();
        assert_eq!(&*back, before);
    }
}
