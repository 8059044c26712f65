//! The parts of a document that show what was found in it (`ts_headline`).
//!
//! As PostgreSQL's default parser does it: of all runs of words that match the query the best is
//! shown, made longer or shorter so that it ends well; or several of them, as fragments.

use super::{Found, Kind, Node, Operand, Query, Sought, ternary};
use crate::base::{Error, Result, SqlState};

/// How a headline is made.
#[derive(Debug, Clone)]
pub struct Options {
    max_words: usize,
    min_words: usize,
    short_word: usize,
    max_fragments: usize,
    highlight_all: bool,
    start: String,
    stop: String,
    delimiter: String,
}

/// A token of the document. One that several words of the query are found in is there again for
/// each of the others.
#[derive(Debug, Clone)]
pub struct Word<'t, 'q> {
    kind: Kind,
    text: &'t str,
    place: u16,
    found: Option<&'q Operand>,
    again: bool,
    /// Whether it is part of what is shown.
    shown: bool,
}

/// A run of words, by the first and the last.
type Run = (usize, usize);

impl Options {
    /// Those that are given by name, and PostgreSQL's for the others.
    ///
    /// # Errors
    /// `22023` for others, and for values that cannot be; `22P02`, `22003` for what is no number.
    pub fn new(given: &[(String, String)]) -> Result<Self> {
        let mut options = Self {
            max_words: 35,
            min_words: 15,
            short_word: 3,
            max_fragments: 0,
            highlight_all: false,
            start: "<b>".to_owned(),
            stop: "</b>".to_owned(),
            delimiter: " ... ".to_owned(),
        };
        let (mut max, mut min, mut short, mut fragments) = (35, 15, 3, 0);
        for (name, value) in given {
            match name.to_ascii_lowercase().as_str() {
                "maxwords" => max = number(value)?,
                "minwords" => min = number(value)?,
                "shortword" => short = number(value)?,
                "maxfragments" => fragments = number(value)?,
                "startsel" => options.start.clone_from(value),
                "stopsel" => options.stop.clone_from(value),
                "fragmentdelimiter" => options.delimiter.clone_from(value),
                "highlightall" => {
                    let truth = ["1", "on", "true", "t", "y", "yes"];
                    options.highlight_all =
                        truth.iter().any(|word| word.eq_ignore_ascii_case(value));
                }
                _ => {
                    return Err(refused(format!(
                        "unrecognized headline parameter: \"{name}\""
                    )));
                }
            }
        }
        let wrong = [
            (min >= max, "MinWords should be less than MaxWords"),
            (min <= 0, "MinWords should be positive"),
            (short < 0, "ShortWord should be >= 0"),
            (fragments < 0, "MaxFragments should be >= 0"),
        ];
        // Where all is shown these do not matter.
        if let Some((_, what)) = wrong.iter().find(|(wrong, _)| *wrong)
            && !options.highlight_all
        {
            return Err(refused((*what).to_owned()));
        }
        let size = |number: i32| usize::try_from(number).unwrap_or(0);
        options.max_words = size(max);
        options.min_words = size(min);
        options.short_word = size(short);
        options.max_fragments = size(fragments);
        Ok(options)
    }
}

fn refused(what: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, what)
}

fn number(text: &str) -> Result<i32> {
    let bare = text.trim();
    bare.parse().map_err(|_| {
        let digits = bare.trim_start_matches(['-', '+']);
        match !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("value \"{text}\" is out of range for type integer"),
            ),
            false => Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("invalid input syntax for type integer: \"{text}\""),
            ),
        }
    })
}

/// Adds a token to a document, with what stands for it and its place if it has any.
pub fn add<'t, 'q>(
    words: &mut Vec<Word<'t, 'q>>,
    (kind, text): (Kind, &'t str),
    lexeme: Option<(&str, u16)>,
    query: &'q Query,
) {
    let mut word = Word {
        kind,
        text,
        place: 0,
        found: None,
        again: false,
        shown: false,
    };
    let Some((lexeme, place)) = lexeme else {
        return words.push(word);
    };
    word.place = place;
    let operands = query.operands().into_iter();
    let mut found = operands.filter(|operand| match operand.prefix {
        true => lexeme.starts_with(&operand.word),
        false => lexeme == operand.word,
    });
    word.found = found.next();
    words.push(word.clone());
    words.extend(found.map(|operand| Word {
        found: Some(operand),
        again: true,
        ..word.clone()
    }));
}

/// The headline of a document.
pub fn headline<'q>(mut words: Vec<Word<'_, 'q>>, query: &'q Query, options: &Options) -> String {
    let mut text = Text {
        words: &mut words,
        root: query.root.as_ref(),
        options,
    };
    match options.max_fragments {
        0 => text.mark_best(),
        _ => text.mark_fragments(),
    }
    text.written()
}

struct Text<'a, 't, 'q> {
    words: &'a mut Vec<Word<'t, 'q>>,
    root: Option<&'q Node>,
    options: &'a Options,
}

/// A run that matches, or a part of one.
struct Cover {
    run: Run,
    /// Words in it, and those of the query.
    length: usize,
    interesting: usize,
    chosen: bool,
    excluded: bool,
}

impl Text<'_, '_, '_> {
    /// Whether a token counts as a word.
    fn is_word(&self, at: usize) -> bool {
        !matches!(
            self.words[at].kind,
            Kind::Blank | Kind::Tag | Kind::Url | Kind::NumHWord | Kind::AsciiHWord | Kind::HWord
        )
    }

    fn is_interesting(&self, at: usize) -> bool {
        self.words[at].found.is_some() && !self.words[at].again
    }

    /// Whether a headline does not end well with it.
    fn ends_badly(&self, at: usize) -> bool {
        let word = &self.words[at];
        let no_end = !self.is_word(at)
            || matches!(
                word.kind,
                Kind::Scientific
                    | Kind::Version
                    | Kind::Decimal
                    | Kind::SignedInt
                    | Kind::UnsignedInt
                    | Kind::Protocol
                    | Kind::Entity
            );
        (no_end || word.text.len() <= self.options.short_word) && !self.is_interesting(at)
    }

    /// The first token of the query from one on.
    fn next_found(&self, from: usize) -> Option<usize> {
        let rest = self.words.get(from..)?;
        let next = rest.iter().position(|word| word.found.is_some())?;
        Some(from + next)
    }

    /// Whether a run matches by itself.
    fn matches(&self, (first, last): Run) -> bool {
        let within = &self.words[first..=last];
        let condition = |operand: &Operand, data: Option<&mut Sought>| {
            let found =
                |word: &&Word<'_, '_>| word.found.is_some_and(|found| std::ptr::eq(found, operand));
            let mut places = within.iter().filter(found).map(|word| word.place);
            let Some(data) = data else {
                return if places.next().is_some() {
                    Found::Yes
                } else {
                    Found::No
                };
            };
            for place in places {
                if data.places.last().is_none_or(|last| *last < place) {
                    data.places.push(place);
                }
            }
            if data.places.is_empty() {
                Found::No
            } else {
                Found::Yes
            }
        };
        self.root
            .is_some_and(|root| ternary(root, &condition) != Found::No)
    }

    /// The earliest and then shortest run from a token on that matches.
    fn cover(&self, from: usize) -> Option<Run> {
        let longest = (self.options.max_words.saturating_mul(10)).max(100)
            * self.options.max_fragments.max(1);
        let mut first = self.next_found(from);
        while let Some(start) = first {
            let mut last = Some(start);
            while let Some(end) = last.filter(|end| end - start < longest) {
                if self.matches((start, end)) {
                    return Some((start, end));
                }
                last = self.next_found(end + 1);
            }
            first = self.next_found(start + 1);
        }
        None
    }

    /// How many words, and how many of the query, tokens are.
    fn count(&self, at: usize) -> (usize, usize) {
        (
            usize::from(self.is_word(at)),
            usize::from(self.is_interesting(at)),
        )
    }

    /// Shows one run: all there is, the best that matches, or the beginning.
    fn mark_best(&mut self) {
        if self.options.highlight_all {
            return self.mark((0, self.words.len().saturating_sub(1)));
        }
        let mut best: Option<(Run, usize, bool)> = None;
        let mut from = 0;
        while let Some(cover) = self.cover(from) {
            let (run, interesting) = self.around(cover);
            let whole = run.0 <= cover.0 && run.1 >= cover.1;
            let better = best.is_none_or(|((_, end), most, was_whole)| {
                let ends = !self.ends_badly(run.1) && self.ends_badly(end);
                (whole, interesting) > (was_whole, most)
                    || (whole, interesting) == (was_whole, most) && ends
            });
            if better {
                best = Some((run, interesting, whole));
            }
            from = cover.0 + 1;
        }
        match best {
            Some((run, ..)) => self.mark(run),
            None => self.mark_beginning(),
        }
    }

    /// The headline around a run that matches, and how many words of the query are in it.
    fn around(&self, (first, last): Run) -> (Run, usize) {
        let (min, max) = (self.options.min_words, self.options.max_words);
        let (mut length, mut interesting) = (0, 0);
        let (mut start, mut end) = (first, first);
        let mut at = first;
        while at <= last && length < max {
            let (word, found) = self.count(at);
            length += word;
            interesting += found;
            end = at;
            at += 1;
        }
        if length < max {
            // There is room: on to a good end, and the other way if the text is over before.
            at -= 1;
            while at < self.words.len() && length < max {
                if at > last {
                    let (word, found) = self.count(at);
                    length += word;
                    interesting += found;
                }
                end = at;
                if !self.ends_badly(at) && length >= min {
                    break;
                }
                at += 1;
            }
            if length < min {
                start = 0;
                for at in (0..first).rev() {
                    let (word, found) = self.count(at);
                    length += word;
                    interesting += found;
                    if length >= max || !self.ends_badly(at) && length >= min {
                        start = at;
                        break;
                    }
                }
            }
        } else {
            at = at.min(last);
            while length > min && self.ends_badly(at) {
                let (word, found) = self.count(at);
                length -= word;
                interesting -= found;
                at = at.saturating_sub(1);
                end = at;
            }
        }
        ((start, end), interesting)
    }

    /// Shows as many words as must be, from the beginning on.
    fn mark_beginning(&mut self) {
        let (mut length, mut end) = (0, 0);
        for at in 0..self.words.len() {
            if length >= self.options.min_words {
                break;
            }
            length += self.count(at).0;
            end = at;
        }
        self.mark((0, end));
    }

    /// Shows the best runs that match, not too long ones.
    fn mark_fragments(&mut self) {
        let mut covers = Vec::new();
        let mut from = 0;
        while let Some((first, last)) = self.cover(from) {
            let mut start = first;
            while start <= last {
                let cover = self.fragment((start, last));
                start = cover.run.1 + 1;
                covers.push(cover);
            }
            from = first + 1;
        }
        let mut marked = false;
        for _ in 0..self.options.max_fragments {
            let (mut most, mut least, mut chosen) = (0, usize::MAX, None);
            for (index, cover) in covers.iter().enumerate() {
                let free = !cover.chosen && !cover.excluded;
                let more =
                    cover.interesting > most || cover.interesting == most && cover.length < least;
                if free && more {
                    (most, least, chosen) = (cover.interesting, cover.length, Some(index));
                }
            }
            let Some(chosen) = chosen else { break };
            let run = self.stretched(&covers[chosen]);
            covers[chosen].chosen = true;
            covers[chosen].run = run;
            self.mark(run);
            marked = true;
            let within = |at: usize| (run.0..=run.1).contains(&at);
            for (index, cover) in covers.iter_mut().enumerate() {
                let (start, end) = cover.run;
                let overlaps = within(start) || within(end) || start < run.0 && end > run.1;
                cover.excluded |= index != chosen && overlaps;
            }
        }
        if !marked {
            self.mark_beginning();
        }
    }

    /// The first part of a run that has not too many words, and words of the query at both ends.
    fn fragment(&self, (mut start, mut end): Run) -> Cover {
        let first = (start..=end).find(|at| self.is_interesting(*at));
        start = first.unwrap_or(end);
        let (mut length, mut interesting) = (0, 0);
        let mut at = start;
        while at <= end && length < self.options.max_words {
            let (word, found) = self.count(at);
            length += word;
            interesting += found;
            at += 1;
        }
        if end > at {
            end = at;
            for at in (start..=at).rev() {
                end = at;
                if self.is_interesting(at) {
                    break;
                }
                length = length.saturating_sub(self.count(at).0);
            }
        }
        Cover {
            run: (start, end),
            length,
            interesting,
            chosen: false,
            excluded: false,
        }
    }

    /// A part with as many words around it as there is room for, up to good ends.
    fn stretched(&self, cover: &Cover) -> Run {
        let max = self.options.max_words;
        let ((mut start, mut end), mut length) = (cover.run, cover.length);
        if length >= max {
            return (start, end);
        }
        let room = (max - length) / 2;
        let mut stretch = 0;
        let mut mark = start;
        for at in (0..start).rev() {
            if stretch >= room || self.words[at].shown {
                break;
            }
            stretch += self.count(at).0;
            mark = at;
        }
        length += stretch;
        while mark < start && self.ends_badly(mark) {
            length -= self.count(mark).0;
            mark += 1;
        }
        start = mark;
        let mut mark = end;
        for at in end + 1..self.words.len() {
            if length >= max || self.words[at].shown {
                break;
            }
            length += self.count(at).0;
            mark = at;
        }
        while mark > end && self.ends_badly(mark) {
            mark -= 1;
        }
        end = mark;
        (start, end)
    }

    fn mark(&mut self, (start, end): Run) {
        for word in self.words.iter_mut().take(end + 1).skip(start) {
            word.shown = !word.again;
        }
    }

    /// What is shown, each run of it a fragment.
    fn written(&self) -> String {
        let mut out = String::new();
        let (mut inside, mut fragments) = (false, 0);
        for word in self.words.iter().filter(|word| !word.again) {
            if !word.shown {
                inside = false;
                continue;
            }
            if !std::mem::replace(&mut inside, true) {
                if fragments > 0 {
                    out.push_str(&self.options.delimiter);
                }
                fragments += 1;
            }
            match word.kind {
                Kind::Tag if !self.options.highlight_all => out.push(' '),
                // The parts are there, too.
                Kind::Url | Kind::NumHWord | Kind::AsciiHWord | Kind::HWord => {}
                _ if word.found.is_some() => {
                    out.push_str(&self.options.start);
                    out.push_str(word.text);
                    out.push_str(&self.options.stop);
                }
                _ => out.push_str(word.text),
            }
        }
        out
    }
}
