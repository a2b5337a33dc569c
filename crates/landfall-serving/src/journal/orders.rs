//! What control calls have asked for so far: the fold of a journal's entries.

use super::entry::{Entry, What};
use landfall_model::Version;
use std::collections::BTreeMap;

/// How many promotions of one model can be undone.
const MOST_UNDO: usize = 64;

/// What control calls have asked for, by model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Orders(BTreeMap<String, ModelOrders>);

/// What control calls have asked for one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ModelOrders {
    /// Taken down until it is loaded again.
    pub(crate) unloaded: bool,
    /// The version that calls without a version get.
    pub(crate) pinned: Option<Version>,
    /// Labels that were moved; they outrank those of the configuration.
    pub(crate) labels: BTreeMap<String, Version>,
    /// What each promotion replaced, the last one at the end.
    pub(crate) undo: Vec<Moved>,
}

/// One pointer (a label, or the default) and where it points.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moved {
    /// The label; `None` for the default.
    pub(crate) label: Option<String>,
    /// The version; `None` where it was not set: the newest one, or the configuration's label.
    pub(crate) version: Option<Version>,
}

impl Orders {
    /// What was asked for a model.
    pub(crate) fn of(&self, model: &str) -> ModelOrders {
        self.0.get(model).cloned().unwrap_or_default()
    }

    /// All models for which something was asked.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &ModelOrders)> {
        self.0.iter().map(|(model, orders)| (model.as_str(), orders))
    }

    /// A model's orders, to change.
    pub(crate) fn of_mut(&mut self, model: &str) -> &mut ModelOrders {
        self.0.entry(model.to_owned()).or_default()
    }

    /// Carries out an entry.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        let orders = self.of_mut(&entry.model);
        match &entry.what {
            What::Load => orders.unloaded = false,
            What::Unload => orders.unloaded = true,
            What::Promote { version, label } => {
                let before = orders.get(label.as_deref());
                orders.undo.push(Moved { label: label.clone(), version: before });
                if orders.undo.len() > MOST_UNDO {
                    orders.undo.remove(0);
                }
                orders.set(label.clone(), Some(version.clone()));
                // Whoever promotes a version of a model that was taken down wants it to answer.
                orders.unloaded = false;
            }
            What::Rollback { version, label, undid, .. } => {
                if *undid {
                    orders.undo.pop();
                }
                orders.set(label.clone(), version.clone());
            }
        }
    }
}

impl ModelOrders {
    fn get(&self, label: Option<&str>) -> Option<Version> {
        match label {
            Some(label) => self.labels.get(label).cloned(),
            None => self.pinned.clone(),
        }
    }

    fn set(&mut self, label: Option<String>, version: Option<Version>) {
        match (label, version) {
            (None, version) => self.pinned = version,
            (Some(label), Some(version)) => {
                self.labels.insert(label, version);
            }
            (Some(label), None) => {
                self.labels.remove(&label);
            }
        }
    }

    /// What a rollback would do now. `at` says where a label, or the default, points; `before` gives the version before the
    /// one that calls without a version get.
    pub(crate) fn rollback(
        &self,
        at: impl FnOnce(Option<&str>) -> Option<Version>,
        before: impl FnOnce() -> Option<Version>,
    ) -> Option<What> {
        let (label, version, undid) = match self.undo.last() {
            Some(Moved { label, version }) => (label.clone(), version.clone(), true),
            None => (None, Some(before()?), false),
        };
        Some(What::Rollback { from: at(label.as_deref()), version, label, undid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn after(steps: &[What]) -> ModelOrders {
        let mut orders = Orders::default();
        for what in steps {
            let entry = Entry { at: UNIX_EPOCH, who: "t".into(), model: "m".into(), what: what.clone() };
            orders.apply(&entry);
        }
        orders.of("m")
    }

    fn promote(version: i64, label: Option<&str>) -> What {
        What::Promote { version: Version::numbered(version), label: label.map(str::to_owned) }
    }

    #[test]
    fn a_rollback_undoes_the_last_promotion_and_then_the_one_before() {
        let mut steps = vec![promote(1, None), promote(2, None), promote(1, Some("stable"))];
        let mut seen = Vec::new();
        for _ in 0..3 {
            let what = after(&steps).rollback(|_| None, || None).unwrap();
            steps.push(what);
            let orders = after(&steps);
            seen.push((orders.pinned.map(|v| v.to_string()), orders.labels.len()));
        }
        assert_eq!(seen, [(Some("2".into()), 0), (Some("1".into()), 0), (None, 0)]);
        assert_eq!(after(&steps).rollback(|_| None, || None), None, "nothing is left to undo");
    }

    #[test]
    fn without_a_promotion_a_rollback_pins_the_version_before() {
        let what = after(&[]).rollback(|_| None, || Some(Version::numbered(6))).unwrap();
        let orders = after(&[what]);
        assert_eq!(orders.pinned, Some(Version::numbered(6)));
        assert!(orders.undo.is_empty());
    }

    #[test]
    fn a_label_goes_back_to_where_it_was() {
        let mut steps = vec![promote(1, Some("stable")), promote(2, Some("stable"))];
        steps.push(after(&steps).rollback(|_| None, || None).unwrap());
        assert_eq!(after(&steps).labels["stable"], Version::numbered(1));
    }

    #[test]
    fn unloading_and_loading_alternate_and_touch_no_pointer() {
        assert!(after(&[promote(1, None), What::Unload]).unloaded);
        let again = after(&[promote(1, None), What::Unload, What::Load]);
        assert!(!again.unloaded);
        assert_eq!(again.pinned, Some(Version::numbered(1)));
    }

    #[test]
    fn a_promotion_brings_an_unloaded_model_back_in_one_step() {
        let orders = after(&[What::Unload, promote(1, Some("stable"))]);
        assert!(!orders.unloaded);
        assert_eq!(orders.labels["stable"], Version::numbered(1));
    }
}
