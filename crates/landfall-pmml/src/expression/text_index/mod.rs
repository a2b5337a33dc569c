//! `TextIndex`: how often a term stands in a text, after the text has been normalised.

mod normalization;
mod words;

use super::{Expr, Typed, document};
use crate::pattern::GaveUp;
use crate::read::{Element, Place};
use crate::resolve::Build;
use crate::run::Cx;
use crate::value::{DataType, Value};
use landfall_model::Problem;
use normalization::Normalization;
use std::sync::Arc;
use words::Counting;

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
    let counting = Counting::read(b, element, None)?;
    let (mut normalizations, mut term) = (Vec::new(), None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "TextIndexNormalization" => {
                normalizations.push(Arc::new(Normalization::read(b, &child, &counting)?));
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
            Err(gave_up) => Err(super::evaluate::invalid(&gave_up.what())),
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
            Weights::Augmented if !self.counting.has_words() => 1.0,
            Weights::Augmented => {
                let most =
                    words.iter().map(|word| words.iter().filter(|w| *w == word).count()).max().unwrap_or(1);
                0.5 * (1.0 + count / most as f64)
            }
        })
    }
}
