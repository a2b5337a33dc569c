//! What a model says of its training: the loss, and the names of the classes.

use crate::classes::Labels;
use crate::document::{Value, json, wrong};
use crate::spread::Spread;
use landfall_model::Problem;

/// Metadata of a model.
#[derive(Debug, Default)]
pub(crate) struct Info {
    /// The loss's name; `None` where the file does not say.
    pub(crate) loss: Option<String>,
    /// Classes in the order of the sums; `None` for a model that is no classifier.
    labels: Option<Labels>,
    /// The class that each sum stands for, by its place among them; empty where the file does not say.
    of_sums: Vec<f64>,
    /// The probability above which the second of two classes is chosen.
    pub(crate) threshold: Option<f64>,
    pub(crate) written_by: Option<String>,
}

/// Losses of classifiers.
const CLASSIFIERS: [&str; 7] = [
    "Logloss",
    "CrossEntropy",
    "MultiClass",
    "MultiClassOneVsAll",
    "Focal",
    "MultiLogloss",
    "MultiCrossEntropy",
];

impl Info {
    /// Takes one key of the metadata in, as the text of a document.
    ///
    /// # Errors
    /// Malformed JSON, or classes that are none, naming the key.
    pub(crate) fn take_text(&mut self, key: &str, text: &[u8]) -> Result<(), Problem> {
        match key {
            // A sum of models that is loaded and saved once more has empty parameters.
            "params" | "loss_function" | "class_params" | "multiclass_params"
                if !text.trim_ascii().is_empty() =>
            {
                self.take(key, &json::read(key, text)?).map_err(|problem| problem.at(key))
            }
            _ => match std::str::from_utf8(text) {
                Ok(text) => self.take(key, &Value::Text(text.into())),
                Err(_) => Ok(()),
            },
        }
    }

    /// Takes one key of the metadata in.
    ///
    /// # Errors
    /// As [`Info::take_text`].
    pub(crate) fn take(&mut self, key: &str, value: &Value<'_>) -> Result<(), Problem> {
        match key {
            // Of models that were summed, whose parameters stand under other keys; it comes before the parameters' own.
            "loss_function" => self.loss = value.maybe("type", Value::text_owned)?.or(self.loss.take()),
            "params" => {
                if let (None, Some(loss)) = (&self.loss, value.find("loss_function")) {
                    self.loss = loss.maybe("type", Value::text_owned)?;
                }
                let names = value.find("data_processing_options").and_then(|it| it.find("class_names"));
                if let (None, Some(names)) = (&self.labels, names) {
                    self.labels = labels(names, None)?;
                }
            }
            "class_params" | "multiclass_params" => {
                let kind = value.find("class_label_type").and_then(|kind| kind.text().ok());
                let named = match value.find("class_names") {
                    Some(names) => labels(names, kind)?,
                    None => None,
                };
                let counted = value.maybe("classes_count", Value::count)?.filter(|&count| count > 0);
                let of_sums = value.find("class_to_label");
                let numbered = of_sums.map(|list| labels(list, Some("Integer")));
                let counted = counted.map(Labels::numbered).transpose()?;
                let found = named.or(counted).or(numbered.transpose()?.flatten());
                if found.is_some() {
                    self.labels = found;
                    self.of_sums = value.maybe("class_to_label", Value::f64s)?.unwrap_or_default();
                }
            }
            "binclass_probability_threshold" => self.threshold = value.number().ok(),
            "catboost_version_info" => {
                let text = value.text().unwrap_or_default();
                let release = text.split_once("CatBoost release ").map(|(_, rest)| rest);
                let version = release.and_then(|rest| rest.split([' ', '\n']).next());
                self.written_by = version.map(|version| version.trim_end_matches('.').to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether each sum answers for itself.
    pub(crate) fn is_multi_label(&self) -> bool {
        matches!(self.loss.as_deref(), Some("MultiLogloss" | "MultiCrossEntropy"))
    }

    /// Whether probabilities of several sums are told one by one.
    pub(crate) fn is_one_against_all(&self) -> bool {
        self.loss.as_deref() == Some("MultiClassOneVsAll") || self.is_multi_label()
    }

    /// The classes of a model of so many sums, and how those come to the places of all classes where there are more of
    /// these; `None` where it is no classifier.
    ///
    /// # Errors
    /// Invalid argument, when there are too many.
    pub(crate) fn classes(&self, dimension: usize) -> Result<Option<(Labels, Option<Spread>)>, Problem> {
        let is_classifier = self.loss.as_deref().is_some_and(|loss| CLASSIFIERS.contains(&loss));
        if self.loss.is_some() && !is_classifier {
            return Ok(None);
        }
        let spread = self.spread(dimension)?;
        let expected = spread.as_ref().map_or(dimension.max(2), Spread::width);
        let labels = match &self.labels {
            Some(labels) if labels.len() == expected && !self.is_multi_label() => labels.clone(),
            None if self.loss.is_none() => return Ok(None),
            _ => Labels::numbered(expected)?,
        };
        Ok(Some((labels, spread)))
    }

    /// Of a classifier that was told of more classes than its training data had: where its sums belong among all of them.
    fn spread(&self, dimension: usize) -> Result<Option<Spread>, Problem> {
        let classes = self.labels.as_ref().map_or(0, Labels::len);
        if dimension < 2 || classes <= dimension || self.of_sums.len() != dimension || self.is_multi_label() {
            return Ok(None);
        }
        Spread::new(&self.of_sums, classes).map(Some)
    }
}

/// Names of classes; `None` where there are none. Truth values are read as numbers.
fn labels(names: &Value<'_>, kind: Option<&str>) -> Result<Option<Labels>, Problem> {
    let found = match names {
        Value::Numbers(numbers) if numbers.len() == 0 => return Ok(None),
        Value::Numbers(numbers) => {
            let numbers = numbers.collect(|number| number);
            let whole = numbers.iter().all(|number| number.fract() == 0.0 && number.abs() < 9e15);
            match kind {
                Some("Boolean") => {
                    let name = |number: &f64| if *number == 0.0 { "False" } else { "True" };
                    Labels::Texts(numbers.iter().map(|number| name(number).to_owned()).collect())
                }
                Some("Float") => Labels::Floats(numbers),
                _ if whole => Labels::Integers(numbers.iter().map(|&number| number as i64).collect()),
                _ => Labels::Floats(numbers),
            }
        }
        Value::List(_) => Labels::Texts(names.texts()?),
        other => return Err(wrong(format!("expected names of classes, found {}", other.kind()))),
    };
    Ok(Some(found))
}
