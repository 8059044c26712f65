//! Queries in which a part is replaced by another.

use super::query::{DEPTH_MAX, too_deep};
use super::{Node, Operator, Query};
use crate::base::Result;

/// A part of a query whose operators that do not care for it have any number of operands, in order.
#[derive(Debug, Clone)]
struct Tree {
    /// What it is without operands.
    own: Own,
    /// The last operand first, as PostgreSQL keeps them.
    children: Vec<Self>,
    /// Whether it was put in here, and stays.
    fixed: bool,
    /// The bytes it is compared by; shorter ones within it are up to date.
    key: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Own {
    Word(super::Operand),
    Not,
    Both(Operator),
}

impl Own {
    /// Whether they are of one kind.
    fn like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Word(_), Self::Word(_)) | (Self::Not, Self::Not) => true,
            (Self::Both(a), Self::Both(b)) => a.number() == b.number(),
            _ => false,
        }
    }

    const fn flattens(&self) -> bool {
        matches!(self, Self::Both(Operator::And | Operator::Or))
    }
}

impl Tree {
    fn of(node: &Node, depth: usize) -> Result<Self> {
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        let (own, children) = match node {
            Node::Word(operand) => (Own::Word(operand.clone()), Vec::new()),
            Node::Stop => return Err(too_deep()),
            Node::Not(operand) => (Own::Not, vec![Self::of(operand, depth + 1)?]),
            Node::Both(operator, left, right) => (
                Own::Both(*operator),
                vec![Self::of(right, depth + 1)?, Self::of(left, depth + 1)?],
            ),
        };
        let mut tree = Self {
            own,
            children,
            fixed: false,
            key: Vec::new(),
        };
        tree.remember();
        Ok(tree)
    }

    /// Makes anew what it is compared by.
    fn remember(&mut self) {
        let mut key = Vec::new();
        match &self.own {
            Own::Word(operand) => {
                let word = Query::of(Node::Word(operand.clone()));
                let code = word.pack().unwrap_or_default();
                key.extend_from_slice(Query::key(&code).get(8..).unwrap_or_default());
            }
            Own::Not | Own::Both(_) => {
                let number = match self.own {
                    Own::Both(operator) => operator.number(),
                    _ => super::query::NOT,
                };
                // What has more operands comes first.
                let count = u32::try_from(self.children.len()).unwrap_or(u32::MAX);
                key.extend_from_slice(&[0, !number]);
                key.extend_from_slice(&(!count).to_be_bytes());
                for child in &self.children {
                    key.extend_from_slice(&child.key);
                }
                if let Own::Both(Operator::Phrase(distance)) = self.own {
                    let distance = distance.cast_unsigned() ^ 1 << 15;
                    key.extend_from_slice(&(!distance).to_be_bytes());
                }
            }
        }
        self.key = key;
    }

    /// Operators within the same operator become one.
    fn flattened(mut self) -> Self {
        let children = std::mem::take(&mut self.children);
        for child in children {
            let child = child.flattened();
            match self.own.flattens() && self.own.like(&child.own) {
                true => self.children.extend(child.children),
                false => self.children.push(child),
            }
        }
        self.remember();
        self
    }

    /// Operands in order, where theirs does not matter.
    fn sort(&mut self) {
        for child in &mut self.children {
            child.sort();
        }
        if self.own.flattens() {
            self.children.sort_by(|a, b| a.key.cmp(&b.key));
        }
        self.remember();
    }

    /// With `sought` replaced at this part itself; `None` if nothing is left of it.
    fn replaced_here(mut self, sought: &Self, by: Option<&Self>) -> Option<Self> {
        if !self.own.like(&sought.own) || self.fixed {
            return Some(self);
        }
        if self.children.len() == sought.children.len() {
            return match self.key == sought.key {
                true => by.cloned().map(Self::into_fixed),
                false => Some(self),
            };
        }
        if self.children.len() < sought.children.len() || sought.children.is_empty() {
            return Some(self);
        }
        // Both are in order: one pass finds which operands are sought.
        let mut found = vec![false; self.children.len()];
        let mut wanted = sought.children.iter().peekable();
        for (child, found) in self.children.iter().zip(&mut found) {
            let Some(next) = wanted.peek() else { break };
            match child.key.cmp(&next.key) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => {
                    *found = true;
                    wanted.next();
                }
                std::cmp::Ordering::Greater => break,
            }
        }
        if wanted.peek().is_none() {
            let mut found = found.into_iter();
            self.children.retain(|_| !found.next().unwrap_or(false));
            self.children.extend(by.cloned().map(Self::into_fixed));
            self.sort();
        }
        Some(self)
    }

    fn into_fixed(mut self) -> Self {
        self.fixed = true;
        self
    }

    /// With `sought` replaced wherever it is.
    fn replaced(self, sought: &Self, by: Option<&Self>) -> Option<Self> {
        let mut tree = self.replaced_here(sought, by)?;
        if tree.fixed || matches!(tree.own, Own::Word(_)) {
            return Some(tree);
        }
        tree.children = std::mem::take(&mut tree.children)
            .into_iter()
            .filter_map(|child| child.replaced(sought, by))
            .collect();
        match tree.children.len() {
            0 => None,
            1 if tree.own != Own::Not => tree.children.pop(),
            _ => {
                tree.remember();
                Some(tree)
            }
        }
    }

    /// As a query's part again: the last of many operands joins the first two.
    fn node(self) -> Option<Node> {
        match self.own {
            Own::Word(operand) => Some(Node::Word(operand)),
            Own::Not => {
                let operand = self.children.into_iter().next()?.node()?;
                Some(Node::Not(Box::new(operand)))
            }
            Own::Both(operator) => {
                let mut nodes = Vec::with_capacity(self.children.len());
                for child in self.children {
                    nodes.push(child.node()?);
                }
                while nodes.len() > 2 {
                    let last = nodes.pop()?;
                    let second = std::mem::replace(&mut nodes[1], last);
                    let first = std::mem::replace(&mut nodes[0], Node::Stop);
                    nodes[0] = Node::both(operator, second, first);
                }
                let left = nodes.pop()?;
                let right = nodes.pop()?;
                Some(Node::both(operator, left, right))
            }
        }
    }
}

/// A query with each `sought` in it replaced; by nothing, if what replaces it is empty.
///
/// # Errors
/// `54001`
pub fn rewritten(query: Query, sought: &Query, by: &Query) -> Result<Query> {
    let (Some(root), Some(sought)) = (&query.root, &sought.root) else {
        return Ok(query);
    };
    let in_order = |node: &Node| {
        let mut tree = Tree::of(node, 0)?.flattened();
        tree.sort();
        Ok::<_, crate::base::Error>(tree)
    };
    let tree = in_order(root)?;
    let sought = in_order(sought)?;
    let by = by.root.as_ref().map(|by| Tree::of(by, 0)).transpose()?;
    Ok(Query {
        root: tree.replaced(&sought, by.as_ref()).and_then(Tree::node),
    })
}
