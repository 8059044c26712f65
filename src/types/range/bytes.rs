//! The bytes values travel in, as [`super`] says.

use super::{Bound, Digits, Point, Single, Span};
use crate::types::row;

/// Before the key of a row; no numeric's key begins with it.
const ROW: u8 = 0xff;

/// The bytes of a range or multirange.
pub fn encode(spans: &[Span]) -> Vec<u8> {
    let mut out = Vec::with_capacity(20 * spans.len());
    let mut shown = Vec::new();
    let mut put = |point: &Point, out: &mut Vec<u8>| match point {
        Point::Number(value) => {
            let ordered = value.cast_unsigned() ^ (1 << 63);
            out.extend_from_slice(&ordered.to_be_bytes());
        }
        Point::Numeric(digits) => {
            out.extend_from_slice(digits.key.as_bytes());
            shown.extend_from_slice(digits.text.as_bytes());
            shown.push(0);
        }
        Point::Row(row) => {
            out.push(ROW);
            row::write_bytes(&row.key, out);
            let length = u32::try_from(row.field.len()).unwrap_or(u32::MAX);
            shown.extend_from_slice(&length.to_be_bytes());
            shown.extend_from_slice(&row.field);
        }
    };
    for span in spans {
        match &span.lower.point {
            None => out.push(1),
            Some(point) => {
                out.push(2);
                put(point, &mut out);
                out.push(u8::from(!span.lower.inclusive));
            }
        }
        match &span.upper.point {
            None => out.push(2),
            Some(point) => {
                out.push(1);
                put(point, &mut out);
                out.push(u8::from(span.upper.inclusive));
            }
        }
    }
    if !shown.is_empty() {
        out.push(0);
        out.extend_from_slice(&shown);
    }
    out
}

/// Reads bytes that [`encode`] wrote.
struct Reader<'a> {
    bytes: &'a [u8],
    keyed: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    /// The bytes of a point; keys end by themselves ([`Extended::key`], [`row::write_bytes`]).
    fn point(&mut self) -> Option<&'a [u8]> {
        if !self.keyed {
            return self.take(8);
        }
        if self.bytes.first() == Some(&ROW) {
            let end = row::bytes_end(self.bytes.get(1..)?)?;
            return self.take(1 + end);
        }
        let last = match self.bytes.first()? {
            b'3' => 0,
            b'1' => 0x7f,
            _ => return self.take(1),
        };
        let digits = self.bytes.get(4..)?;
        let end = digits.iter().position(|byte| *byte == last)?;
        self.take(4 + end + 1)
    }

    /// A bound, beginning with `none` if there is no end: its point, and the byte behind.
    fn bound(&mut self, first: u8, none: u8) -> Option<Option<(&'a [u8], bool)>> {
        if first == none {
            return Some(None);
        }
        let point = self.point()?;
        Some(Some((point, self.byte()? == 1)))
    }

    /// The bounds of the next span; `None` behind the last.
    #[expect(clippy::type_complexity, reason = "two bounds")]
    fn span(&mut self) -> Option<[Option<(&'a [u8], bool)>; 2]> {
        let first = *self.bytes.first().filter(|byte| **byte != 0)?;
        self.bytes = &self.bytes[1..];
        let lower = self.bound(first, 1)?;
        let first = self.byte()?;
        Some([lower, self.bound(first, 2)?])
    }
}

/// What values with keys look like, in the order of their points.
struct Shown<'a>(&'a [u8]);

impl<'a> Shown<'a> {
    fn take(&mut self, count: usize, behind: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at_checked(count).unwrap_or((self.0, &[]));
        self.0 = rest.get(behind..).unwrap_or_default();
        head
    }

    fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        self.take(end.unwrap_or(self.0.len()), 1)
    }

    fn field(&mut self) -> &'a [u8] {
        let length = <[u8; 4]>::try_from(self.take(4, 0)).map_or(0, u32::from_be_bytes);
        self.take(usize::try_from(length).unwrap_or(usize::MAX), 0)
    }
}

/// What bytes say; `keyed` if the points in them are keys.
pub fn decode(bytes: &[u8], keyed: bool) -> Vec<Span> {
    let mut reader = Reader { bytes, keyed };
    let mut spans = Vec::new();
    let mut bounds = Vec::new();
    while let Some(span) = reader.span() {
        bounds.push(span);
    }
    let mut shown = Shown(reader.bytes.get(1..).unwrap_or_default());
    let mut bound = |bound: Option<(&[u8], bool)>, lower: bool| {
        let Some((bytes, marked)) = bound else {
            return Bound::NONE;
        };
        let point = match (<[u8; 8]>::try_from(bytes), bytes) {
            (Ok(number), _) if !keyed => {
                Point::Number((u64::from_be_bytes(number) ^ (1 << 63)).cast_signed())
            }
            (_, [ROW, key @ ..]) => Point::Row(Single {
                key: row::read_bytes(key),
                field: shown.field().to_vec(),
            }),
            _ => Point::Numeric(Digits {
                key: String::from_utf8_lossy(bytes).into_owned(),
                text: String::from_utf8_lossy(shown.text()).into_owned(),
            }),
        };
        Bound {
            point: Some(point),
            inclusive: marked != lower,
        }
    };
    for [lower, upper] in bounds {
        let lower = bound(lower, true);
        let upper = bound(upper, false);
        spans.push(Span { lower, upper });
    }
    spans
}

/// What equal values have in common: the bytes without what values with keys look like.
pub fn key(bytes: &[u8]) -> &[u8] {
    let mut reader = Reader { bytes, keyed: true };
    while reader.span().is_some() {}
    &bytes[..bytes.len() - reader.bytes.len()]
}
