//! `<TextIndexNormalization>`: words and patterns of a text that become those of a vocabulary.

use super::words::{Counting, pattern};
use crate::pattern::{GaveUp, Pattern, Way};
use crate::read::{Element, table};
use crate::resolve::Build;
use landfall_model::Problem;

/// Rounds of a recursive normalisation, at most.
const ROUNDS_MAX: usize = 1_000;
/// A text may grow by so many times its bytes, and by so many bytes: a recursive normalisation may lengthen it each round.
const GROWTH_MAX: usize = 16;
const TEXT_MAX: usize = 1 << 16;

#[derive(Debug)]
pub(super) struct Normalization {
    rows: Vec<Replacement>,
    recursive: bool,
    counting: Counting,
}

#[derive(Debug)]
enum Replacement {
    Pattern(Pattern, String),
    Words(Vec<String>, String),
}

impl Normalization {
    /// Reads one; what it does not say is as `outer` has it.
    pub(super) fn read<'a>(
        b: &mut Build<'a>,
        element: &Element<'a>,
        outer: &Counting,
    ) -> Result<Self, Problem> {
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
                "x-wordRE",
            ],
        )?;
        let counting = Counting::read(b, element, Some(outer))?;
        let recursive = element.flag(&b.xml, "recursive", false)?;
        let column = |name: &str, default: &str| element.get(name).unwrap_or(default).to_owned();
        let (from, to) = (column("inField", "string"), column("outField", "stem"));
        let is_regex = column("regexField", "regex");
        let mut rows = Vec::new();
        while let Some(child) = b.xml.child(element)? {
            let Some(table) = table::read(&mut b.xml, &child)? else {
                return Err(b.xml.unknown(&child, element));
            };
            for row in table {
                let Some(text) = table::cell(&row, &from) else { continue };
                let stem = table::cell(&row, &to).unwrap_or_default().to_owned();
                let is_pattern = table::cell(&row, &is_regex)
                    .is_some_and(|flag| flag.trim() == "true" || flag.trim() == "1");
                rows.push(if is_pattern {
                    let way = Way { ignores_case: !counting.case_sensitive, ..Way::DOCUMENT };
                    Replacement::Pattern(pattern(b, text, way, child.place)?, stem)
                } else {
                    let words = counting.split(text);
                    Replacement::Words(
                        words.map_err(|gave_up| b.xml.unsupported(child.place, gave_up.what()))?,
                        stem,
                    )
                });
            }
        }
        Ok(Normalization { rows, recursive, counting })
    }

    /// The text as it is to be counted.
    pub(super) fn apply(&self, text: String) -> Result<String, GaveUp> {
        let most = TEXT_MAX + text.len() * GROWTH_MAX;
        let mut text = text;
        for _ in 0..if self.recursive { ROUNDS_MAX } else { 1 } {
            let before = text.clone();
            for row in &self.rows {
                text = row.apply(&text, &self.counting)?;
                if text.len() > most {
                    return Err(GaveUp::Growth);
                }
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
    let (spans, words) = (counting.spans(text)?, counting.split(text)?);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Xml;

    fn applied(attributes: &str, row: &str, text: &str) -> String {
        let document = format!(
            "<TextIndexNormalization {attributes}><InlineTable><row>{row}</row></InlineTable></TextIndexNormalization>"
        );
        let mut b = Build::new(Xml::new(&document, "m"));
        let element = b.xml.root().unwrap();
        let outer = Counting::read(&b, &element, None).unwrap();
        Normalization::read(&mut b, &element, &outer).unwrap().apply(text.to_owned()).unwrap()
    }

    #[test]
    fn words_are_replaced_where_they_stand() {
        let row = "<string>user friendly</string><stem>user_friendly</stem>";
        assert_eq!(applied("", row, "A User friendly, b"), "A user_friendly, b");
        assert_eq!(applied("isCaseSensitive=\"true\"", row, "A User friendly, b"), "A User friendly, b");
    }

    #[test]
    fn without_words_characters_are_replaced_where_they_stand() {
        assert_eq!(
            applied("tokenize=\"false\"", "<string>ab</string><stem>x</stem>", "cABa, abab"),
            "cxa, xx"
        );
    }
}
