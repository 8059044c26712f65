//! Configurations and their dictionaries: which words stand for which others, and which say
//! nothing.
//!
//! Stems are Snowball's. The library is of an older version than PostgreSQL 15 has, which differs
//! from it in what is done here to Russian words, in French ones with a diaeresis, and in the
//! languages it does not know: these are refused.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

use super::Kind;
use crate::base::{Error, Result};

/// Bytes of what may be a word; a longer one is kept as it is.
const STEMMED_BYTES_MAX: usize = 1_000;
/// Letters that newer French stems tell from those without dots.
const DIAERESES: [char; 2] = ['\u{eb}', '\u{ef}'];
/// The OIDs of `simple`: the configuration, the dictionary.
const SIMPLE: (u32, u32) = (3748, 3765);
/// The OID of the first language's dictionary; its configuration is the next.
const FIRST: u32 = 13151;

/// A language with its own configuration and dictionary.
#[derive(Debug)]
struct Language {
    name: &'static str,
    /// `None` if there is none.
    stemmer: Option<Algorithm>,
    /// Words that say nothing, one a line.
    stops: &'static str,
}

macro_rules! languages {
    ($($name:literal $algorithm:ident $($stops:literal)?;)*) => {
        /// In the order of their OIDs.
        const LANGUAGES: &[Language] = &[$(Language {
            name: $name,
            stemmer: languages!($algorithm),
            stops: concat!("" $(, include_str!($stops))?),
        }),*];
    };
    (missing) => { None };
    ($algorithm:ident) => { Some(Algorithm::$algorithm) };
}

languages! {
    "arabic" Arabic;
    "armenian" missing;
    "basque" missing;
    "catalan" missing;
    "danish" Danish "stop/danish.stop";
    "dutch" Dutch "stop/dutch.stop";
    "english" English "stop/english.stop";
    "finnish" Finnish "stop/finnish.stop";
    "french" French "stop/french.stop";
    "german" German "stop/german.stop";
    "greek" Greek;
    "hindi" missing;
    "hungarian" Hungarian "stop/hungarian.stop";
    "indonesian" missing;
    "irish" missing;
    "italian" Italian "stop/italian.stop";
    "lithuanian" missing;
    "nepali" missing;
    "norwegian" Norwegian "stop/norwegian.stop";
    "portuguese" Portuguese "stop/portuguese.stop";
    "romanian" Romanian;
    "russian" Russian "stop/russian.stop";
    "serbian" missing;
    "spanish" Spanish "stop/spanish.stop";
    "swedish" Swedish "stop/swedish.stop";
    "tamil" Tamil;
    "turkish" Turkish "stop/turkish.stop";
    "yiddish" missing;
}

/// Stop words by language.
static STOPS: LazyLock<HashMap<&str, HashSet<&str>>> = LazyLock::new(|| {
    let lists = LANGUAGES.iter().map(|language| {
        let words = language.stops.lines().map(str::trim);
        (
            language.name,
            words.filter(|word| !word.is_empty()).collect(),
        )
    });
    lists.collect()
});

/// A dictionary: of a language, or `simple`, which knows every word.
#[derive(Debug, Clone, Copy)]
pub struct Dictionary(Option<usize>);

impl Dictionary {
    /// The dictionary of an OID.
    pub fn of(oid: u32) -> Option<Self> {
        if oid == SIMPLE.1 {
            return Some(Self(None));
        }
        let after = oid.checked_sub(FIRST)?;
        let index = usize::try_from(after / 2).ok()?;
        (after % 2 == 0 && index < LANGUAGES.len()).then_some(Self(Some(index)))
    }

    /// The dictionary of a name.
    pub fn named(name: &str) -> Option<Self> {
        if name == "simple" {
            return Some(Self(None));
        }
        let language = name.strip_suffix("_stem")?;
        let index = LANGUAGES.iter().position(|one| one.name == language)?;
        Some(Self(Some(index)))
    }

    /// What it is called.
    pub fn name(self) -> Cow<'static, str> {
        match self.language() {
            Some(language) => format!("{}_stem", language.name).into(),
            None => "simple".into(),
        }
    }

    /// Its OID.
    pub fn oid(self) -> u32 {
        match self.0.map(u32::try_from) {
            Some(Ok(index)) => FIRST + 2 * index,
            _ => SIMPLE.1,
        }
    }

    fn language(self) -> Option<&'static Language> {
        LANGUAGES.get(self.0?)
    }

    /// What stands for a word; `None` if it says nothing.
    ///
    /// # Errors
    /// `0A000` where PostgreSQL's stem is not known.
    pub fn lexeme(self, word: &str) -> Result<Option<String>> {
        let lower: String = word.chars().map(lower).collect();
        let Some(language) = self.language() else {
            return Ok((!lower.is_empty()).then_some(lower));
        };
        let Some(algorithm) = language.stemmer else {
            let name = language.name;
            return Err(Error::unsupported(format!("stems of {name} words")));
        };
        if word.len() > STEMMED_BYTES_MAX {
            return Ok(Some(lower));
        }
        let stops = STOPS.get(language.name);
        if lower.is_empty() || stops.is_some_and(|stops| stops.contains(lower.as_str())) {
            return Ok(None);
        }
        let written = match algorithm {
            Algorithm::French if lower.contains(DIAERESES) => {
                return Err(Error::unsupported("stems of french words with a diaeresis"));
            }
            Algorithm::Russian => lower.replace('\u{451}', "\u{435}"),
            _ => lower,
        };
        let stem = Stemmer::create(algorithm).stem(&written).into_owned();
        // What would leave nothing of a word is not done to it.
        Ok(Some(if stem.is_empty() { written } else { stem }))
    }
}

/// A letter's small one, where that is one.
fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// A configuration: of a language, or `simple`.
#[derive(Debug, Clone, Copy)]
pub struct Config(Option<usize>);

impl Config {
    /// The configuration of an OID.
    pub fn of(oid: u32) -> Option<Self> {
        match oid == SIMPLE.0 {
            true => Some(Self(None)),
            false => Dictionary::of(oid.checked_sub(1)?)
                .filter(|dictionary| dictionary.0.is_some())
                .map(|dictionary| Self(dictionary.0)),
        }
    }

    /// The configuration of a name.
    pub fn named(name: &str) -> Option<Self> {
        if name == "simple" {
            return Some(Self(None));
        }
        let index = LANGUAGES.iter().position(|one| one.name == name)?;
        Some(Self(Some(index)))
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        Dictionary(self.0)
            .language()
            .map_or("simple", |language| language.name)
    }

    /// Its OID.
    pub fn oid(self) -> u32 {
        match self.0 {
            Some(_) => Dictionary(self.0).oid() + 1,
            None => SIMPLE.0,
        }
    }

    /// The dictionary that is asked for tokens of a kind; `None` if they are left out.
    pub fn dictionary(self, kind: Kind) -> Option<Dictionary> {
        match kind {
            Kind::Blank | Kind::Tag | Kind::Protocol | Kind::Entity => None,
            Kind::Word | Kind::HWord | Kind::PartHWord => Some(Dictionary(self.0)),
            // In texts of other scripts they are English.
            Kind::AsciiWord | Kind::AsciiHWord | Kind::AsciiPartHWord => match self.name() {
                "hindi" | "russian" => Dictionary::named("english_stem"),
                _ => Some(Dictionary(self.0)),
            },
            _ => Some(Dictionary(None)),
        }
    }
}
