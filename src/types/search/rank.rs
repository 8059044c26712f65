//! How well documents match: by how often the words are there, and by how near to one another.
//!
//! Sums are single where PostgreSQL's are, so that the last digits agree.

use std::collections::HashMap;

use super::matching::{Found, Sought, ternary};
use super::{Node, Operand, Operator, POSITION_MAX, Position, Query, Vector};

/// What each weight counts, D first.
pub type Weights = [f32; 4];

/// What weights count if nothing is said.
pub const WEIGHTS: Weights = [0.1, 0.2, 0.4, 1.0];

/// What a rank is divided by, as bits.
const LOG_LENGTH: i64 = 1;
const LENGTH: i64 = 2;
const DISTANCE: i64 = 4;
const WORDS: i64 = 8;
const LOG_WORDS: i64 = 16;
const ITSELF_AND_ONE: i64 = 32;

/// Words in a document, each as often as it is there.
fn length(vector: &Vector) -> usize {
    let counts = vector.lexemes.iter().map(|lexeme| lexeme.positions.len());
    counts.map(|count| count.max(1)).sum()
}

#[expect(clippy::cast_precision_loss, reason = "a rank is rough")]
fn real(count: usize) -> f64 {
    count as f64
}

/// Where in a document a word is, or all that begin with it.
fn entries(vector: &Vector, operand: &Operand) -> std::ops::Range<usize> {
    let place = vector.find(&operand.word);
    match (place, operand.prefix) {
        (Ok(at), false) => at..at + 1,
        (Err(at), false) => at..at,
        (Ok(at) | Err(at), true) => {
            let begins = vector.lexemes[at..]
                .iter()
                .take_while(|lexeme| lexeme.word.starts_with(&operand.word));
            at..at + begins.count()
        }
    }
}

/// The words of a query, in order and each once.
fn words(query: &Query) -> Vec<&Operand> {
    // As PostgreSQL keeps them: the right side first.
    let mut operands = query.operands();
    operands.reverse();
    operands.sort_by(|a, b| a.word.cmp(&b.word));
    operands.dedup_by(|a, b| a.word == b.word);
    operands
}

fn weight(weights: &Weights, position: Position) -> f32 {
    weights[usize::from(position.weight & 3)]
}

/// How much words count that are so far apart.
#[expect(clippy::cast_possible_truncation, reason = "as PostgreSQL does")]
fn nearness(distance: i32) -> f32 {
    if distance > 100 {
        return 1e-30;
    }
    (1.0 / (1.005 + 0.05 * (f64::from(distance) / 1.5 - 2.0).exp())) as f32
}

/// The rank of a document in which any word counts.
#[expect(clippy::cast_possible_truncation, reason = "as PostgreSQL does")]
fn any(weights: &Weights, vector: &Vector, query: &Query) -> f32 {
    let nowhere = [Position {
        place: 0,
        weight: 0,
    }];
    let words = words(query);
    let mut rank = 0.0_f32;
    for operand in &words {
        for lexeme in &vector.lexemes[entries(vector, operand)] {
            let positions = match lexeme.positions.as_slice() {
                [] => &nowhere[..],
                positions => positions,
            };
            let (mut sum, mut most, mut at) = (0.0_f32, -1.0_f32, 1.0_f32);
            let mut number = 0.0_f32;
            for position in positions {
                number += 1.0;
                let weight = weight(weights, *position);
                sum += weight / (number * number);
                if weight > most {
                    (most, at) = (weight, number);
                }
            }
            let word = most + sum - most / (at * at);
            rank = (f64::from(rank) + f64::from(word) / 1.644_934_066_85) as f32;
        }
    }
    if !words.is_empty() {
        rank /= real(words.len()) as f32;
    }
    rank
}

/// The rank of a document in which words count by how near they are.
#[expect(clippy::cast_possible_truncation, reason = "as PostgreSQL does")]
fn together(weights: &Weights, vector: &Vector, query: &Query) -> f32 {
    let nowhere = [Position {
        place: POSITION_MAX,
        weight: 0,
    }];
    let words = words(query);
    if words.len() < 2 {
        return any(weights, vector, query);
    }
    let mut rank = -1.0_f32;
    // Of each word before, the places, and whether they are known.
    let mut before: Vec<Option<(&[Position], bool)>> = Vec::with_capacity(words.len());
    for operand in &words {
        let mut last = None;
        for lexeme in &vector.lexemes[entries(vector, operand)] {
            let (here, known) = match lexeme.positions.as_slice() {
                [] => (&nowhere[..], false),
                positions => (positions, true),
            };
            last = Some((here, known));
            for (there, other_known) in before.iter().flatten() {
                for a in here {
                    for b in *there {
                        let distance = i32::from(a.place).abs_diff(b.place.into()).cast_signed();
                        let distance = match distance {
                            0 if known && *other_known => continue,
                            0 => i32::from(POSITION_MAX) + 1,
                            distance => distance,
                        };
                        let product = weight(weights, *a) * weight(weights, *b);
                        let near = f64::from(product * nearness(distance)).sqrt() as f32;
                        rank = match rank < 0.0 {
                            true => near,
                            false => {
                                let apart = (1.0 - f64::from(rank)) * (1.0 - f64::from(near));
                                (1.0 - apart) as f32
                            }
                        };
                    }
                }
            }
        }
        before.push(last);
    }
    rank
}

/// `ts_rank`
#[expect(clippy::cast_possible_truncation, reason = "as PostgreSQL does")]
pub fn rank(weights: &Weights, vector: &Vector, query: &Query, method: i64) -> f32 {
    let Some(root) = &query.root else { return 0.0 };
    if vector.lexemes.is_empty() {
        return 0.0;
    }
    let mut rank = match root {
        Node::Both(Operator::And | Operator::Phrase(_), ..) => together(weights, vector, query),
        _ => any(weights, vector, query),
    };
    if rank < 0.0 {
        rank = 1e-20;
    }
    let words = vector.lexemes.len();
    let divided = |rank: f32, by: f64| (f64::from(rank) / by) as f32;
    if method & LOG_LENGTH != 0 {
        rank = divided(rank, real(length(vector) + 1).ln() / 2.0_f64.ln());
    }
    if method & LENGTH != 0 {
        rank /= real(length(vector)) as f32;
    }
    if method & WORDS != 0 {
        rank /= real(words) as f32;
    }
    if method & LOG_WORDS != 0 {
        rank = divided(rank, real(words + 1).ln() / 2.0_f64.ln());
    }
    if method & ITSELF_AND_ONE != 0 {
        rank /= rank + 1.0;
    }
    rank
}

/// A place of a document at which there is a word that is looked for.
struct Hit {
    position: Position,
    entry: usize,
    /// Which of the query's words it is.
    operands: Vec<usize>,
}

/// Where the query's words are, in order.
fn hits(vector: &Vector, operands: &[&Operand]) -> Vec<Hit> {
    let mut all = Vec::new();
    for (index, operand) in operands.iter().enumerate() {
        for entry in entries(vector, operand) {
            for position in &vector.lexemes[entry].positions {
                if operand.weights == 0 || operand.weights >> position.weight & 1 == 1 {
                    all.push((position.place, position.weight, entry, index));
                }
            }
        }
    }
    all.sort_unstable();
    let mut hits: Vec<Hit> = Vec::new();
    for (place, weight, entry, index) in all {
        let position = Position { place, weight };
        match hits.last_mut() {
            Some(last) if last.position == position && last.entry == entry => {
                last.operands.push(index);
            }
            _ => hits.push(Hit {
                position,
                entry,
                operands: vec![index],
            }),
        }
    }
    hits
}

/// The words of the query seen so far, each with its places.
struct Seen<'a> {
    root: &'a Node,
    indexes: HashMap<*const Operand, usize>,
    places: Vec<Vec<u16>>,
    reverse: bool,
}

impl Seen<'_> {
    fn forget(&mut self, reverse: bool) {
        self.places.iter_mut().for_each(Vec::clear);
        self.reverse = reverse;
    }

    /// Sees one more place; whether what was seen matches.
    fn matches(&mut self, hit: &Hit) -> bool {
        for index in &hit.operands {
            let places = &mut self.places[*index];
            if places.last() != Some(&hit.position.place) {
                places.push(hit.position.place);
            }
        }
        let condition = |operand: &Operand, data: Option<&mut Sought>| {
            let index = self.indexes.get(&std::ptr::from_ref(operand));
            let places = index.map_or(&[][..], |index| &self.places[*index]);
            if places.is_empty() {
                return Found::No;
            }
            if let Some(data) = data {
                data.places = places.to_vec();
                if self.reverse {
                    data.places.reverse();
                }
            }
            Found::Yes
        };
        ternary(self.root, &condition) != Found::No
    }
}

/// The next shortest part of a document that matches, from a hit on: its first and last hit.
fn cover(hits: &[Hit], seen: &mut Seen<'_>, from: &mut usize) -> Option<(usize, usize)> {
    loop {
        seen.forget(false);
        let end = (*from..hits.len()).find(|at| seen.matches(&hits[*at]))?;
        if hits[end].position.place == 0 {
            return None;
        }
        seen.forget(true);
        let begin = (*from..=end).rev().find(|at| seen.matches(&hits[*at]));
        if let Some(begin) = begin {
            *from = begin + 1;
            return Some((begin, end));
        }
        *from += 1;
    }
}

/// `ts_rank_cd`
#[expect(clippy::cast_possible_truncation, reason = "as PostgreSQL does")]
pub fn rank_by_cover(weights: &Weights, vector: &Vector, query: &Query, method: i64) -> f32 {
    let Some(root) = &query.root else { return 0.0 };
    let operands = query.operands();
    let hits = hits(vector, &operands);
    if hits.is_empty() {
        return 0.0;
    }
    let indexes = operands.iter().enumerate();
    let mut seen = Seen {
        root,
        indexes: indexes
            .map(|(index, operand)| (std::ptr::from_ref(*operand), index))
            .collect(),
        places: vec![Vec::new(); operands.len()],
        reverse: false,
    };
    let (mut rank, mut nearness, mut before) = (0.0_f64, 0.0_f64, 0.0_f64);
    let (mut covers, mut from) = (0_usize, 0);
    while let Some((begin, end)) = cover(&hits, &mut seen, &mut from) {
        let inverse: f64 = hits[begin..=end]
            .iter()
            .map(|hit| 1.0 / f64::from(weight(weights, hit.position)))
            .sum();
        let count = end - begin;
        let place = |at: usize| i64::from(hits[at].position.place);
        let noise = place(end) - place(begin) - i64::try_from(count).unwrap_or(0);
        let noise = match usize::try_from(noise) {
            Ok(noise) => noise,
            Err(_) => count / 2,
        };
        rank += real(count + 1) / inverse / real(1 + noise);
        let middle =
            f64::from(i32::from(hits[end].position.place) + i32::from(hits[begin].position.place))
                / 2.0;
        if covers > 0 && middle > before {
            nearness += 1.0 / (middle - before);
        }
        before = middle;
        covers += 1;
    }
    let words = vector.lexemes.len();
    if method & LOG_LENGTH != 0 {
        rank /= real(length(vector) + 1).ln();
    }
    if method & LENGTH != 0 {
        rank /= real(length(vector));
    }
    if method & DISTANCE != 0 && covers > 0 && nearness > 0.0 {
        rank /= real(covers) / nearness;
    }
    if method & WORDS != 0 {
        rank /= real(words);
    }
    if method & LOG_WORDS != 0 {
        rank /= real(words + 1).ln() / 2.0_f64.ln();
    }
    if method & ITSELF_AND_ONE != 0 {
        rank /= rank + 1.0;
    }
    rank as f32
}
