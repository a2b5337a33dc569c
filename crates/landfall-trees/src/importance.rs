//! How important a model makes its features.

use crate::compiled::{Compiled, Evaluator, Importance};
use crate::features::Feature;
use landfall_forest::Real;

/// Features listed by importance.
const LISTED: usize = 20;

/// The importance of features, by kind: what the file tells, and by how much they change sums.
pub(crate) fn told<X: Real, Y: Real>(compiled: &Compiled<X, Y>) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for Importance { kind, of_features } in &compiled.importance {
        list_importance(kind, of_features, &compiled.features, &mut told);
    }
    if !compiled.tells_value_changes {
        return told;
    }
    let Evaluator::Forest(forest) = &compiled.evaluator else { return told };
    let Some(by_player) = forest.value_changes() else { return told };
    let mut by_feature = vec![0.0; compiled.features.len()];
    match &compiled.derived {
        Some(derived) => derived.share(&by_player, &mut by_feature),
        None => by_feature.copy_from_slice(&by_player),
    }
    list_importance("PredictionValuesChange", &by_feature, &compiled.features, &mut told);
    told
}

/// Adds to a model's structure one kind of importance of its features, the largest first; nothing where all are zero.
fn list_importance(
    kind: &str,
    importance: &[f64],
    features: &[Feature],
    structure: &mut Vec<(String, String)>,
) {
    let mut order: Vec<usize> = (0..features.len()).filter(|&feature| importance[feature] != 0.0).collect();
    order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]).then(a.cmp(&b)));
    let shown = order.iter().take(LISTED).map(|&feature| {
        let value = importance[feature];
        let name = &features[feature].name;
        if value.fract() == 0.0 {
            format!("{name} {value}")
        } else if value.abs() < 1e-3 {
            format!("{name} {value:.6e}")
        } else {
            format!("{name} {value:.6}")
        }
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if order.len() > LISTED {
        text += &format!(", and {} more", order.len() - LISTED);
    }
    if !text.is_empty() {
        structure.push((format!("importance ({kind})"), text));
    }
}
