//! The parser `default`: takes a document apart into words, numbers, addresses, tags and blanks.
//!
//! It is an automaton that remembers places to come back to, and may begin a token anew, so that an
//! address is seen whole and then in parts.

mod addresses;
mod states;

use self::states::{Act, Step, steps};
use super::letters::{is_alphabetic, is_mark};
use super::token::is_space;
use crate::base::{Error, Result, SqlState};

/// Addresses within addresses, at most.
const DEPTH_MAX: usize = 1_000;

macro_rules! kinds {
    ($($kind:ident $number:literal $alias:literal $description:literal;)*) => {
        /// What a token is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = $description] $kind = $number,)*
        }
        impl Kind {
            /// All of them, by number.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// What it is called.
            pub const fn alias(self) -> &'static str {
                match self { $(Self::$kind => $alias),* }
            }

            /// What it is.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$kind => $description),* }
            }
        }
    };
}

kinds! {
    AsciiWord 1 "asciiword" "Word, all ASCII";
    Word 2 "word" "Word, all letters";
    NumWord 3 "numword" "Word, letters and digits";
    Email 4 "email" "Email address";
    Url 5 "url" "URL";
    Host 6 "host" "Host";
    Scientific 7 "sfloat" "Scientific notation";
    Version 8 "version" "Version number";
    NumPartHWord 9 "hword_numpart" "Hyphenated word part, letters and digits";
    PartHWord 10 "hword_part" "Hyphenated word part, all letters";
    AsciiPartHWord 11 "hword_asciipart" "Hyphenated word part, all ASCII";
    Blank 12 "blank" "Space symbols";
    Tag 13 "tag" "XML tag";
    Protocol 14 "protocol" "Protocol head";
    NumHWord 15 "numhword" "Hyphenated word, letters and digits";
    AsciiHWord 16 "asciihword" "Hyphenated word, all ASCII";
    HWord 17 "hword" "Hyphenated word, all letters";
    UrlPath 18 "url_path" "URL path";
    FilePath 19 "file" "File or path name";
    Decimal 20 "float" "Decimal notation";
    SignedInt 21 "int" "Signed integer";
    UnsignedInt 22 "uint" "Unsigned integer";
    Entity 23 "entity" "XML entity";
}

impl Kind {
    /// Its number.
    pub const fn number(self) -> i32 {
        self as i32
    }
}

/// Characters that lead somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    End,
    Is(char),
    OneOf(&'static str),
    /// Within a script or a style.
    Ignored,
    /// Of ASCII.
    Letter,
    Alpha,
    Digit,
    Alnum,
    NotAlnum,
    HexDigit,
    Space,
    /// What belongs to the character before it.
    Mark,
    UrlChar,
    /// The host of an address that was seen whole ends.
    StopHost,
    /// A host begins.
    HostHere,
    /// The path of an address begins.
    UrlPathHere,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    /// What is within a script or a style is nothing.
    Tags,
    /// An address is seen again for its parts.
    Url,
    /// A compound likewise.
    Hyphen,
    /// The token begins anew.
    Restart,
}

macro_rules! states {
    ($($state:ident)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum State { $($state),* }
    };
}

states! {
    Base InNumWord InAsciiWord InWord InUnsignedInt InSignedIntFirst InSignedInt InSpace
    InUDecimalFirst InUDecimal InDecimalFirst InDecimal InVerVersion InSVerVersion InVersionFirst
    InVersion InMantissaFirst InMantissaSign InMantissa InEntityFirst InEntity InEntityNumFirst
    InEntityNum InEntityHexNumFirst InEntityHexNum InEntityEnd InTagFirst InXmlBegin
    InTagCloseFirst InTagName InTagBeginEnd InTag InTagEscapeK InTagEscapeKk InTagBackslashed
    InTagEnd InCommentFirst InCommentLast InComment InCloseCommentFirst InCloseCommentLast
    InCommentEnd InHostFirstDomain InHostDomainSecond InHostDomain InPortFirst InPort
    InHostFirstAn InHost InEmail InFileFirst InFileTwiddle InPathFirst InPathFirstFirst
    InPathSecond InFile InFileNext InUrlPathFirst InUrlPathStart InUrlPath InFurl
    InProtocolFirst InProtocolSecond InProtocolEnd InHyphenAsciiWordFirst InHyphenAsciiWord
    InHyphenWordFirst InHyphenWord InHyphenNumWordFirst InHyphenNumWord InHyphenDigitLookahead
    InParseHyphen InParseHyphenHyphen InHyphenWordPart InHyphenAsciiWordPart InHyphenNumWordPart
    InHyphenUnsignedInt
}

/// A place in the text, and how far the token before it goes back.
#[derive(Clone, Copy)]
struct Place {
    state: State,
    at: usize,
    bytes: usize,
    chars: usize,
    /// The step from which a place was remembered: the next one is tried once back.
    from: Option<usize>,
}

/// Takes tokens off a text.
pub struct Parser<'a> {
    text: &'a str,
    place: Place,
    remembered: Vec<Place>,
    ignoring: bool,
    wants_host: bool,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// From the beginning.
    pub fn new(text: &'a str) -> Self {
        Self::within(text, 0, Base, 0)
    }

    fn within(text: &'a str, at: usize, state: State, depth: usize) -> Self {
        Self {
            text,
            place: Place {
                state,
                at,
                bytes: 0,
                chars: 0,
                from: None,
            },
            remembered: Vec::new(),
            ignoring: false,
            wants_host: false,
            depth,
        }
    }

    /// The next token; `None` at the end.
    ///
    /// # Errors
    /// `54001`
    pub fn next_token(&mut self) -> Result<Option<(Kind, &'a str)>> {
        Ok(self
            .token()?
            .map(|(kind, start, bytes, _)| (kind, &self.text[start..start + bytes])))
    }

    /// A token: where it begins, its bytes and characters.
    fn token(&mut self) -> Result<Option<(Kind, usize, usize, usize)>> {
        if self.place.at >= self.text.len() {
            return Ok(None);
        }
        let start = self.place.at;
        self.place.from = None;
        loop {
            let c = self.text[self.place.at..].chars().next();
            let steps = steps(self.place.state);
            let first = self.place.from.take().map_or(0, |from| from + 1);
            let mut index = first;
            let step = loop {
                let Some(step) = steps.get(index) else {
                    return Ok(None);
                };
                if self.is(step.class, c)? {
                    break step;
                }
                index += 1;
            };
            self.special(step, start);
            let mut found = None;
            if let Act::Bingo(kind) | Act::BingoClear(kind) | Act::BingoClearAll(kind) = step.act {
                found = Some((kind, start, self.place.bytes, self.place.chars));
                (self.place.bytes, self.place.chars) = (0, 0);
            }
            self.act(step.act, index);
            if let Some(to) = step.to {
                self.place.state = to;
            }
            if found.is_some() {
                return Ok(found);
            }
            if self.place.at >= self.text.len() && step.act != Act::Rerun {
                return Ok(None);
            }
            if matches!(step.act, Act::Rerun | Act::Pop) {
                continue;
            }
            // What was looked ahead at may have moved the place.
            if let Some(c) = self.text[self.place.at..].chars().next() {
                self.place.at += c.len_utf8();
                self.place.bytes += c.len_utf8();
                self.place.chars += 1;
            }
        }
    }

    /// Remembers and forgets places.
    fn act(&mut self, act: Act, index: usize) {
        match act {
            Act::Pop => {
                if let Some(place) = self.remembered.pop() {
                    self.place = place;
                }
            }
            Act::Push => {
                self.remembered.push(Place {
                    from: Some(index),
                    ..self.place
                });
            }
            Act::NextClear | Act::BingoClear(_) => {
                self.remembered.pop();
            }
            Act::BingoClearAll(_) => self.remembered.clear(),
            Act::Merge => {
                if let Some(place) = self.remembered.pop() {
                    self.place = Place {
                        state: place.state,
                        from: place.from,
                        ..self.place
                    };
                }
            }
            Act::Next | Act::Rerun | Act::Bingo(_) => {}
        }
    }

    fn special(&mut self, step: &Step, start: usize) {
        match step.special {
            None => {}
            Some(Special::Tags) => {
                let token = self.text.as_bytes().get(start..).unwrap_or_default();
                let begins = |tag: &str| {
                    let begin = token.get(..tag.len());
                    self.place.chars == tag.len()
                        && begin.is_some_and(|begin| begin.eq_ignore_ascii_case(tag.as_bytes()))
                };
                if begins("</script") || begins("</style") {
                    self.ignoring = false;
                } else if begins("<script") || begins("<style") {
                    self.ignoring = true;
                }
            }
            Some(Special::Url) => {
                self.wants_host = true;
                self.place.at -= self.place.bytes;
            }
            Some(Special::Hyphen) => self.place.at -= self.place.bytes,
            Some(Special::Restart) => {
                self.place.at -= self.place.bytes;
                (self.place.bytes, self.place.chars) = (0, 0);
            }
        }
    }

    fn is(&mut self, class: Class, c: Option<char>) -> Result<bool> {
        let is = |class: fn(char) -> bool| c.is_some_and(class);
        Ok(match class {
            Class::End => c.is_none(),
            Class::Any => true,
            Class::Is(one) => c == Some(one),
            Class::OneOf(several) => c.is_some_and(|c| several.contains(c)),
            Class::Ignored => self.ignoring,
            Class::Letter => is(|c| c.is_ascii_alphabetic()),
            Class::Alpha => is(is_alphabetic),
            Class::Digit => is(|c| c.is_ascii_digit()),
            Class::Alnum => is(is_alnum),
            Class::NotAlnum => !is(is_alnum),
            Class::HexDigit => is(|c| c.is_ascii_hexdigit()),
            Class::Space => is(is_space),
            Class::Mark => is(is_mark),
            Class::UrlChar => is(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c)),
            Class::StopHost => std::mem::take(&mut self.wants_host),
            Class::HostHere => self.ahead(State::InHostFirstAn, Kind::Host)?,
            Class::UrlPathHere => self.ahead(State::InUrlPathFirst, Kind::UrlPath)?,
        })
    }

    /// Whether a token of a kind begins here, which then is part of this one.
    fn ahead(&mut self, state: State, kind: Kind) -> Result<bool> {
        if self.depth >= DEPTH_MAX {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            ));
        }
        let mut parser = Self::within(self.text, self.place.at, state, self.depth + 1);
        // The host of an address is no address itself.
        parser.wants_host = kind == Kind::Host;
        // Where that state leads nowhere, this is looked at as any text is.
        parser.remembered.push(Place {
            state: Base,
            ..parser.place
        });
        Ok(match parser.token()? {
            Some((found, _, bytes, chars)) if found == kind => {
                self.place.at += bytes;
                self.place.bytes += bytes;
                self.place.chars += chars;
                true
            }
            _ => false,
        })
    }
}

use State::Base;

fn is_alnum(c: char) -> bool {
    is_alphabetic(c) || c.is_ascii_digit()
}
