//! The states of the parser within hosts, addresses, files and compounds.

use super::Class::{self, *};
use super::Kind::{self, *};
use super::Special;
use super::State::{self, *};
use super::states::Act::{Bingo, BingoClear, BingoClearAll, Next, NextClear, Pop, Push, Rerun};
use super::states::{POP, POP_AT_END, Step, special, stay, to};

/// What leads on from a state; nothing from those of other texts.
pub(super) const fn steps(state: State) -> &'static [Step] {
    match state {
        InHostFirstDomain => {
            const {
                &[
                    POP_AT_END,
                    to(Letter, Next, InHostDomainSecond),
                    to(Digit, Next, InHost),
                    POP,
                ]
            }
        }
        InHostDomainSecond => {
            const {
                &[
                    POP_AT_END,
                    to(Letter, Next, InHostDomain),
                    to(Digit, Push, InHost),
                    to(Is('-'), Push, InHostFirstAn),
                    to(Is('_'), Push, InHostFirstAn),
                    to(Is('.'), Push, InHostFirstDomain),
                    to(Is('@'), Push, InEmail),
                    POP,
                ]
            }
        }
        InHostDomain => {
            const {
                &[
                    to(End, BingoClearAll(Host), Base),
                    to(Letter, Next, InHostDomain),
                    to(Digit, Push, InHost),
                    to(Is(':'), Push, InPortFirst),
                    to(Is('-'), Push, InHostFirstAn),
                    to(Is('_'), Push, InHostFirstAn),
                    to(Is('.'), Push, InHostFirstDomain),
                    to(Is('@'), Push, InEmail),
                    stay(Digit, Pop),
                    to(StopHost, BingoClearAll(Host), InUrlPathStart),
                    to(Is('/'), Push, InFurl),
                    to(Any, BingoClearAll(Host), Base),
                ]
            }
        }
        InPortFirst => const { &[POP_AT_END, to(Digit, Next, InPort), POP] },
        InPort => {
            const {
                &[
                    to(End, BingoClearAll(Host), Base),
                    to(Digit, Next, InPort),
                    to(StopHost, BingoClearAll(Host), InUrlPathStart),
                    to(Is('/'), Push, InFurl),
                    to(Any, BingoClearAll(Host), Base),
                ]
            }
        }
        InHostFirstAn => {
            const {
                &[
                    POP_AT_END,
                    to(Digit, Next, InHost),
                    to(Letter, Next, InHost),
                    POP,
                ]
            }
        }
        InHost => {
            const {
                &[
                    POP_AT_END,
                    to(Digit, Next, InHost),
                    to(Letter, Next, InHost),
                    to(Is('@'), Push, InEmail),
                    to(Is('.'), Push, InHostFirstDomain),
                    to(Is('-'), Push, InHostFirstAn),
                    to(Is('_'), Push, InHostFirstAn),
                    POP,
                ]
            }
        }
        InEmail => {
            const {
                &[
                    stay(StopHost, Pop),
                    to(HostHere, BingoClearAll(Email), Base),
                    POP,
                ]
            }
        }
        InFileFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Letter, Next, InFile),
                    to(Digit, Next, InFile),
                    to(Is('.'), Next, InPathFirst),
                    to(Is('_'), Next, InFile),
                    to(Is('~'), Push, InFileTwiddle),
                    POP,
                ]
            }
        }
        InFileTwiddle => {
            const {
                &[
                    POP_AT_END,
                    to(Letter, Next, InFile),
                    to(Digit, Next, InFile),
                    to(Is('_'), Next, InFile),
                    to(Is('/'), Next, InFileFirst),
                    POP,
                ]
            }
        }
        InPathFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Letter, Next, InFile),
                    to(Digit, Next, InFile),
                    to(Is('_'), Next, InFile),
                    to(Is('.'), Next, InPathSecond),
                    to(Is('/'), Next, InFileFirst),
                    POP,
                ]
            }
        }
        InPathFirstFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Is('.'), Next, InPathSecond),
                    to(Is('/'), Next, InFileFirst),
                    POP,
                ]
            }
        }
        InPathSecond => {
            const {
                &[
                    to(End, BingoClear(FilePath), Base),
                    to(Is('/'), Push, InFileFirst),
                    to(Is('/'), BingoClear(FilePath), Base),
                    to(Space, BingoClear(FilePath), Base),
                    POP,
                ]
            }
        }
        InFile => {
            const {
                &[
                    to(End, Bingo(FilePath), Base),
                    to(Letter, Next, InFile),
                    to(Digit, Next, InFile),
                    to(Is('.'), Push, InFileNext),
                    to(Is('_'), Next, InFile),
                    to(Is('-'), Next, InFile),
                    to(Is('/'), Push, InFileFirst),
                    to(Any, Bingo(FilePath), Base),
                ]
            }
        }
        InFileNext => {
            const {
                &[
                    POP_AT_END,
                    to(Letter, NextClear, InFile),
                    to(Digit, NextClear, InFile),
                    to(Is('_'), NextClear, InFile),
                    POP,
                ]
            }
        }
        InUrlPathFirst => const { &[POP_AT_END, to(UrlChar, Next, InUrlPath), POP] },
        InUrlPathStart => const { &[to(Any, Next, InUrlPath)] },
        InUrlPath => {
            const {
                &[
                    to(End, Bingo(UrlPath), Base),
                    to(UrlChar, Next, InUrlPath),
                    to(Any, Bingo(UrlPath), Base),
                ]
            }
        }
        InFurl => {
            const {
                &[
                    POP_AT_END,
                    special(UrlPathHere, BingoClearAll(Url), Some(Base), Special::Url),
                    POP,
                ]
            }
        }
        InProtocolFirst => const { &[POP_AT_END, to(Is('/'), Next, InProtocolSecond), POP] },
        InProtocolSecond => const { &[POP_AT_END, to(Is('/'), Next, InProtocolEnd), POP] },
        InProtocolEnd => const { &[to(Any, BingoClearAll(Protocol), Base)] },
        InHyphenAsciiWordFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Letter, Next, InHyphenAsciiWord),
                    to(Alpha, Next, InHyphenWord),
                    to(Digit, Next, InHyphenDigitLookahead),
                    POP,
                ]
            }
        }
        InHyphenAsciiWord => {
            const {
                &[
                    hyphen(End, AsciiHWord),
                    to(Letter, Next, InHyphenAsciiWord),
                    to(Alpha, Next, InHyphenWord),
                    to(Mark, Next, InHyphenWord),
                    to(Digit, Next, InHyphenNumWord),
                    to(Is('-'), Push, InHyphenAsciiWordFirst),
                    hyphen(Any, AsciiHWord),
                ]
            }
        }
        InHyphenWordFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Alpha, Next, InHyphenWord),
                    to(Digit, Next, InHyphenDigitLookahead),
                    POP,
                ]
            }
        }
        InHyphenWord => {
            const {
                &[
                    hyphen(End, HWord),
                    to(Alpha, Next, InHyphenWord),
                    to(Mark, Next, InHyphenWord),
                    to(Digit, Next, InHyphenNumWord),
                    to(Is('-'), Push, InHyphenWordFirst),
                    hyphen(Any, HWord),
                ]
            }
        }
        InHyphenNumWordFirst => {
            const {
                &[
                    POP_AT_END,
                    to(Alpha, Next, InHyphenNumWord),
                    to(Digit, Next, InHyphenDigitLookahead),
                    POP,
                ]
            }
        }
        InHyphenNumWord => {
            const {
                &[
                    hyphen(End, NumHWord),
                    to(Alnum, Next, InHyphenNumWord),
                    to(Mark, Next, InHyphenNumWord),
                    to(Is('-'), Push, InHyphenNumWordFirst),
                    hyphen(Any, NumHWord),
                ]
            }
        }
        InHyphenDigitLookahead => {
            const {
                &[
                    POP_AT_END,
                    to(Digit, Next, InHyphenDigitLookahead),
                    to(Alpha, Next, InHyphenNumWord),
                    to(Mark, Next, InHyphenNumWord),
                    POP,
                ]
            }
        }
        InParseHyphen => {
            const {
                &[
                    to(End, Rerun, Base),
                    to(Letter, Next, InHyphenAsciiWordPart),
                    to(Alpha, Next, InHyphenWordPart),
                    to(Digit, Push, InHyphenUnsignedInt),
                    to(Is('-'), Push, InParseHyphenHyphen),
                    to(Any, Rerun, Base),
                ]
            }
        }
        InParseHyphenHyphen => {
            const {
                &[
                    POP_AT_END,
                    to(Alnum, BingoClear(Blank), InParseHyphen),
                    to(Mark, BingoClear(Blank), InParseHyphen),
                    POP,
                ]
            }
        }
        InHyphenWordPart => {
            const {
                &[
                    to(End, Bingo(PartHWord), Base),
                    to(Alpha, Next, InHyphenWordPart),
                    to(Mark, Next, InHyphenWordPart),
                    to(Digit, Next, InHyphenNumWordPart),
                    to(Any, Bingo(PartHWord), InParseHyphen),
                ]
            }
        }
        InHyphenAsciiWordPart => {
            const {
                &[
                    to(End, Bingo(AsciiPartHWord), Base),
                    to(Letter, Next, InHyphenAsciiWordPart),
                    to(Alpha, Next, InHyphenWordPart),
                    to(Mark, Next, InHyphenWordPart),
                    to(Digit, Next, InHyphenNumWordPart),
                    to(Any, Bingo(AsciiPartHWord), InParseHyphen),
                ]
            }
        }
        InHyphenNumWordPart => {
            const {
                &[
                    to(End, Bingo(NumPartHWord), Base),
                    to(Alnum, Next, InHyphenNumWordPart),
                    to(Mark, Next, InHyphenNumWordPart),
                    to(Any, Bingo(NumPartHWord), InParseHyphen),
                ]
            }
        }
        InHyphenUnsignedInt => {
            const {
                &[
                    POP_AT_END,
                    stay(Digit, Next),
                    to(Alpha, NextClear, InHyphenNumWordPart),
                    to(Mark, NextClear, InHyphenNumWordPart),
                    POP,
                ]
            }
        }
        _ => &[],
    }
}

/// A compound ends here, and is gone through again for its parts.
const fn hyphen(class: Class, kind: Kind) -> Step {
    special(
        class,
        BingoClearAll(kind),
        Some(InParseHyphen),
        Special::Hyphen,
    )
}
