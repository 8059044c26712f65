//! Which part of a match each group caught, by PostgreSQL's rules: the whole match is the longest
//! or the shortest, as the pattern prefers; then each part, from left to right, takes as much or
//! as little as it prefers of what leaves the rest a match.
//!
//! Programs tell which places a part may end at, so without back references nothing is ever tried
//! in vain. With them tries may fail; they are counted, and a pattern that needs too many is given
//! up.

use std::cell::Cell;
use std::rc::Rc;

use super::invalid;
use super::parse::{Node, Prefers};
use super::program::{INSTRUCTIONS_MAX, Program, Text};
use super::set::same;
use crate::base::Result;

/// Tries of one match with back references.
const TRIES_MAX: usize = 200_000;
/// Parts within one another on the way to a match.
const DEPTH_MAX: usize = 2_000;

/// A part of a pattern, as it is taken apart.
#[derive(Debug)]
struct Part {
    kind: Kind,
    prefers: Prefers,
    /// Whether there is a group or a back reference in it.
    catches: bool,
    refers: bool,
    forward: Rc<Program>,
    backward: Rc<Program>,
}

#[derive(Debug)]
enum Kind {
    /// Nothing in it is caught.
    Plain,
    Group(usize, Box<Part>),
    Back(usize),
    Pair(Box<Part>, Box<Part>),
    Either(Vec<Part>),
    Repeat {
        part: Box<Part>,
        least: u32,
        most: Option<u32>,
        /// What is left of it after one: the same, as often as still may be.
        backward: Rc<Program>,
        inner: Box<Node>,
    },
}

/// What a group caught: from where to where.
pub(super) type Caught = Vec<Option<(usize, usize)>>;

/// A pattern.
#[derive(Debug)]
pub(super) struct Tree {
    part: Part,
    groups: usize,
    ignore_case: bool,
}

impl Tree {
    pub(super) fn new(node: &Node, groups: usize, ignore_case: bool) -> Result<Self> {
        let left = Cell::new(INSTRUCTIONS_MAX);
        Ok(Self {
            part: part(node, &left)?,
            groups,
            ignore_case,
        })
    }

    /// Where matches may begin; with back references some of them do not.
    pub(super) fn starts(&self, text: &Text) -> Vec<usize> {
        let mut starts = Vec::new();
        text.run(&self.part.backward, text.chars.len(), 0, true, |at| {
            starts.push(at);
            true
        });
        starts.reverse();
        starts
    }

    /// The match that begins at a place, if one does.
    pub(super) fn at(&self, text: &Text, start: usize) -> Result<Option<Caught>> {
        let mut search = Search {
            text,
            ignore_case: self.ignore_case,
            caught: vec![None; self.groups + 1],
            tries: 0,
            depth: 0,
        };
        let ends = search.ends(&self.part, start, text.chars.len());
        search.count()?;
        for end in ordered(ends, self.part.prefers) {
            search.caught.fill(None);
            if search.takes(&self.part, start, end, &mut |_| Ok(true))? {
                search.caught[0] = Some((start, end));
                search.count()?;
                return Ok(Some(search.caught));
            }
        }
        search.count()?;
        Ok(None)
    }
}

/// Places in the order they are tried.
fn ordered(mut places: Vec<usize>, prefers: Prefers) -> Vec<usize> {
    if prefers != Prefers::Shortest {
        places.reverse();
    }
    places
}

fn catches(node: &Node) -> (bool, bool) {
    let any = |nodes: &[Node]| {
        nodes
            .iter()
            .map(catches)
            .fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1))
    };
    match node {
        Node::Empty | Node::One(_) | Node::At(_) | Node::Look { .. } => (false, false),
        Node::Back(_) => (true, true),
        Node::Group(_, inner) => (true, catches(inner).1),
        Node::Sequence(nodes) | Node::Either(nodes) => any(nodes),
        Node::Repeat { node, .. } => catches(node),
    }
}

/// What the whole of a part prefers: the first quantifier in it that prefers something.
fn prefers(node: &Node) -> Prefers {
    match node {
        Node::Empty | Node::One(_) | Node::At(_) | Node::Look { .. } | Node::Back(_) => {
            Prefers::Nothing
        }
        Node::Group(_, inner) => prefers(inner),
        Node::Sequence(nodes) => nodes
            .iter()
            .map(prefers)
            .find(|one| *one != Prefers::Nothing)
            .unwrap_or(Prefers::Nothing),
        Node::Either(_) => Prefers::Longest,
        Node::Repeat {
            node, prefers: own, ..
        } => match own {
            Prefers::Nothing => prefers(node),
            own => *own,
        },
    }
}

fn part(node: &Node, left: &Cell<usize>) -> Result<Part> {
    let (catch, refer) = catches(node);
    let kind = match node {
        _ if !catch => Kind::Plain,
        Node::Empty | Node::One(_) | Node::At(_) | Node::Look { .. } => Kind::Plain,
        Node::Back(number) => Kind::Back(*number),
        Node::Group(number, inner) => Kind::Group(*number, Box::new(part(inner, left)?)),
        Node::Sequence(nodes) => match nodes.as_slice() {
            [] => Kind::Plain,
            [one] => return part(one, left),
            nodes => {
                // What has a fixed length is one part.
                let fixed = nodes
                    .iter()
                    .take_while(|node| prefers(node) == Prefers::Nothing && !catches(node).0)
                    .count();
                let (first, rest) = nodes.split_at(fixed.max(1));
                let sequence = |nodes: &[Node]| match nodes {
                    [one] => one.clone(),
                    nodes => Node::Sequence(nodes.to_vec()),
                };
                let first = part(&sequence(first), left)?;
                Kind::Pair(Box::new(first), Box::new(part(&sequence(rest), left)?))
            }
        },
        Node::Either(nodes) => Kind::Either(
            nodes
                .iter()
                .map(|node| part(node, left))
                .collect::<Result<_>>()?,
        ),
        Node::Repeat {
            node: inner,
            least,
            most,
            prefers: own,
        } => match (least, most) {
            (_, Some(0)) => return part(&Node::Empty, left),
            (1, Some(1))
                if *own == Prefers::Nothing
                    || [Prefers::Nothing, *own].contains(&prefers(inner)) =>
            {
                return part(inner, left);
            }
            // Of the groups in it only the last time counts.
            (1.., _) if !refer => {
                let before = Node::Repeat {
                    node: inner.clone(),
                    least: least - 1,
                    most: most.map(|most| most - 1),
                    prefers: *own,
                };
                let before = plain(&before, prefers(node), left)?;
                Kind::Pair(Box::new(before), Box::new(part(inner, left)?))
            }
            _ => {
                let rest = Node::Repeat {
                    node: inner.clone(),
                    least: 0,
                    most: most.map(|most| most - 1),
                    prefers: *own,
                };
                Kind::Repeat {
                    part: Box::new(part(inner, left)?),
                    least: *least,
                    most: *most,
                    backward: Program::new(&rest, true, left)?,
                    inner: inner.clone(),
                }
            }
        },
    };
    Ok(Part {
        kind,
        prefers: prefers(node),
        catches: catch,
        refers: refer,
        forward: Program::new(node, false, left)?,
        backward: Program::new(node, true, left)?,
    })
}

/// A part of which nothing is caught.
fn plain(node: &Node, prefers: Prefers, left: &Cell<usize>) -> Result<Part> {
    Ok(Part {
        kind: Kind::Plain,
        prefers,
        catches: false,
        refers: false,
        forward: Program::new(node, false, left)?,
        backward: Program::new(node, true, left)?,
    })
}

struct Search<'t> {
    text: &'t Text,
    ignore_case: bool,
    caught: Caught,
    tries: usize,
    depth: usize,
}

/// What is to match behind a part.
type Then<'c, 't> = &'c mut dyn FnMut(&mut Search<'t>) -> Result<bool>;

impl<'t> Search<'t> {
    /// Where a part that begins at `from` may end, up to `limit`, in order.
    fn ends(&self, part: &Part, from: usize, limit: usize) -> Vec<usize> {
        let mut ends = Vec::new();
        self.text.run(&part.forward, from, limit, false, |at| {
            ends.push(at);
            true
        });
        ends
    }

    /// Where a program that ends at `to` may begin, down to `limit`: a flag for each place.
    fn begins(&self, backward: &Rc<Program>, to: usize, limit: usize) -> Vec<bool> {
        let mut begins = vec![false; to - limit + 1];
        self.text.run(backward, to, limit, false, |at| {
            begins[at - limit] = true;
            true
        });
        begins
    }

    fn count(&mut self) -> Result<()> {
        self.tries += 1;
        if self.tries > TRIES_MAX || self.depth > DEPTH_MAX || self.text.is_exhausted() {
            return Err(invalid("regular expression is too complex"));
        }
        Ok(())
    }

    /// Takes a part apart that may match from `from` to `to`, then does what follows.
    fn takes(&mut self, part: &Part, from: usize, to: usize, then: Then<'_, 't>) -> Result<bool> {
        if !part.catches {
            return then(self);
        }
        self.depth += 1;
        let taken = self.taken(part, from, to, then);
        self.depth -= 1;
        taken
    }

    fn taken(&mut self, part: &Part, from: usize, to: usize, then: Then<'_, 't>) -> Result<bool> {
        self.count()?;
        match &part.kind {
            Kind::Plain => then(self),
            Kind::Group(number, inner) => {
                let number = *number;
                self.takes(inner, from, to, &mut |search| {
                    let before = search.caught[number].replace((from, to));
                    if then(search)? {
                        return Ok(true);
                    }
                    search.caught[number] = before;
                    Ok(false)
                })
            }
            Kind::Back(number) => {
                let Some((start, end)) = self.caught[*number] else {
                    return Ok(false);
                };
                let chars = &self.text.chars;
                let ignore_case = self.ignore_case;
                let equal = end - start == to - from
                    && chars[start..end]
                        .iter()
                        .zip(&chars[from..to])
                        .all(|(a, b)| same(*a, *b, ignore_case));
                if equal { then(self) } else { Ok(false) }
            }
            Kind::Pair(left, right) => {
                let begins = self.begins(&right.backward, to, from);
                let ends = self.ends(left, from, to);
                for middle in ordered(ends, left.prefers) {
                    if !begins[middle - from] {
                        continue;
                    }
                    let taken = self.takes(left, from, middle, &mut |search| {
                        search.takes(right, middle, to, &mut *then)
                    })?;
                    if taken {
                        return Ok(true);
                    }
                    self.count()?;
                }
                Ok(false)
            }
            Kind::Either(parts) => {
                for part in parts {
                    let fits = self.ends(part, from, to).last() == Some(&to);
                    if fits && self.takes(part, from, to, &mut *then)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Kind::Repeat {
                part,
                least,
                most,
                backward,
                inner,
            } => {
                if part.refers {
                    return self.repeats(part, backward, (from, to), (*least, *most), 0, then);
                }
                // Only empty text matches without any.
                if from == to && *least == 0 {
                    return then(self);
                }
                // Which text the last one takes; no other counts.
                let begins = match most {
                    None => Some(self.begins(backward, to, from)),
                    Some(_) => None,
                };
                let (mut at, mut count) = (from, 1_u32);
                loop {
                    self.count()?;
                    let fits = |middle: usize| match (&begins, most) {
                        (Some(begins), _) => Ok(begins[middle - from]),
                        (None, Some(most)) => {
                            let left = Node::Repeat {
                                node: inner.clone(),
                                least: 0,
                                most: Some(most - count),
                                prefers: Prefers::Longest,
                            };
                            let budget = Cell::new(INSTRUCTIONS_MAX);
                            let program = Program::new(&left, true, &budget)?;
                            Ok::<_, crate::base::Error>(
                                self.begins(&program, to, middle)[0] || middle == to,
                            )
                        }
                        (None, None) => Ok(false),
                    };
                    let ends = self.ends(part, at, to);
                    let mut middle = None;
                    for end in ordered(ends, part.prefers) {
                        if end > at && (end == to || fits(end)?) {
                            middle = Some(end);
                            break;
                        }
                    }
                    match middle {
                        Some(end) if end == to => return self.takes(part, at, to, then),
                        Some(end) => {
                            at = end;
                            count += 1;
                        }
                        None => return Ok(false),
                    }
                }
            }
        }
    }

    /// A repeated part that refers back: each time is tried.
    fn repeats(
        &mut self,
        part: &Part,
        backward: &Rc<Program>,
        (from, to): (usize, usize),
        (least, most): (u32, Option<u32>),
        done: u32,
        then: Then<'_, 't>,
    ) -> Result<bool> {
        self.count()?;
        if from == to && done >= least && then(self)? {
            return Ok(true);
        }
        if most.is_some_and(|most| done >= most) {
            return Ok(false);
        }
        let begins = self.begins(backward, to, from);
        let ends = self.ends(part, from, to);
        for middle in ordered(ends, part.prefers) {
            let empty = middle == from && done + 1 > least;
            if empty || !begins[middle - from] {
                continue;
            }
            self.depth += 1;
            let taken = self.takes(part, from, middle, &mut |search| {
                let bounds = (least, most);
                search.repeats(part, backward, (middle, to), bounds, done + 1, &mut *then)
            });
            self.depth -= 1;
            if taken? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
