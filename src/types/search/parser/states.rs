//! The states of the parser, and what leads from each to which: words, numbers, blanks and tags.

use super::Class::{self, *};
use super::Kind::{self, *};
use super::State::{self, *};
use super::{Special, addresses};

/// What is done besides going to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The next character is looked at.
    Next,
    /// As Next; whatever was remembered last is forgotten.
    NextClear,
    /// This place is remembered, to go on from where the next state leads nowhere.
    Push,
    /// Back to the place remembered last.
    Pop,
    /// The same character is looked at again.
    Rerun,
    /// The place remembered last is here now.
    Merge,
    /// A token ends here.
    Bingo(Kind),
    /// The same; the place remembered last is forgotten.
    BingoClear(Kind),
    /// The same; all remembered places are forgotten.
    BingoClearAll(Kind),
}

use Act::{Bingo, BingoClear, BingoClearAll, Merge, Next, NextClear, Pop, Push, Rerun};

/// What to do at a character of a class; the state `None` stays as it is.
pub(super) struct Step {
    pub(super) class: Class,
    pub(super) act: Act,
    pub(super) to: Option<State>,
    pub(super) special: Option<Special>,
}

pub(super) const fn to(class: Class, act: Act, to: State) -> Step {
    Step {
        class,
        act,
        to: Some(to),
        special: None,
    }
}

pub(super) const fn stay(class: Class, act: Act) -> Step {
    Step {
        class,
        act,
        to: None,
        special: None,
    }
}

pub(super) const fn special(class: Class, act: Act, to: Option<State>, special: Special) -> Step {
    Step {
        class,
        act,
        to,
        special: Some(special),
    }
}

pub(super) const POP_AT_END: Step = stay(End, Pop);
pub(super) const POP: Step = stay(Any, Pop);

/// What leads on from a state.
pub(super) const fn steps(state: State) -> &'static [Step] {
    match state {
        Base => {
            const {
                &[
                    stay(End, Next),
                    to(Is('<'), Push, InTagFirst),
                    to(Ignored, Next, InSpace),
                    to(Letter, Next, InAsciiWord),
                    to(Alpha, Next, InWord),
                    to(Digit, Next, InUnsignedInt),
                    to(Is('-'), Push, InSignedIntFirst),
                    to(Is('+'), Push, InSignedIntFirst),
                    to(Is('&'), Push, InEntityFirst),
                    to(Is('~'), Push, InFileTwiddle),
                    to(Is('/'), Push, InFileFirst),
                    to(Is('.'), Push, InPathFirstFirst),
                    to(Any, Next, InSpace),
                ]
            }
        }
        InNumWord => {
            const {
                &[
                    to(End, Bingo(NumWord), Base),
                    to(Alnum, Next, InNumWord),
                    to(Mark, Next, InNumWord),
                    to(Is('@'), Push, InEmail),
                    to(Is('/'), Push, InFileFirst),
                    to(Is('.'), Push, InFileNext),
                    to(Is('-'), Push, InHyphenNumWordFirst),
                    to(Any, Bingo(NumWord), Base),
                ]
            }
        }
        InAsciiWord => {
            const {
                &[
                    to(End, Bingo(AsciiWord), Base),
                    stay(Letter, Next),
                    to(Is('.'), Push, InHostFirstDomain),
                    to(Is('.'), Push, InFileNext),
                    to(Is('-'), Push, InHostFirstAn),
                    to(Is('-'), Push, InHyphenAsciiWordFirst),
                    to(Is('_'), Push, InHostFirstAn),
                    to(Is('@'), Push, InEmail),
                    to(Is(':'), Push, InProtocolFirst),
                    to(Is('/'), Push, InFileFirst),
                    to(Digit, Push, InHost),
                    to(Digit, Next, InNumWord),
                    to(Alpha, Next, InWord),
                    to(Mark, Next, InWord),
                    to(Any, Bingo(AsciiWord), Base),
                ]
            }
        }
        InWord => {
            const {
                &[
                    to(End, Bingo(Word), Base),
                    stay(Alpha, Next),
                    stay(Mark, Next),
                    to(Digit, Next, InNumWord),
                    to(Is('-'), Push, InHyphenWordFirst),
                    to(Any, Bingo(Word), Base),
                ]
            }
        }
        InUnsignedInt => {
            const {
                &[
                    to(End, Bingo(UnsignedInt), Base),
                    stay(Digit, Next),
                    to(Is('.'), Push, InHostFirstDomain),
                    to(Is('.'), Push, InUDecimalFirst),
                    to(Is('e'), Push, InMantissaFirst),
                    to(Is('E'), Push, InMantissaFirst),
                    to(Is('-'), Push, InHostFirstAn),
                    to(Is('_'), Push, InHostFirstAn),
                    to(Is('@'), Push, InEmail),
                    to(Letter, Push, InHost),
                    to(Alpha, Next, InNumWord),
                    to(Mark, Next, InNumWord),
                    to(Is('/'), Push, InFileFirst),
                    to(Any, Bingo(UnsignedInt), Base),
                ]
            }
        }
        InSignedIntFirst => const { &[POP_AT_END, to(Digit, NextClear, InSignedInt), POP] },
        InSignedInt => {
            const {
                &[
                    to(End, Bingo(SignedInt), Base),
                    stay(Digit, Next),
                    to(Is('.'), Push, InDecimalFirst),
                    to(Is('e'), Push, InMantissaFirst),
                    to(Is('E'), Push, InMantissaFirst),
                    to(Any, Bingo(SignedInt), Base),
                ]
            }
        }
        InSpace => {
            const {
                &[
                    to(End, Bingo(Blank), Base),
                    to(Is('<'), Bingo(Blank), Base),
                    stay(Ignored, Next),
                    to(Is('-'), Bingo(Blank), Base),
                    to(Is('+'), Bingo(Blank), Base),
                    to(Is('&'), Bingo(Blank), Base),
                    to(Is('/'), Bingo(Blank), Base),
                    to(NotAlnum, Next, InSpace),
                    to(Any, Bingo(Blank), Base),
                ]
            }
        }
        InUDecimalFirst => const { &[POP_AT_END, to(Digit, NextClear, InUDecimal), POP] },
        InUDecimal => {
            const {
                &[
                    to(End, Bingo(Decimal), Base),
                    to(Digit, Next, InUDecimal),
                    to(Is('.'), Push, InVersionFirst),
                    to(Is('e'), Push, InMantissaFirst),
                    to(Is('E'), Push, InMantissaFirst),
                    to(Any, Bingo(Decimal), Base),
                ]
            }
        }
        InDecimalFirst => const { &[POP_AT_END, to(Digit, NextClear, InDecimal), POP] },
        InDecimal => {
            const {
                &[
                    to(End, Bingo(Decimal), Base),
                    to(Digit, Next, InDecimal),
                    to(Is('.'), Push, InVerVersion),
                    to(Is('e'), Push, InMantissaFirst),
                    to(Is('E'), Push, InMantissaFirst),
                    to(Any, Bingo(Decimal), Base),
                ]
            }
        }
        InVerVersion => {
            const {
                &[
                    POP_AT_END,
                    special(Digit, Rerun, Some(InSVerVersion), Special::Restart),
                    POP,
                ]
            }
        }
        InSVerVersion => {
            const {
                &[
                    POP_AT_END,
                    to(Digit, BingoClearAll(Blank), InUnsignedInt),
                    stay(Any, Next),
                ]
            }
        }
        InVersionFirst => const { &[POP_AT_END, to(Digit, NextClear, InVersion), POP] },
        InVersion => {
            const {
                &[
                    to(End, Bingo(Version), Base),
                    to(Digit, Next, InVersion),
                    to(Is('.'), Push, InVersionFirst),
                    to(Any, Bingo(Version), Base),
                ]
            }
        }
        InMantissaFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Digit, NextClear, InMantissa),
                    to(Is('+'), Next, InMantissaSign),
                    to(Is('-'), Next, InMantissaSign),
                    POP,
                ]
            }
        }
        InMantissaSign => const { &[POP_AT_END, to(Digit, NextClear, InMantissa), POP] },
        InMantissa => {
            const {
                &[
                    to(End, Bingo(Scientific), Base),
                    to(Digit, Next, InMantissa),
                    to(Any, Bingo(Scientific), Base),
                ]
            }
        }
        InEntityFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Is('#'), Next, InEntityNumFirst),
                    to(Letter, Next, InEntity),
                    to(Is(':'), Next, InEntity),
                    to(Is('_'), Next, InEntity),
                    POP,
                ]
            }
        }
        InEntity => {
            const {
                &[
                    POP_AT_END,
                    to(Alnum, Next, InEntity),
                    to(Is(':'), Next, InEntity),
                    to(Is('_'), Next, InEntity),
                    to(Is('.'), Next, InEntity),
                    to(Is('-'), Next, InEntity),
                    to(Is(';'), Next, InEntityEnd),
                    POP,
                ]
            }
        }
        InEntityNumFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Is('x'), Next, InEntityHexNumFirst),
                    to(Is('X'), Next, InEntityHexNumFirst),
                    to(Digit, Next, InEntityNum),
                    POP,
                ]
            }
        }
        InEntityNum => {
            const {
                &[
                    POP_AT_END,
                    to(Digit, Next, InEntityNum),
                    to(Is(';'), Next, InEntityEnd),
                    POP,
                ]
            }
        }
        InEntityHexNumFirst => const { &[POP_AT_END, to(HexDigit, Next, InEntityHexNum), POP] },
        InEntityHexNum => {
            const {
                &[
                    POP_AT_END,
                    to(HexDigit, Next, InEntityHexNum),
                    to(Is(';'), Next, InEntityEnd),
                    POP,
                ]
            }
        }
        InEntityEnd => const { &[to(Any, BingoClear(Entity), Base)] },
        InTagFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Is('/'), Push, InTagCloseFirst),
                    to(Is('!'), Push, InCommentFirst),
                    to(Is('?'), Push, InXmlBegin),
                    to(Letter, Push, InTagName),
                    to(Is(':'), Push, InTagName),
                    to(Is('_'), Push, InTagName),
                    POP,
                ]
            }
        }
        InXmlBegin => {
            const {
                &[
                    POP_AT_END,
                    to(Is('x'), Next, InTag),
                    to(Is('X'), Next, InTag),
                    POP,
                ]
            }
        }
        InTagCloseFirst => const { &[POP_AT_END, to(Letter, Next, InTagName), POP] },
        InTagName => {
            const {
                &[
                    POP_AT_END,
                    to(Is('/'), Next, InTagBeginEnd),
                    special(Is('>'), Next, Some(InTagEnd), Special::Tags),
                    special(Space, Next, Some(InTag), Special::Tags),
                    stay(Alnum, Next),
                    stay(Is(':'), Next),
                    stay(Is('_'), Next),
                    stay(Is('.'), Next),
                    stay(Is('-'), Next),
                    POP,
                ]
            }
        }
        InTagBeginEnd => const { &[POP_AT_END, to(Is('>'), Next, InTagEnd), POP] },
        InTag => {
            const {
                &[
                    POP_AT_END,
                    special(Is('>'), Next, Some(InTagEnd), Special::Tags),
                    to(Is('\''), Next, InTagEscapeK),
                    to(Is('"'), Next, InTagEscapeKk),
                    stay(Letter, Next),
                    stay(Digit, Next),
                    stay(OneOf("=-_#/:.&?%~"), Next),
                    special(Space, Next, None, Special::Tags),
                    POP,
                ]
            }
        }
        InTagEscapeK => {
            const {
                &[
                    POP_AT_END,
                    to(Is('\\'), Push, InTagBackslashed),
                    to(Is('\''), Next, InTag),
                    to(Any, Next, InTagEscapeK),
                ]
            }
        }
        InTagEscapeKk => {
            const {
                &[
                    POP_AT_END,
                    to(Is('\\'), Push, InTagBackslashed),
                    to(Is('"'), Next, InTag),
                    to(Any, Next, InTagEscapeKk),
                ]
            }
        }
        InTagBackslashed => const { &[POP_AT_END, stay(Any, Merge)] },
        InTagEnd | InCommentEnd => const { &[to(Any, BingoClearAll(Tag), Base)] },
        InCommentFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Is('-'), Next, InCommentLast),
                    to(Is('D'), Next, InTag),
                    to(Is('d'), Next, InTag),
                    POP,
                ]
            }
        }
        InCommentLast => const { &[POP_AT_END, to(Is('-'), Next, InComment), POP] },
        InComment => {
            const {
                &[
                    POP_AT_END,
                    to(Is('-'), Next, InCloseCommentFirst),
                    stay(Any, Next),
                ]
            }
        }
        InCloseCommentFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Is('-'), Next, InCloseCommentLast),
                    to(Any, Next, InComment),
                ]
            }
        }
        InCloseCommentLast => {
            const {
                &[
                    POP_AT_END,
                    stay(Is('-'), Next),
                    to(Is('>'), Next, InCommentEnd),
                    to(Any, Next, InComment),
                ]
            }
        }
        other => addresses::steps(other),
    }
}
