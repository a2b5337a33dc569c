//! The words of a text, and where a phrase stands among them.

use crate::pattern::{GaveUp, Pattern, Way};
use crate::read::{Element, Place};
use crate::resolve::Build;
use landfall_model::{Problem, edit_distance};
use std::sync::LazyLock;

/// How words are told apart and compared.
#[derive(Clone, Debug)]
pub(super) struct Counting {
    words: Words,
    pub(super) case_sensitive: bool,
    distance_max: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Words {
    /// What stands between matches.
    Between(Pattern),
    /// What matches.
    Matching(Pattern),
    /// The text is not split: a phrase may begin and end with any character.
    Characters,
}

impl Counting {
    /// Reads the attributes that say it; what they do not say is as around them.
    pub(super) fn read<'a>(
        b: &Build<'a>,
        element: &Element<'a>,
        outer: Option<&Counting>,
    ) -> Result<Self, Problem> {
        let pattern = |text: &str| pattern(b, text, Way::DOCUMENT, element.place);
        let tokenize =
            element.flag(&b.xml, "tokenize", outer.is_none_or(|o| !matches!(o.words, Words::Characters)))?;
        let words = match (element.get("x-wordRE"), element.get("wordSeparatorCharacterRE"), outer) {
            _ if !tokenize => Words::Characters,
            (Some(word), _, _) => Words::Matching(pattern(word)?),
            (None, Some(separator), _) => Words::Between(pattern(separator)?),
            (None, None, Some(Counting { words: words @ (Words::Between(_) | Words::Matching(_)), .. })) => {
                words.clone()
            }
            (None, None, _) => Words::Between(pattern(r"\s+")?),
        };
        let case_sensitive =
            element.flag(&b.xml, "isCaseSensitive", outer.is_some_and(|o| o.case_sensitive))?;
        let distance = element.count(&b.xml, "maxLevenshteinDistance")?;
        let distance_max = distance.or(outer.map(|o| o.distance_max)).unwrap_or(0);
        Ok(Counting { words, case_sensitive, distance_max })
    }
}

/// A pattern of the document.
pub(super) fn pattern<'a>(b: &Build<'a>, text: &str, way: Way, place: Place) -> Result<Pattern, Problem> {
    Pattern::new(text, way).map_err(|why| b.xml.unsupported(place, format!("pattern {text:?}: {why}")))
}

impl Counting {
    /// Where the words of a text stand, without punctuation around them.
    pub(super) fn spans(&self, text: &str) -> Result<Vec<(usize, usize)>, GaveUp> {
        match &self.words {
            Words::Between(pattern) => {
                let words = pattern.gaps(text)?;
                Ok(words.iter().filter_map(|(start, end)| trimmed_span(text, *start, *end)).collect())
            }
            Words::Matching(pattern) => pattern.spans(text),
            Words::Characters => {
                Ok(text.char_indices().map(|(at, letter)| (at, at + letter.len_utf8())).collect())
            }
        }
    }

    /// The words of a text, in the case that is compared.
    pub(super) fn split(&self, text: &str) -> Result<Vec<String>, GaveUp> {
        let case = |word: &str| if self.case_sensitive { word.to_owned() } else { word.to_lowercase() };
        Ok(self.spans(text)?.iter().map(|(start, end)| case(&text[*start..*end])).collect())
    }

    /// Whether words are told apart at all.
    pub(super) fn has_words(&self) -> bool {
        !matches!(self.words, Words::Characters)
    }

    /// Letters that differ between a phrase and the words at a place; `None` when there are too many.
    pub(super) fn distance(&self, words: &[String], phrase: &[String]) -> Option<usize> {
        let mut total = 0;
        for (word, wanted) in words.iter().zip(phrase) {
            if word != wanted {
                if self.distance_max == 0 {
                    return None;
                }
                total += edit_distance(word, wanted);
            }
            if total > self.distance_max {
                return None;
            }
        }
        Some(total)
    }

    /// Distances of all places at which a phrase stands.
    pub(super) fn hits(&self, words: &[String], phrase: &[String]) -> Vec<usize> {
        match phrase.len() {
            0 => Vec::new(),
            length => words.windows(length).filter_map(|window| self.distance(window, phrase)).collect(),
        }
    }
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
}
