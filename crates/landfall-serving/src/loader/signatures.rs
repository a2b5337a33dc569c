//! A model's signatures with what its settings, and a probe, say of missing values and of rows.

use super::probe::{one_length, overridden, proven};
use crate::GoldenRows;
use crate::{LoadReport, ModelSettings, NullRules};
use landfall_model::{Call, InputSpec, Model, NullRule, Problem, Reason, RowRule, Signature};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The signatures with the rules for missing values and for rows that configuration sets.
pub(super) fn with_rules(
    signatures: &[Arc<Signature>],
    settings: &ModelSettings,
) -> Result<Vec<Arc<Signature>>, Problem> {
    let rules = &settings.null_rules;
    for input in rules.by_input.keys() {
        let known = |signature: &Arc<Signature>| signature.inputs().iter().any(|spec| spec.name == *input);
        if !signatures.iter().any(known) {
            let problem = Problem::new(Reason::InputUnknown { input: input.clone() });
            let known = signatures.iter().flat_map(|signature| signature.inputs());
            let known: BTreeSet<&str> = known.map(|spec| spec.name.as_str()).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(problem.at(format!("rules for missing values (inputs are {known})")));
        }
    }
    let ruled = |signature: &Arc<Signature>| {
        let mut ruled = overridden(signature, settings.batch)?;
        for (slot, spec) in signature.inputs().iter().enumerate() {
            let Some(rule) = rules.of(&spec.name).filter(|rule| !is_others(rule, spec, rules, signature))
            else {
                continue;
            };
            let misfit = |problem: Problem| {
                let setting = format!("rule for missing values of input {:?}", spec.name);
                Problem::new(Reason::SettingInvalid { setting, why: problem.to_string() })
            };
            let rule = NullRule::parse(rule, spec.dtype).map_err(misfit)?;
            ruled = ruled.with_null_rule(slot, rule).map_err(|problem| {
                let setting = "rule for missing values".to_owned();
                Problem::new(Reason::SettingInvalid { setting, why: problem.to_string() })
            })?;
        }
        Ok(ruled.shared())
    };
    signatures.iter().map(ruled).collect()
}

/// What is to be said of rows that nobody decided on.
pub(super) fn said_of_rows<'s>(
    signatures: &'s [Arc<Signature>],
    settings: &ModelSettings,
) -> impl Iterator<Item = String> + 's {
    let is_decided = settings.batch.is_some();
    signatures.iter().filter(move |_| !is_decided).filter_map(|signature| one_length(signature))
}

/// Whether a rule for all inputs is one for others than this: `nan`, where the input has no NaN and another does.
fn is_others(rule: &str, spec: &InputSpec, rules: &NullRules, signature: &Signature) -> bool {
    rule == "nan"
        && !spec.dtype.is_float()
        && !rules.by_input.contains_key(&spec.name)
        && !rules.where_known.contains_key(&spec.name)
        && signature.inputs().iter().any(|spec| spec.dtype.is_float())
}

/// Settles which signatures have rows, by a probe where nobody said.
pub(super) fn settle_rows(
    signatures: &[Arc<Signature>],
    runner: &dyn Model,
    golden: Option<&GoldenRows>,
    warm_up: &[Call],
    report: &mut LoadReport,
) -> Result<Vec<Arc<Signature>>, Problem> {
    let mut rows: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    if let Some(golden) = golden {
        let wanted = golden.signature.default_outputs().clone();
        let call = Call::checked(golden.signature.clone(), golden.inputs.clone(), wanted);
        let call = call.map_err(|problem| problem.at("golden rows"))?;
        rows.entry(golden.signature.name().to_owned()).or_default().push(call);
    }
    for call in warm_up {
        rows.entry(call.signature().name().to_owned()).or_default().push(call.clone());
    }
    if signatures.iter().all(|signature| *signature.rows() != RowRule::Unproven) {
        return Ok(signatures.to_vec());
    }
    let mut instance = runner.instance()?;
    let mut settled = Vec::with_capacity(signatures.len());
    for signature in signatures {
        let own = rows.get(signature.name()).map_or(&[][..], Vec::as_slice);
        let (signature, note) = proven(signature, &mut *instance, own);
        report.notes.extend(note);
        settled.push(signature);
    }
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{DType, Method, ShapeRule};

    #[test]
    fn nan_for_all_inputs_is_for_those_that_have_it() {
        let ruled = |dtypes: &[DType], rules: NullRules| {
            let spec = |(i, &dtype): (usize, &DType)| InputSpec::new(format!("x{i}"), dtype, None);
            let inputs = dtypes.iter().enumerate().map(spec).collect();
            let (rows, shapes) = (RowRule::Independent, ShapeRule::Checked);
            let signature =
                Signature::new("s", Method::Predict, inputs, vec![], rows, shapes).unwrap().shared();
            let settings = ModelSettings { null_rules: rules, ..ModelSettings::default() };
            let ruled = with_rules(&[signature], &settings)?;
            Ok::<_, Problem>(ruled[0].inputs().iter().map(|spec| spec.null.clone()).collect::<Vec<_>>())
        };
        let all = || NullRules { all: Some("nan".into()), ..NullRules::default() };
        let mixed = [DType::F32, DType::String, DType::I64];
        let expected = [NullRule::Nan, NullRule::Refuse, NullRule::Refuse];
        assert_eq!(ruled(&mixed, all()).unwrap(), expected);
        let mut named = all();
        named.by_input.insert("x2".into(), "nan".into());
        let refused = ruled(&mixed, named).unwrap_err().to_string();
        assert!(refused.contains("\"x2\": missing values of type int64 cannot become nan"), "{refused}");
        assert!(ruled(&[DType::I64], all()).is_err(), "a rule that no input can follow is a mistake");
    }
}
