//! One model for commands that answer and end; and what loading needs from this floor.

use crate::args::{LoadFlags, ModelFlags};
use crate::engines::{Registry, registry};
use crate::exit::Failure;
use crate::output::say;
use crate::{config, conversion, elsewhere, golden, state, unread};
use landfall_dialects::tfs::inference::Rules;
use landfall_dialects::tfs::warmup;
use landfall_model::{Call, Joint, Options, Problem, Reason, Signature};
use landfall_serving::{
    Clock, ComputePool, Kit, Lease, LoadReport, ModelSettings, NullRules, Source, SystemClock, Tables,
    load_once,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Loads the model at a path, as the flags ask.
///
/// # Errors
/// A wrong call, when an option or a rule for missing values is none of the model's; failed work, when no engine reads
/// the model or it breaks its format.
pub(crate) fn load(path: &Path, flags: &ModelFlags) -> Result<(Lease, LoadReport), Failure> {
    elsewhere::refused(path)?;
    let registry = registry(&flags.engines, flags.prefer)?;
    let reason = registry.onnx_reason_short.clone();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Nothing is submitted: a worker runs calls on its own thread.
    let imports = state::folder().as_deref().map(state::imports);
    let kit = kit(registry, ComputePool::new(1, clock), imports);
    let source = Source { settings: settings(&flags.load), ..Source::path(path) };
    let (lease, mut report) = load_once(&kit, &source).map_err(called_wrong)?;
    report.warnings.iter().for_each(|warning| say(&format!("landfall: {warning}")));
    if matches!(lease.facts().engine, "onnxruntime" | "embedded") {
        report.why = reason;
    }
    Ok((lease, report))
}

/// What a model does not know, though the call (or its `model.toml`) speaks of it, is a wrong call.
pub(crate) fn called_wrong(problem: Problem) -> Failure {
    if is_wrong_call(&problem) { Failure::Call(problem) } else { Failure::Work(problem) }
}

pub(crate) fn is_wrong_call(problem: &Problem) -> bool {
    matches!(
        problem.reason(),
        Reason::OptionUnknown { .. }
            | Reason::SettingInvalid { .. }
            | Reason::InputUnknown { .. }
            | Reason::SignatureNotFound { .. }
    )
}

/// What becomes of the calls that a model brings along to be run at load.
#[derive(Clone, Copy)]
pub(crate) struct Replays {
    /// How often each of them runs; 0: they are not even read.
    pub(crate) times: usize,
    /// How they are read.
    pub(crate) rules: Rules,
}

impl Default for Replays {
    fn default() -> Self {
        Replays { times: 1, rules: Rules::default() }
    }
}

impl Replays {
    /// The calls that lie in a version's folder.
    fn read(
        self,
        version: &Path,
        signatures: &[Arc<Signature>],
        joint: Option<&Joint>,
    ) -> Result<Vec<Call>, Problem> {
        let path = version.join(warmup::FILE);
        if self.times == 0 || !path.is_file() {
            return Ok(Vec::new());
        }
        let shown = path.display().to_string();
        let bytes = std::fs::read(&path).map_err(|error| Problem::io(format!("open {shown}"), &error))?;
        let calls = warmup::calls(&shown, &bytes, signatures, joint, self.rules)?;
        Ok(calls.into_iter().flat_map(|call| std::iter::repeat_n(call, self.times)).collect())
    }
}

/// What loading needs from this floor.
pub(crate) fn kit(registry: Registry, pool: Arc<ComputePool>, imports: Option<PathBuf>) -> Arc<Kit> {
    Arc::new(kit_with(registry, pool, imports, Replays::default()))
}

/// The same, with the calls that models bring along as asked for.
pub(crate) fn kit_with(
    registry: Registry,
    pool: Arc<ComputePool>,
    imports: Option<PathBuf>,
    replays: Replays,
) -> Kit {
    let engines = match registry.prefer_onnx {
        Some(python) => conversion::preferring_onnx(registry.engines, &python, imports.as_deref(), &pool),
        None => registry.engines,
    };
    Kit {
        engines,
        importers: registry.importers,
        pool,
        settings: Box::new(config::read_model_toml),
        tables: Tables {
            golden: Box::new(|file, signatures| golden::read(file, signatures, None)),
            warm_up: Box::new(golden::read_calls),
            replay: Box::new(move |version, signatures, joint| replays.read(version, signatures, joint)),
        },
        unread: unread::known,
        give_back: crate::allocator::give_back,
        imports,
        batching: None,
    }
}

/// What the model flags say of all models that are served together: a rule for an input is for those that have it.
pub(crate) fn settings_of_all(flags: &LoadFlags) -> ModelSettings {
    let mut settings = settings(flags);
    settings.null_rules.where_known = std::mem::take(&mut settings.null_rules.by_input);
    settings
}

/// What the model flags say of one model.
pub(crate) fn settings(flags: &LoadFlags) -> ModelSettings {
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
