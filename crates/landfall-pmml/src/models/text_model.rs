//! `<TextModel>`: the document of a collection that a text is most like.
//!
//! The text is what stands in the active text fields; a model whose active fields are named as its terms takes their
//! numbers as counts.

use super::{Body, Header};
use crate::read::{Element, Matrix, array};
use crate::resolve::{Build, Slot, Usage};
use crate::run::{Answer, Cx, Ranked};
use crate::value::{DataType, Value};
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &["numberOfTerms", "numberOfDocuments"];

#[derive(Debug)]
struct TextModel {
    terms: Vec<Vec<String>>,
    /// Fields of text, or one for each term.
    fields: Vec<(Slot, DataType)>,
    counted: bool,
    documents: Vec<Document>,
    weights: Weights,
    global: Vec<f64>,
    cosine: bool,
}

#[derive(Debug)]
struct Document {
    id: Value,
    name: Value,
    vector: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Weights {
    local: Local,
    normalised: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Local {
    Frequency,
    Binary,
    Logarithmic,
    Augmented,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Global {
    None,
    InverseDocumentFrequency,
    FrequencyByDocuments,
    Normal,
    ProbabilisticInverse,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let (mut terms, mut corpus, mut matrix) = (Vec::new(), Vec::new(), None);
    let mut weights = Weights { local: Local::Frequency, normalised: false };
    let (mut global, mut cosine) = (Global::None, true);
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "TextDictionary" => terms = dictionary(b, &child)?,
            "TextCorpus" => corpus = documents(b, &child)?,
            "DocumentTermMatrix" => matrix = Some(Matrix::within(&mut b.xml, &child)?),
            "TextModelNormalization" => (weights, global) = normalization(b, &child)?,
            "TextModelSimiliarity" | "TextModelSimilarity" => {
                child.only(&b.xml, &["similarityType"])?;
                cosine = match child.get("similarityType") {
                    None | Some("cosine") => true,
                    Some("euclidean") => false,
                    Some(_) => return Err(child.value(&b.xml, "similarityType")),
                };
                b.xml.leaf(&child)?;
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let matrix = matrix.ok_or_else(|| b.xml.malformed(element.place, "<DocumentTermMatrix> is missing"))?;
    // A matrix of no rows need not say its columns.
    if matrix.rows != corpus.len() || (matrix.columns != terms.len() && !corpus.is_empty()) {
        let what = "<DocumentTermMatrix> has not one row for each document and one column for each term";
        return Err(b.xml.malformed(element.place, what));
    }
    let global = global.of(&matrix);
    let vector = |row: usize| weights.apply(matrix.row(row), &global);
    let documents = corpus.into_iter().enumerate();
    let documents = documents.map(|(row, (id, name))| Document { id, name, vector: vector(row) }).collect();
    let active = header.schema.fields.iter().filter(|field| field.usage == Usage::Active);
    let active: Vec<(&String, Slot)> = active.filter_map(|field| Some((&field.name, field.slot?))).collect();
    let named = |term: &String| active.iter().find(|(name, _)| *name == term).map(|(_, slot)| *slot);
    let by_term: Option<Vec<Slot>> = terms.iter().map(named).collect();
    let counted = by_term.is_some();
    let slots = by_term.unwrap_or_else(|| active.iter().map(|(_, slot)| *slot).collect());
    let fields = slots.into_iter().map(|slot| (slot, b.slots[slot as usize].dtype)).collect();
    let terms = terms.iter().map(|term| words(term)).collect();
    Ok(Box::new(TextModel { terms, fields, counted, documents, weights, global, cosine }))
}

fn dictionary<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<String>, Problem> {
    element.only(&b.xml, &[])?;
    let mut terms = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Array" => terms = array::texts(&mut b.xml, &child)?,
            // Which terms are kinds of others: no formula takes it.
            "Taxonomy" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(terms)
}

fn documents<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<(Value, Value)>, Problem> {
    element.only(&b.xml, &[])?;
    let mut all = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "TextDocument" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["id", "name", "length", "file"])?;
        let id = Value::Text(b.symbols.intern(child.need(&b.xml, "id")?));
        let name = child.get("name").map_or(id, |name| Value::Text(b.symbols.intern(name)));
        all.push((id, name));
        b.xml.leaf(&child)?;
    }
    Ok(all)
}

fn normalization<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<(Weights, Global), Problem> {
    element.only(&b.xml, &["localTermWeights", "globalTermWeights", "documentNormalization"])?;
    let local = match element.get("localTermWeights") {
        None | Some("termFrequency") => Local::Frequency,
        Some("binary") => Local::Binary,
        Some("logarithmic") => Local::Logarithmic,
        Some("augmentedNormalizedTermFrequency") => Local::Augmented,
        Some(_) => return Err(element.value(&b.xml, "localTermWeights")),
    };
    let global = match element.get("globalTermWeights") {
        Some("none") => Global::None,
        None | Some("inverseDocumentFrequency") => Global::InverseDocumentFrequency,
        Some("GFIDF") => Global::FrequencyByDocuments,
        Some("normal") => Global::Normal,
        Some("probabilisticInverse") => Global::ProbabilisticInverse,
        Some(_) => return Err(element.value(&b.xml, "globalTermWeights")),
    };
    let normalised = match element.get("documentNormalization") {
        None | Some("none") => false,
        Some("cosine") => true,
        Some(_) => return Err(element.value(&b.xml, "documentNormalization")),
    };
    b.xml.leaf(element)?;
    Ok((Weights { local, normalised }, global))
}

impl Global {
    /// The weight of each term, by how it is spread over the documents.
    fn of(self, matrix: &Matrix) -> Vec<f64> {
        let documents = matrix.rows as f64;
        let term = |column: usize| {
            let counts = || (0..matrix.rows).map(move |row| matrix.get(row, column));
            let with = counts().filter(|count| *count > 0.0).count() as f64;
            match self {
                Global::None => 1.0,
                _ if with == 0.0 => 0.0,
                Global::InverseDocumentFrequency => (documents / with).ln(),
                Global::FrequencyByDocuments => counts().sum::<f64>() / with,
                Global::Normal => 1.0 / counts().map(|count| count * count).sum::<f64>().sqrt(),
                Global::ProbabilisticInverse if documents > with => ((documents - with) / with).ln(),
                Global::ProbabilisticInverse => 0.0,
            }
        };
        (0..matrix.columns).map(term).collect()
    }
}

impl Weights {
    /// Counts of terms as a vector that is compared.
    fn apply(self, counts: &[f64], global: &[f64]) -> Vec<f64> {
        let most = counts.iter().copied().fold(0.0, f64::max);
        let local = |count: f64| match self.local {
            _ if count <= 0.0 => 0.0,
            Local::Frequency => count,
            Local::Binary => 1.0,
            Local::Logarithmic => count.ln_1p(),
            Local::Augmented => 0.5 * (1.0 + count / most),
        };
        let mut vector: Vec<f64> = counts.iter().zip(global).map(|(count, g)| local(*count) * g).collect();
        let length = length(&vector);
        if self.normalised && length > 0.0 {
            vector.iter_mut().for_each(|x| *x /= length);
        }
        vector
    }
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Lower-case words without what is no letter and no digit.
fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

impl TextModel {
    fn counts(&self, cx: &mut Cx<'_>) -> Result<Option<Vec<f64>>, Problem> {
        let mut counts = vec![0.0; self.terms.len()];
        let mut known = false;
        for (place, (slot, dtype)) in self.fields.iter().enumerate() {
            let value = cx.get(*slot)?;
            if value.is_missing() {
                continue;
            }
            known = true;
            if self.counted {
                counts[place] = value.num().unwrap_or(0.0);
                continue;
            }
            let words = words(&cx.shown(value, *dtype));
            for (count, term) in counts.iter_mut().zip(&self.terms) {
                *count +=
                    words.windows(term.len().max(1)).filter(|window| *window == &term[..]).count() as f64;
            }
        }
        Ok(known.then_some(counts))
    }
}

impl Body for TextModel {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let Some(counts) = self.counts(cx)? else { return Ok(()) };
        let x = self.weights.apply(&counts, &self.global);
        answer.nearest_first = !self.cosine;
        let mut best: Option<(usize, f64)> = None;
        for (at, document) in self.documents.iter().enumerate() {
            let pairs = || x.iter().zip(&document.vector);
            let affinity = match self.cosine {
                true => {
                    let lengths = length(&x) * length(&document.vector);
                    let dot: f64 = pairs().map(|(a, b)| a * b).sum();
                    if lengths > 0.0 { dot / lengths } else { 0.0 }
                }
                false => pairs().map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt(),
            };
            answer.ranked.push(Ranked { entity: document.id, name: document.name, affinity });
            let nearer = |other: f64| if self.cosine { affinity > other } else { affinity < other };
            if best.is_none_or(|(_, other)| nearer(other)) {
                best = Some((at, affinity));
            }
        }
        if let Some((at, _)) = best {
            let document = &self.documents[at];
            (answer.value, answer.entity, answer.display) = (document.id, document.id, document.name);
        }
        Ok(())
    }
}
