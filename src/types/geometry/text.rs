//! Geometric values as text.

use super::line::{NOT_BOTH_ZERO, NOT_DISTINCT};
use super::real::zero;
use super::{Circle, Figure, Line, Path, Point, Polygon, Rectangle, Segment};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::text::{invalid, is_space, read_float8, write_float8};

/// Reads the text of a value; gives the bytes it travels as.
///
/// # Errors
/// `22P02`, `22003`
pub(in crate::types) fn parse(ty: PgType, text: &str) -> Result<Vec<u8>> {
    let mut reader = Reader {
        ty,
        text,
        rest: text.as_bytes(),
    };
    Ok(match ty.plain() {
        PgType::POINT => {
            let point = reader.point()?;
            reader.end()?;
            point.pack()
        }
        PgType::LSEG => {
            let (points, _) = reader.points(2, true)?;
            reader.end()?;
            Segment {
                start: points[0],
                end: points[1],
            }
            .pack()
        }
        PgType::BOX => {
            let (points, _) = reader.points(2, false)?;
            reader.end()?;
            Rectangle::read(points[0], points[1]).pack()
        }
        PgType::LINE => reader.line()?.pack(),
        PgType::CIRCLE => reader.circle()?.pack(),
        PgType::PATH => {
            let count = reader.count()?;
            reader.space();
            let around = reader.is_only_parenthesis() && reader.take(b'(');
            let (points, open) = reader.points(count, true)?;
            if around {
                reader.expect(b')')?;
                reader.space();
            }
            reader.end()?;
            Path {
                closed: !open,
                points,
            }
            .pack()
        }
        _ => {
            let count = reader.count()?;
            let (points, _) = reader.points(count, false)?;
            reader.end()?;
            Polygon { points }.pack()
        }
    })
}

struct Reader<'a> {
    ty: PgType,
    text: &'a str,
    rest: &'a [u8],
}

impl Reader<'_> {
    fn failed(&self) -> Error {
        invalid(self.ty, self.text)
    }

    fn space(&mut self) {
        while let [byte, rest @ ..] = self.rest
            && is_space(*byte)
        {
            self.rest = rest;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        match self.rest {
            [first, rest @ ..] if *first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        match self.take(byte) {
            true => Ok(()),
            false => Err(self.failed()),
        }
    }

    fn end(&self) -> Result<()> {
        match self.rest {
            [] => Ok(()),
            _ => Err(self.failed()),
        }
    }

    /// How many points as many commas separate.
    fn count(&self) -> Result<usize> {
        let commas = self.rest.iter().filter(|byte| **byte == b',').count();
        match commas % 2 {
            1 => Ok(commas.div_ceil(2)),
            _ => Err(self.failed()),
        }
    }

    /// Whether a parenthesis opens here, and none later.
    fn is_only_parenthesis(&self) -> bool {
        self.rest.first() == Some(&b'(') && !self.rest[1..].contains(&b'(')
    }

    /// A coordinate, with white space around it.
    fn number(&mut self) -> Result<f64> {
        self.space();
        let length = number_length(self.rest);
        let (number, rest) = self.rest.split_at(length);
        let value = std::str::from_utf8(number).ok().and_then(read_float8);
        self.rest = rest;
        let value = value.ok_or_else(|| self.failed())??;
        self.space();
        Ok(value)
    }

    /// `(x,y)` or `x,y`
    fn point(&mut self) -> Result<Point> {
        self.space();
        let within = self.take(b'(');
        let x = self.number()?;
        self.expect(b',')?;
        let y = self.number()?;
        if within {
            self.expect(b')')?;
            self.space();
        }
        Ok(Point { x, y })
    }

    /// Takes the first of two parentheses; says whether there are two.
    fn enters(&mut self) -> bool {
        let [b'(', inner @ ..] = self.rest else {
            return false;
        };
        let mut inner = inner;
        while let [byte, rest @ ..] = inner
            && is_space(*byte)
        {
            inner = rest;
        }
        let twice = inner.first() == Some(&b'(');
        if twice {
            self.rest = inner;
        }
        twice
    }

    /// So many points, in parentheses or without; says whether in brackets, if these may be.
    fn points(&mut self, count: usize, brackets: bool) -> Result<(Vec<Point>, bool)> {
        self.space();
        let mut depth = 0;
        let open = self.rest.first() == Some(&b'[');
        if open {
            if !brackets {
                return Err(self.failed());
            }
            self.rest = &self.rest[1..];
            depth += 1;
        } else if self.enters() {
            depth += 1;
        } else if self.is_only_parenthesis() {
            self.rest = &self.rest[1..];
            depth += 1;
        }
        let mut points = Vec::with_capacity(count);
        for _ in 0..count {
            points.push(self.point()?);
            self.take(b',');
        }
        for _ in 0..depth {
            if !(self.take(b')') || open && self.take(b']')) {
                return Err(self.failed());
            }
            self.space();
        }
        Ok((points, open))
    }

    /// `{A,B,C}`, or two points.
    fn line(&mut self) -> Result<Line> {
        let wrong = |message: &str| Error::new(SqlState::INVALID_TEXT_REPRESENTATION, message);
        self.space();
        if self.take(b'{') {
            let a = self.number()?;
            self.expect(b',')?;
            let b = self.number()?;
            self.expect(b',')?;
            let c = self.number()?;
            self.expect(b'}')?;
            self.space();
            self.end()?;
            return match zero(a) && zero(b) {
                true => Err(wrong(NOT_BOTH_ZERO)),
                false => Ok(Line { a, b, c }),
            };
        }
        let (points, _) = self.points(2, true)?;
        self.end()?;
        match points[0].same(points[1]) {
            true => Err(wrong(NOT_DISTINCT)),
            false => Line::of(points[0], points[1]),
        }
    }

    /// `<(x,y),r>`, also with parentheses or without.
    fn circle(&mut self) -> Result<Circle> {
        self.space();
        let closes = self.take(b'<') || self.enters();
        let center = self.point()?;
        self.take(b',');
        let radius = self.number()?;
        if radius < 0.0 {
            return Err(self.failed());
        }
        if closes && !self.take(b')') && !self.take(b'>') {
            return Err(self.failed());
        }
        self.space();
        self.end()?;
        Ok(Circle { center, radius })
    }
}

/// How much of a text is one number, as C's strtod reads it.
fn number_length(text: &[u8]) -> usize {
    let signs = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let body = &text[signs..];
    let word = |word: &[u8]| {
        body.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    for name in [&b"infinity"[..], b"inf", b"nan"] {
        if word(name) {
            return signs + name.len();
        }
    }
    let digits = |from: usize| {
        let rest = body.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let whole = digits(0);
    let mut length = whole;
    let mut count = whole;
    if body.get(length) == Some(&b'.') {
        let fraction = digits(length + 1);
        count += fraction;
        if count > 0 {
            length += 1 + fraction;
        }
    }
    if count == 0 {
        return 0;
    }
    if matches!(body.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(body.get(length + 1), Some(b'-' | b'+')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    signs + length
}

/// Appends the text of a value that travels as these bytes.
pub(in crate::types) fn write(ty: PgType, bytes: &[u8], extra_digits: i32, out: &mut Vec<u8>) {
    let mut writer = Writer { extra_digits, out };
    match ty.plain() {
        PgType::LINE => {
            if let Some(Line { a, b, c }) = Line::unpack(bytes) {
                writer.out.push(b'{');
                writer.numbers(&[a, b, c]);
                writer.out.push(b'}');
            }
        }
        PgType::CIRCLE => {
            if let Some(circle) = Circle::unpack(bytes) {
                writer.out.push(b'<');
                writer.points(&[circle.center]);
                writer.out.push(b',');
                writer.numbers(&[circle.radius]);
                writer.out.push(b'>');
            }
        }
        PgType::LSEG => {
            if let Some(Segment { start, end }) = Segment::unpack(bytes) {
                writer.within(b"[]", &[start, end]);
            }
        }
        PgType::PATH => {
            if let Some(path) = Path::unpack(bytes) {
                writer.within(if path.closed { b"()" } else { b"[]" }, &path.points);
            }
        }
        PgType::POLYGON => {
            if let Some(polygon) = Polygon::unpack(bytes) {
                writer.within(b"()", &polygon.points);
            }
        }
        // Points, and boxes as two of them.
        _ => {
            let numbers = super::numbers(bytes).unwrap_or_default();
            writer.points(&super::points(&numbers));
        }
    }
}

struct Writer<'a> {
    extra_digits: i32,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn numbers(&mut self, numbers: &[f64]) {
        for (place, number) in numbers.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            write_float8(*number, self.extra_digits, self.out);
        }
    }

    fn points(&mut self, points: &[Point]) {
        for (place, point) in points.iter().enumerate() {
            if place > 0 {
                self.out.push(b',');
            }
            self.out.push(b'(');
            self.numbers(&[point.x, point.y]);
            self.out.push(b')');
        }
    }

    fn within(&mut self, [before, after]: &[u8; 2], points: &[Point]) {
        self.out.push(*before);
        self.points(points);
        self.out.push(*after);
    }
}
