//! `TextIndex`: how often a term stands in a text, after the text has been normalised.

mod normalization;
mod words;

use crate::pattern::GaveUp;
use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;
use normalization::Normalization;
use words::Counting;

/// How a term is counted.
#[derive(Debug)]
pub(crate) struct TextIndex {
    weights: Weights,
    counting: Counting,
    best_hits: bool,
    normalizations: Vec<Normalization>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Weights {
    Frequency,
    Binary,
    Logarithmic,
    Augmented,
}

/// Reads a `<TextIndex>` with its term, an expression that `term_of` reads of a child.
pub(super) fn read<'a, T>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    term_of: impl Fn(&mut Build<'a>, &Element<'a>, &Element<'a>) -> Result<T, Problem>,
) -> Result<(TextIndex, T), Problem> {
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
    let counting = Counting::read(b, element, None)?;
    let (mut normalizations, mut term) = (Vec::new(), None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "TextIndexNormalization" => {
                normalizations.push(Normalization::read(b, &child, &counting)?);
            }
            _ if term.is_none() => term = Some(term_of(b, &child, element)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let term = term.ok_or_else(|| b.xml.malformed(element.place, "<TextIndex> has no term"))?;
    Ok((TextIndex { weights, counting, best_hits, normalizations }, term))
}

impl TextIndex {
    /// The index of a term in a text.
    ///
    /// # Errors
    /// A pattern's search, or a normalisation, was given up.
    pub(super) fn of(&self, text: String, term: &str) -> Result<f64, GaveUp> {
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
            Weights::Augmented if !self.counting.has_words() => 1.0,
            Weights::Augmented => {
                let most =
                    words.iter().map(|word| words.iter().filter(|w| *w == word).count()).max().unwrap_or(1);
                0.5 * (1.0 + count / most as f64)
            }
        })
    }
}
