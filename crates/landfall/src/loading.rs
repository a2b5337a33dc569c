//! One model for commands that answer and end; and what loading needs from this floor.

use crate::args::ModelFlags;
use crate::engines::{Registry, registry};
use crate::{config, golden};
use landfall_model::{Options, Problem};
use landfall_serving::{
    Clock, ComputePool, Kit, Lease, LoadReport, ModelSettings, NullRules, Source, SystemClock, Tables,
    load_once,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Loads the model at a path, as the flags ask.
///
/// # Errors
/// When no engine reads it, a flag does not fit it, or it breaks its format.
pub(crate) fn load(path: &Path, flags: &ModelFlags) -> Result<(Lease, LoadReport), Problem> {
    let registry = registry(flags)?;
    let reason = registry.onnx_reason_short.clone();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Nothing is submitted: a worker runs calls on its own thread.
    let kit = kit(registry, ComputePool::new(1, clock), None);
    let source = Source { settings: settings(flags), ..Source::path(path) };
    let (lease, mut report) = load_once(&kit, &source)?;
    if lease.facts().format == "onnx" {
        report.why = reason;
    }
    Ok((lease, report))
}

/// What loading needs from this floor.
pub(crate) fn kit(registry: Registry, pool: Arc<ComputePool>, imports: Option<PathBuf>) -> Arc<Kit> {
    Arc::new(Kit {
        engines: registry.engines,
        importers: registry.importers,
        pool,
        settings: Box::new(config::read_model_toml),
        tables: Tables {
            golden: Box::new(|file, signatures| golden::read(file, signatures, None)),
            warm_up: Box::new(golden::read_calls),
        },
        imports,
    })
}

/// What the model flags say.
pub(crate) fn settings(flags: &ModelFlags) -> ModelSettings {
    let mut options = Options::new();
    flags.set.iter().for_each(|(key, value)| options.set(key, value));
    ModelSettings { options, null_rules: null_rules(&flags.on_missing), ..ModelSettings::default() }
}

/// `RULE` is for all inputs, `NAME=RULE` for one; `default=VALUE` is a rule, not an input named default.
fn null_rules(flags: &[String]) -> NullRules {
    let mut rules = NullRules::default();
    for flag in flags {
        match flag.split_once('=') {
            Some((name, rule)) if name != "default" => {
                rules.by_input.insert(name.to_owned(), rule.to_owned());
            }
            _ => rules.all = Some(flag.clone()),
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_for_missing_values_are_for_all_or_for_one_input() {
        let rules = null_rules(&["zero".into(), "age=default=3".into(), "default=1".into()]);
        assert_eq!(rules.all.as_deref(), Some("default=1"));
        assert_eq!(rules.by_input["age"], "default=3");
    }
}
