//! A model's signatures with what its settings, and a probe, say of missing values and of rows.

use crate::golden::GoldenRows;
use crate::probe::{overridden, proven};
use crate::{LoadReport, ModelSettings};
use landfall_model::{Call, Model, NullRule, Problem, Reason, RowRule, Signature};
use std::collections::BTreeMap;
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
            return Err(problem.at("rules for missing values"));
        }
    }
    let ruled = |signature: &Arc<Signature>| {
        let mut ruled = overridden(signature, settings.batch)?;
        for (slot, spec) in signature.inputs().iter().enumerate() {
            let Some(rule) = rules.of(&spec.name) else { continue };
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
