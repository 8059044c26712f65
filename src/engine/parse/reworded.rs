//! Texts with some of their words written otherwise.

use sqlparser::tokenizer::{Location, Span};

/// A text with some of its words written otherwise.
pub(crate) fn replaced(text: &str, mut words: Vec<(Span, String)>) -> String {
    words.sort_unstable_by_key(|(span, _)| (span.start.line, span.start.column));
    let characters: Vec<char> = text.chars().collect();
    let mut lines = vec![0];
    let ends = characters.iter().enumerate().filter(|(_, c)| **c == '\n');
    lines.extend(ends.map(|(at, _)| at + 1));
    let place = |location: Location| {
        let line = usize::try_from(location.line).unwrap_or(1).max(1);
        let column = usize::try_from(location.column).unwrap_or(1).max(1);
        lines.get(line - 1).map(|start| start + column - 1)
    };
    let (mut written, mut next) = (String::new(), 0);
    for (span, word) in words {
        let (Some(start), Some(end)) = (place(span.start), place(span.end)) else {
            continue;
        };
        if start < next || end > characters.len() {
            continue;
        }
        written.extend(&characters[next..start]);
        written.push_str(&word);
        next = end;
    }
    written.extend(&characters[next..]);
    written
}
