//! Whether a document has what a query looks for.
//!
//! Beside yes and no there is maybe: of words whose positions or weights are not known.

use super::{Node, Operand, Operator, Position, Query, Vector};

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is not there.
    No,
    /// It is.
    Yes,
    /// Nobody can say.
    Maybe,
}

impl Found {
    const fn is(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Where a part of a phrase is.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// Where it ends, in order.
    pub places: Vec<u16>,
    /// Whether it is everywhere but there.
    pub negated: bool,
    /// How many words it is wide, less one.
    pub width: i32,
}

/// Says whether a word is there, and if asked, where.
pub(super) type Condition<'a> = dyn Fn(&Operand, Option<&mut Sought>) -> Found + 'a;

/// Whether the words of a document match.
pub fn matches(vector: &Vector, query: &Query) -> bool {
    match &query.root {
        Some(root) => ternary(root, &|operand, data| sought(vector, operand, data)) != Found::No,
        None => false,
    }
}

/// Whether a part of a query matches.
pub fn ternary(node: &Node, condition: &Condition<'_>) -> Found {
    match node {
        Node::Word(operand) => condition(operand, None),
        Node::Stop => Found::Yes,
        Node::Not(operand) => match ternary(operand, condition) {
            Found::No => Found::Yes,
            Found::Yes => Found::No,
            Found::Maybe => Found::Maybe,
        },
        Node::Both(Operator::And, left, right) => match ternary(left, condition) {
            Found::No => Found::No,
            Found::Yes => ternary(right, condition),
            Found::Maybe => match ternary(right, condition) {
                Found::No => Found::No,
                _ => Found::Maybe,
            },
        },
        Node::Both(Operator::Or, left, right) => match ternary(left, condition) {
            Found::Yes => Found::Yes,
            Found::No => ternary(right, condition),
            Found::Maybe => match ternary(right, condition) {
                Found::Yes => Found::Yes,
                _ => Found::Maybe,
            },
        },
        // Where nobody can say, a phrase is not there.
        Node::Both(Operator::Phrase(_), ..) => {
            Found::is(phrase(node, condition, &mut Sought::default()) == Found::Yes)
        }
    }
}

/// Which places of two sides to take.
#[derive(Clone, Copy)]
struct Take {
    left: bool,
    right: bool,
    both: bool,
}

const ALL: Take = Take {
    left: true,
    right: true,
    both: true,
};
const BOTH: Take = Take {
    left: false,
    right: false,
    both: true,
};
const LEFT: Take = Take {
    left: true,
    right: false,
    both: false,
};
const RIGHT: Take = Take {
    left: false,
    right: true,
    both: false,
};

/// Where a part of a phrase is.
pub fn phrase(node: &Node, condition: &Condition<'_>, data: &mut Sought) -> Found {
    let (operator, left, right) = match node {
        Node::Word(operand) => return condition(operand, Some(data)),
        Node::Stop => return Found::No,
        Node::Not(operand) => {
            return match phrase(operand, condition, data) {
                Found::No => {
                    data.negated = true;
                    Found::Yes
                }
                Found::Yes if !data.places.is_empty() => {
                    data.negated = !data.negated;
                    Found::Yes
                }
                Found::Yes if data.negated => {
                    data.negated = false;
                    Found::No
                }
                _ => Found::Maybe,
            };
        }
        Node::Both(operator, left, right) => (*operator, left, right),
    };
    let or = operator == Operator::Or;
    let (mut left_data, mut right_data) = (Sought::default(), Sought::default());
    let on_left = phrase(left, condition, &mut left_data);
    if on_left == Found::No && !or {
        return Found::No;
    }
    let on_right = phrase(right, condition, &mut right_data);
    match (on_left, on_right) {
        (_, Found::No) if !or => return Found::No,
        (Found::No, Found::No) => return Found::No,
        (Found::Maybe, _) | (_, Found::Maybe) => return Found::Maybe,
        _ => {}
    }
    if on_left == Found::No {
        left_data.width = 0;
    }
    if on_right == Found::No {
        right_data.width = 0;
    }
    let offsets = match operator {
        Operator::Phrase(distance) => {
            let distance = i32::from(distance);
            data.width = distance + left_data.width + right_data.width;
            (distance + right_data.width, 0)
        }
        _ => {
            data.width = left_data.width.max(right_data.width);
            (data.width - left_data.width, data.width - right_data.width)
        }
    };
    let (take, negated) = match (left_data.negated, right_data.negated, or) {
        (true, true, false) => (ALL, true),
        (true, false, false) => (RIGHT, false),
        (false, true, false) => (LEFT, false),
        (false, false, false) => (BOTH, false),
        (true, true, true) => (BOTH, true),
        (true, false, true) => (LEFT, true),
        (false, true, true) => (RIGHT, true),
        (false, false, true) => (ALL, false),
    };
    merged(data, (&left_data, &right_data), take, offsets);
    if negated {
        data.negated = true;
        return Found::Yes;
    }
    Found::is(!data.places.is_empty())
}

/// The places of two sides, each moved by an offset, of which some are taken.
fn merged(data: &mut Sought, (left, right): (&Sought, &Sought), take: Take, offsets: (i32, i32)) {
    let (mut at_left, mut at_right) = (0, 0);
    loop {
        let next = |side: &Sought, at: usize, offset| {
            let place = side.places.get(at)?;
            Some(i32::from(place & super::POSITION_MAX) + offset)
        };
        let on_left = next(left, at_left, offsets.0);
        let on_right = next(right, at_right, offsets.1);
        let (place, taken) = match (on_left, on_right) {
            (None, None) => break,
            (None, _) if !take.right => break,
            (_, None) if !take.left => break,
            (Some(a), Some(b)) if a == b => {
                at_left += 1;
                at_right += 1;
                (a, take.both)
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                at_left += 1;
                (a, take.left)
            }
            (_, Some(b)) => {
                at_right += 1;
                (b, take.right)
            }
            (Some(_), None) => break,
        };
        if taken && place > 0 {
            #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
            data.places.push(place as u16);
        }
    }
}

/// Whether a document has a word, and where.
pub fn sought(vector: &Vector, operand: &Operand, data: Option<&mut Sought>) -> Found {
    let place = vector.find(&operand.word);
    let mut found = Found::No;
    let mut places = Vec::new();
    let wants_places = data.is_some();
    let at = match place {
        Ok(at) => {
            found = one(
                &vector.lexemes[at].positions,
                operand.weights,
                wants_places.then_some(&mut places),
            );
            at
        }
        Err(at) => at,
    };
    if operand.prefix && (found != Found::Yes || wants_places) {
        places.clear();
        found = Found::No;
        let begins = vector.lexemes[at..]
            .iter()
            .take_while(|lexeme| lexeme.word.starts_with(&operand.word));
        for lexeme in begins {
            let next = one(
                &lexeme.positions,
                operand.weights,
                wants_places.then_some(&mut places),
            );
            match next {
                Found::No => {}
                Found::Maybe if wants_places => {
                    places.clear();
                    found = Found::Maybe;
                    break;
                }
                next => {
                    found = next;
                    if found == Found::Yes && !wants_places {
                        break;
                    }
                }
            }
        }
        places.sort_unstable();
        places.dedup();
    }
    if let Some(data) = data {
        data.places = places;
    }
    found
}

/// Whether a word that is there has one of the weights, and where.
fn one(positions: &[Position], weights: u8, places: Option<&mut Vec<u16>>) -> Found {
    let fits = |position: &&Position| weights == 0 || weights >> position.weight & 1 == 1;
    match places {
        None if weights == 0 => Found::Yes,
        _ if positions.is_empty() => Found::Maybe,
        None => Found::is(positions.iter().any(|position| fits(&position))),
        Some(places) => {
            let before = places.len();
            places.extend(positions.iter().filter(fits).map(|position| position.place));
            Found::is(places.len() > before)
        }
    }
}
