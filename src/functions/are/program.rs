//! Patterns as programs that tell where a match may end, without saying how: Thompson's
//! construction, run over all states at once. Time is at most the product of text and program.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::invalid;
use super::parse::{Node, Place};
use super::set::{Set, is_word};
use crate::base::Result;

/// Instructions of all programs of a pattern at most.
pub(super) const INSTRUCTIONS_MAX: usize = 300_000;

#[derive(Debug)]
enum Step {
    One(Rc<Set>),
    Any,
    At(Place),
    Look { negated: bool, program: Rc<Program> },
    Split(usize, usize),
    Jump(usize),
    Done,
}

/// A program that reads forward, or backward from the end of what it matches.
#[derive(Debug)]
pub(super) struct Program {
    steps: Vec<Step>,
    backward: bool,
}

impl Program {
    /// A back reference matches anything here: whether it is the same is checked later.
    /// `left` are the instructions there may still be.
    pub(super) fn new(node: &Node, backward: bool, left: &Cell<usize>) -> Result<Rc<Self>> {
        let mut program = Self {
            steps: Vec::new(),
            backward,
        };
        program.emit(node, left)?;
        program.push(Step::Done, left)?;
        Ok(Rc::new(program))
    }

    fn push(&mut self, step: Step, left: &Cell<usize>) -> Result<usize> {
        let Some(fewer) = left.get().checked_sub(1) else {
            return Err(invalid("regular expression is too complex"));
        };
        left.set(fewer);
        self.steps.push(step);
        Ok(self.steps.len() - 1)
    }

    fn emit(&mut self, node: &Node, left: &Cell<usize>) -> Result<()> {
        match node {
            Node::Empty => {}
            Node::One(set) => {
                self.push(Step::One(set.clone()), left)?;
            }
            Node::At(place) => {
                self.push(Step::At(*place), left)?;
            }
            Node::Look {
                ahead,
                negated,
                node,
            } => {
                let program = Self::new(node, !ahead, left)?;
                let negated = *negated;
                self.push(Step::Look { negated, program }, left)?;
            }
            Node::Back(_) => {
                let split = self.push(Step::Split(0, 0), left)?;
                self.push(Step::Any, left)?;
                self.push(Step::Jump(split), left)?;
                self.steps[split] = Step::Split(split + 1, self.steps.len());
            }
            Node::Group(_, node) => self.emit(node, left)?,
            Node::Sequence(nodes) => {
                for index in 0..nodes.len() {
                    let index = match self.backward {
                        true => nodes.len() - 1 - index,
                        false => index,
                    };
                    self.emit(&nodes[index], left)?;
                }
            }
            Node::Either(nodes) => {
                let mut jumps = Vec::new();
                for (index, node) in nodes.iter().enumerate() {
                    if index + 1 == nodes.len() {
                        self.emit(node, left)?;
                        break;
                    }
                    let split = self.push(Step::Split(0, 0), left)?;
                    self.emit(node, left)?;
                    jumps.push(self.push(Step::Jump(0), left)?);
                    self.steps[split] = Step::Split(split + 1, self.steps.len());
                }
                let end = self.steps.len();
                for jump in jumps {
                    self.steps[jump] = Step::Jump(end);
                }
            }
            Node::Repeat {
                node, least, most, ..
            } => {
                for _ in 0..*least {
                    self.emit(node, left)?;
                }
                match most {
                    None => {
                        let split = self.push(Step::Split(0, 0), left)?;
                        self.emit(node, left)?;
                        self.push(Step::Jump(split), left)?;
                        self.steps[split] = Step::Split(split + 1, self.steps.len());
                    }
                    Some(most) => {
                        let mut splits = Vec::new();
                        for _ in *least..*most {
                            splits.push(self.push(Step::Split(0, 0), left)?);
                            self.emit(node, left)?;
                        }
                        let end = self.steps.len();
                        for split in splits {
                            self.steps[split] = Step::Split(split + 1, end);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// States visited in one text at most: a few seconds.
const VISITS_MAX: u64 = 400_000_000;

/// The text a pattern is matched against.
pub(super) struct Text {
    pub(super) chars: Vec<char>,
    /// What lookaround found, by program and place.
    looks: RefCell<HashMap<(usize, usize), bool>>,
    visits: Cell<u64>,
}

/// A set of states that is emptied at once.
struct States {
    dense: Vec<usize>,
    sparse: Vec<usize>,
}

impl States {
    fn new(size: usize) -> Self {
        Self {
            dense: Vec::with_capacity(size),
            sparse: vec![0; size],
        }
    }

    fn has(&self, state: usize) -> bool {
        self.dense.get(self.sparse[state]) == Some(&state)
    }

    fn insert(&mut self, state: usize) -> bool {
        if self.has(state) {
            return false;
        }
        self.sparse[state] = self.dense.len();
        self.dense.push(state);
        true
    }
}

impl Text {
    pub(super) fn new(text: &str) -> Self {
        Self {
            chars: text.chars().collect(),
            looks: RefCell::default(),
            visits: Cell::new(0),
        }
    }

    /// Whether nothing more is found out: it took too long.
    pub(super) fn is_exhausted(&self) -> bool {
        self.visits.get() > VISITS_MAX
    }

    pub(super) fn holds(&self, place: Place, at: usize) -> bool {
        let word = |at: Option<usize>| {
            at.and_then(|at| self.chars.get(at))
                .is_some_and(|c| is_word(*c))
        };
        let (before, after) = (word(at.checked_sub(1)), word(Some(at)));
        let newline = |at: Option<usize>| at.and_then(|at| self.chars.get(at)) == Some(&'\n');
        match place {
            Place::Start => at == 0,
            Place::End => at == self.chars.len(),
            Place::LineStart => at == 0 || newline(at.checked_sub(1)),
            Place::LineEnd => at == self.chars.len() || newline(Some(at)),
            Place::WordStart => !before && after,
            Place::WordEnd => before && !after,
            Place::WordEdge => before != after,
            Place::NoWordEdge => before == after,
        }
    }

    fn looks(&self, program: &Rc<Program>, at: usize) -> bool {
        let key = (Rc::as_ptr(program) as usize, at);
        if let Some(known) = self.looks.borrow().get(&key) {
            return *known;
        }
        let limit = if program.backward {
            0
        } else {
            self.chars.len()
        };
        let mut found = false;
        self.run(program, at, limit, false, |_| {
            found = true;
            false
        });
        self.looks.borrow_mut().insert(key, found);
        found
    }

    /// Runs a program from a place on, up to another (before it, if the program reads backward).
    /// Tells every place where a match may end, in the order they are met, until told to stop.
    /// `everywhere`: a match may begin at any place on the way too.
    pub(super) fn run(
        &self,
        program: &Rc<Program>,
        from: usize,
        limit: usize,
        everywhere: bool,
        mut met: impl FnMut(usize) -> bool,
    ) {
        let size = program.steps.len();
        let (mut now, mut next) = (States::new(size), States::new(size));
        let mut stack = Vec::new();
        let mut at = from;
        self.enter(program, 0, at, &mut now, &mut stack);
        loop {
            if now.has(size - 1) && !met(at) {
                return;
            }
            if at == limit || now.dense.is_empty() && !everywhere {
                return;
            }
            let visits = u64::try_from(now.dense.len()).unwrap_or(u64::MAX);
            self.visits
                .set(self.visits.get().saturating_add(visits + 1));
            if self.is_exhausted() {
                return;
            }
            let (c, after) = match program.backward {
                true => (self.chars[at - 1], at - 1),
                false => (self.chars[at], at + 1),
            };
            for index in 0..now.dense.len() {
                let state = now.dense[index];
                let passes = match &program.steps[state] {
                    Step::One(set) => set.has(c),
                    Step::Any => true,
                    _ => false,
                };
                if passes {
                    self.enter(program, state + 1, after, &mut next, &mut stack);
                }
            }
            if everywhere {
                self.enter(program, 0, after, &mut next, &mut stack);
            }
            at = after;
            std::mem::swap(&mut now, &mut next);
            next.dense.clear();
        }
    }

    /// Adds a state and those it leads to without reading anything.
    fn enter(
        &self,
        program: &Rc<Program>,
        state: usize,
        at: usize,
        states: &mut States,
        stack: &mut Vec<usize>,
    ) {
        stack.push(state);
        while let Some(state) = stack.pop() {
            if !states.insert(state) {
                continue;
            }
            match &program.steps[state] {
                Step::Split(one, other) => stack.extend([*other, *one]),
                Step::Jump(to) => stack.push(*to),
                Step::At(place) if self.holds(*place, at) => stack.push(state + 1),
                Step::Look { negated, program } if self.looks(program, at) != *negated => {
                    stack.push(state + 1)
                }
                _ => {}
            }
        }
    }
}
