//! `TextIndex`: how often a term stands in a text, after the text has been normalised.

use super::{Expr, Typed, document};
use crate::pattern::{GaveUp, Pattern, Way};
use crate::read::{Element, Place, table};
use crate::resolve::Build;
use crate::run::Cx;
use crate::value::{DataType, Value};
use landfall_model::Problem;
use std::sync::{Arc, LazyLock};

/// Rounds of a recursive normalisation, at most.
const ROUNDS_MAX: usize = 1_000;

/// A `<TextIndex>` as the document has it.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) field: String,
    pub(crate) term: document::Node,
    weights: Weights,
    counting: Counting,
    best_hits: bool,
    normalizations: Vec<Arc<Normalization>>,
}

/// A resolved one.
#[derive(Debug)]
pub(crate) struct TextIndex {
    text: Expr,
    text_type: DataType,
    term: Expr,
    term_type: DataType,
    weights: Weights,
    counting: Counting,
    best_hits: bool,
    normalizations: Vec<Arc<Normalization>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Weights {
    Frequency,
    Binary,
    Logarithmic,
    Augmented,
}

/// How words are told apart and compared.
#[derive(Clone, Debug)]
struct Counting {
    words: Words,
    case_sensitive: bool,
    distance_max: usize,
}

#[derive(Clone, Debug)]
enum Words {
    /// What stands between matches.
    Between(Pattern),
    /// What matches.
    Matching(Pattern),
    /// The text is not split.
    Whole,
}

#[derive(Debug)]
struct Normalization {
    rows: Vec<Replacement>,
    recursive: bool,
    counting: Counting,
}

#[derive(Debug)]
enum Replacement {
    Pattern(Pattern, String),
    Words(Vec<String>, String),
}

/// Reads a `<TextIndex>`.
pub(super) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Document, Problem> {
    element.only(
        &b.xml,
        &[
            "textField",
            "localTermWeights",
            "isCaseSensitive",
            "maxLevenshteinDistance",
            "countHits",
            "wordSeparatorCharacterRE",
            "tokenize",
            "x-wordRE",
        ],
    )?;
    let weights = match element.get("localTermWeights") {
        None | Some("termFrequency") => Weights::Frequency,
        Some("binary") => Weights::Binary,
        Some("logarithmic") => Weights::Logarithmic,
        Some("augmentedNormalizedTermFrequency") => Weights::Augmented,
        Some(_) => return Err(element.value(&b.xml, "localTermWeights")),
    };
    let best_hits = match element.get("countHits") {
        None | Some("allHits") => false,
        Some("bestHits") => true,
        Some(_) => return Err(element.value(&b.xml, "countHits")),
    };
    let counting = counting(b, element, None)?;
    let (mut normalizations, mut term) = (Vec::new(), None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "TextIndexNormalization" => {
                normalizations.push(Arc::new(normalization(b, &child, &counting)?));
            }
            _ if term.is_none() => term = Some(document::read_expression(b, &child, element)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(Document {
        field: element.need(&b.xml, "textField")?.to_owned(),
        term: term.ok_or_else(|| b.xml.malformed(element.place, "<TextIndex> has no term"))?,
        weights,
        counting,
        best_hits,
        normalizations,
    })
}

fn counting<'a>(b: &Build<'a>, element: &Element<'a>, outer: Option<&Counting>) -> Result<Counting, Problem> {
    let pattern = |text: &str| pattern(b, text, Way::DOCUMENT, element.place);
    let tokenize =
        element.flag(&b.xml, "tokenize", outer.is_none_or(|o| !matches!(o.words, Words::Whole)))?;
    let words = match (element.get("x-wordRE"), element.get("wordSeparatorCharacterRE"), outer) {
        _ if !tokenize => Words::Whole,
        (Some(word), _, _) => Words::Matching(pattern(word)?),
        (None, Some(separator), _) => Words::Between(pattern(separator)?),
        (None, None, Some(Counting { words: words @ (Words::Between(_) | Words::Matching(_)), .. })) => {
            words.clone()
        }
        (None, None, _) => Words::Between(pattern(r"\s+")?),
    };
    let case_sensitive = element.flag(&b.xml, "isCaseSensitive", outer.is_some_and(|o| o.case_sensitive))?;
    let distance = element.count(&b.xml, "maxLevenshteinDistance")?;
    let distance_max = distance.or(outer.map(|o| o.distance_max)).unwrap_or(0);
    Ok(Counting { words, case_sensitive, distance_max })
}

fn pattern<'a>(b: &Build<'a>, text: &str, way: Way, place: Place) -> Result<Pattern, Problem> {
    Pattern::new(text, way).map_err(|why| b.xml.unsupported(place, format!("pattern {text:?}: {why}")))
}

fn normalization<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    outer: &Counting,
) -> Result<Normalization, Problem> {
    element.only(
        &b.xml,
        &[
            "inField",
            "outField",
            "regexField",
            "recursive",
            "isCaseSensitive",
            "maxLevenshteinDistance",
            "wordSeparatorCharacterRE",
            "tokenize",
        ],
    )?;
    let counting = counting(b, element, Some(outer))?;
    let recursive = element.flag(&b.xml, "recursive", false)?;
    let column = |name: &str, default: &str| element.get(name).unwrap_or(default).to_owned();
    let (from, to) = (column("inField", "string"), column("outField", "stem"));
    let is_regex = column("regexField", "regex");
    let mut rows = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "InlineTable" {
            return Err(b.xml.unknown(&child, element));
        }
        for row in table::inline(&mut b.xml, &child)? {
            let Some(text) = table::cell(&row, &from) else { continue };
            let stem = table::cell(&row, &to).unwrap_or_default().to_owned();
            let is_pattern =
                table::cell(&row, &is_regex).is_some_and(|flag| flag.trim() == "true" || flag.trim() == "1");
            rows.push(if is_pattern {
                let way = Way { ignores_case: !counting.case_sensitive, ..Way::DOCUMENT };
                Replacement::Pattern(pattern(b, text, way, child.place)?, stem)
            } else {
                let words = counting.split(text);
                Replacement::Words(words.map_err(|_| b.xml.unsupported(child.place, GaveUp::what()))?, stem)
            });
        }
    }
    Ok(Normalization { rows, recursive, counting })
}

/// Resolves one whose text and term are resolved.
pub(super) fn resolve(
    _: &mut Build<'_>,
    document: &Document,
    text: Typed,
    term: Typed,
    _: Place,
) -> Result<Typed, Problem> {
    let index = TextIndex {
        text: text.expr,
        text_type: text.dtype,
        term: term.expr,
        term_type: term.dtype,
        weights: document.weights,
        counting: document.counting.clone(),
        best_hits: document.best_hits,
        normalizations: document.normalizations.clone(),
    };
    Ok(Typed { expr: Expr::TextIndex(Box::new(index)), dtype: DataType::Double })
}

impl Counting {
    /// The words of a text, without punctuation around them, in the case that is compared.
    fn split(&self, text: &str) -> Result<Vec<String>, GaveUp> {
        let of = |(from, to): &(usize, usize)| text[*from..*to].to_owned();
        let trimmed = |span| of(span).trim_matches(is_punctuation).to_owned();
        let words: Vec<String> = match &self.words {
            Words::Between(pattern) => {
                pattern.gaps(text)?.iter().map(trimmed).filter(|word| !word.is_empty()).collect()
            }
            Words::Matching(pattern) => pattern.spans(text)?.iter().map(of).collect(),
            Words::Whole => vec![text.to_owned()],
        };
        Ok(match self.case_sensitive {
            true => words,
            false => words.into_iter().map(|word| word.to_lowercase()).collect(),
        })
    }

    /// Letters that differ between a phrase and the words at a place; `None` when there are too many.
    fn distance(&self, words: &[String], phrase: &[String]) -> Option<usize> {
        let mut total = 0;
        for (word, wanted) in words.iter().zip(phrase) {
            if word != wanted {
                if self.distance_max == 0 {
                    return None;
                }
                total += levenshtein(word, wanted);
            }
            if total > self.distance_max {
                return None;
            }
        }
        Some(total)
    }

    /// Distances of all places at which a phrase stands.
    fn hits(&self, words: &[String], phrase: &[String]) -> Vec<usize> {
        match phrase.len() {
            0 => Vec::new(),
            length => words.windows(length).filter_map(|window| self.distance(window, phrase)).collect(),
        }
    }
}

impl Normalization {
    fn apply(&self, text: String) -> Result<String, GaveUp> {
        let mut text = text;
        for _ in 0..if self.recursive { ROUNDS_MAX } else { 1 } {
            let before = text.clone();
            for row in &self.rows {
                text = row.apply(&text, &self.counting)?;
            }
            if text == before {
                break;
            }
        }
        Ok(text)
    }
}

impl Replacement {
    fn apply(&self, text: &str, counting: &Counting) -> Result<String, GaveUp> {
        match self {
            Replacement::Pattern(pattern, stem) => pattern.replace_all(text, stem),
            Replacement::Words(phrase, stem) => replace_words(text, phrase, stem, counting),
        }
    }
}

/// Words that are a phrase are replaced; all other text stays as it is.
fn replace_words(text: &str, phrase: &[String], stem: &str, counting: &Counting) -> Result<String, GaveUp> {
    let spans: Vec<(usize, usize)> = match &counting.words {
        Words::Whole => {
            let same = if counting.case_sensitive { text == stem } else { false };
            let whole = phrase
                .first()
                .is_some_and(|p| *p == text || (!counting.case_sensitive && *p == text.to_lowercase()));
            return Ok(if whole && !same { stem.to_owned() } else { text.to_owned() });
        }
        Words::Matching(pattern) => pattern.spans(text)?,
        Words::Between(pattern) => {
            let words = pattern.gaps(text)?;
            words.iter().filter_map(|(start, end)| trimmed_span(text, *start, *end)).collect()
        }
    };
    let case = |word: &str| if counting.case_sensitive { word.to_owned() } else { word.to_lowercase() };
    let words: Vec<String> = spans.iter().map(|(start, end)| case(&text[*start..*end])).collect();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while !phrase.is_empty() && at + phrase.len() <= words.len() {
        if counting.distance(&words[at..at + phrase.len()], phrase).is_some() {
            out.push_str(&text[copied..spans[at].0]);
            out.push_str(stem);
            at += phrase.len();
            copied = spans[at - 1].1;
        } else {
            at += 1;
        }
    }
    out.push_str(&text[copied..]);
    Ok(out)
}

/// Unicode's punctuation: signs of currency and of arithmetic are none.
fn is_punctuation(character: char) -> bool {
    static PATTERN: LazyLock<Option<regex::Regex>> = LazyLock::new(|| regex::Regex::new(r"^\p{P}$").ok());
    if character.is_ascii() {
        return character.is_ascii_punctuation() && !"$+<=>^`|~".contains(character);
    }
    let pattern = PATTERN.as_ref();
    !character.is_alphanumeric() && pattern.is_some_and(|p| p.is_match(character.encode_utf8(&mut [0; 4])))
}

fn trimmed_span(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let word = &text[start..end];
    let inner = word.trim_matches(is_punctuation);
    if inner.is_empty() {
        return None;
    }
    let skipped = word.len() - word.trim_start_matches(is_punctuation).len();
    Some((start + skipped, start + skipped + inner.len()))
}

fn levenshtein(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

impl TextIndex {
    pub(crate) fn evaluate(&self, cx: &mut Cx<'_>) -> Result<Value, Problem> {
        let text = super::evaluate(&self.text, cx)?;
        let term = super::evaluate(&self.term, cx)?;
        if text.is_missing() || term.is_missing() {
            return Ok(Value::Missing);
        }
        let (text, term) = (cx.shown(text, self.text_type), cx.shown(term, self.term_type));
        match self.index(text, &term) {
            Ok(index) => Ok(Value::Num(index)),
            Err(GaveUp) => Err(super::evaluate::invalid(cx, &GaveUp::what())),
        }
    }

    fn index(&self, text: String, term: &str) -> Result<f64, GaveUp> {
        // Terms are words of the vocabulary that the text is brought to.
        let mut text = text;
        for normalization in &self.normalizations {
            text = normalization.apply(text)?;
        }
        let words = self.counting.split(&text)?;
        let phrase = self.counting.split(term)?;
        let hits = self.counting.hits(&words, &phrase);
        let count = match (self.best_hits, hits.iter().min()) {
            (true, Some(best)) => hits.iter().filter(|hit| *hit == best).count(),
            _ => hits.len(),
        } as f64;
        Ok(match self.weights {
            Weights::Frequency => count,
            Weights::Binary => f64::from(u8::from(count > 0.0)),
            Weights::Logarithmic => (1.0 + count).log10(),
            Weights::Augmented if count == 0.0 => 0.0,
            Weights::Augmented => {
                let most =
                    words.iter().map(|word| words.iter().filter(|w| *w == word).count()).max().unwrap_or(1);
                0.5 * (1.0 + count / most as f64)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(distance_max: usize) -> Counting {
        let blanks = Pattern::new(r"\s+", Way::DOCUMENT).unwrap();
        Counting { words: Words::Between(blanks), case_sensitive: false, distance_max }
    }

    #[test]
    fn phrases_are_found_word_by_word() {
        let words = counting(0).split("The sun, the SUN and the moon.").unwrap();
        assert_eq!(counting(0).hits(&words, &counting(0).split("the sun").unwrap()).len(), 2);
        assert_eq!(counting(1).hits(&words, &counting(1).split("son").unwrap()), [1, 1]);
    }

    #[test]
    fn words_are_replaced_where_they_stand() {
        let phrase = counting(0).split("user friendly").unwrap();
        let replaced = replace_words("A user friendly, b", &phrase, "user_friendly", &counting(0));
        assert_eq!(replaced.as_deref(), Ok("A user_friendly, b"));
    }

    #[test]
    fn distances_count_single_letters() {
        assert_eq!(levenshtein("kitten", "sitting"), 3);
        assert_eq!(levenshtein("", "ab"), 2);
    }
}
