//! `logging_config`: which of the answered requests are logged, and into which files.

use super::record_files::{ENDING, RecordFiles};
use landfall_dialects::tfs::config::{LoggingConfig, ModelConfig};
use landfall_model::Problem;
use landfall_net::Log;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

/// The one kind of collector that there is.
const COLLECTOR: &str = ENDING;

/// Refuses a `logging_config` that cannot be.
///
/// # Errors
/// Invalid argument, naming the model.
pub(super) fn check(models: &[ModelConfig]) -> Result<(), Problem> {
    let logged = models.iter().filter_map(|model| Some((model, model.logging.as_ref()?)));
    for (model, logging) in logged {
        let refuse = |what: String| {
            let text = format!("No request-logger-creator provided. Model {}: {what}", model.name);
            Err(Problem::invalid(text))
        };
        if logging.collector != COLLECTOR {
            let found = &logging.collector;
            return refuse(format!("log_collector_config has type {found:?}; there is {COLLECTOR:?} here"));
        }
        if logging.custom {
            return refuse("custom_logging_config is not known here".to_owned());
        }
        let folder = Path::new(&logging.filename_prefix).parent();
        if !folder.is_some_and(|folder| folder.is_absolute() && folder.is_dir()) {
            let prefix = &logging.filename_prefix;
            return refuse(format!("filename_prefix {prefix:?} is no absolute path in a folder that exists"));
        }
        let rates =
            std::iter::once(logging.sampling_rate).chain(logging.per_task.iter().map(|t| t.sampling_rate));
        if let Some(rate) = rates.into_iter().find(|rate| !(0.0..=1.0).contains(rate)) {
            return refuse(format!("a sampling_rate is {rate}; it lies between 0 and 1"));
        }
    }
    Ok(())
}

/// Which part of the requests is logged. This server is the first task of a data centre without a name.
fn rate(logging: &LoggingConfig) -> f64 {
    let here = logging
        .per_task
        .iter()
        .find(|task| task.dc.is_empty() && task.task_index.is_none_or(|index| index == 0));
    here.map_or(logging.sampling_rate, |task| task.sampling_rate)
}

/// The logs of all models of the configuration in force.
pub(super) struct Logs {
    /// Whether any model is logged: all that is read for each request where none is.
    any: AtomicBool,
    models: RwLock<HashMap<String, Model>>,
    dice: AtomicU64,
}

struct Model {
    rate: f64,
    file: Arc<RecordFiles>,
}

impl Logs {
    pub(super) fn new() -> Self {
        let dice = AtomicU64::new(RandomState::new().hash_one("dice"));
        Logs { any: AtomicBool::new(false), models: RwLock::default(), dice }
    }

    /// From now on these models are logged, and no others. What the others had waiting is written first.
    ///
    /// # Errors
    /// When no thread can be started; then nothing has changed.
    pub(super) fn replace(&self, models: &[ModelConfig]) -> Result<(), Problem> {
        let known: BTreeMap<PathBuf, Arc<RecordFiles>> = {
            let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
            models.values().map(|model| (model.file.prefix().to_owned(), model.file.clone())).collect()
        };
        let (mut files, mut now) = (known, HashMap::new());
        for model in models {
            let Some(logging) = &model.logging else { continue };
            let prefix = PathBuf::from(&logging.filename_prefix);
            let file = match files.get(&prefix) {
                Some(file) => file.clone(),
                None => Arc::new(RecordFiles::start(prefix.clone())?),
            };
            files.insert(prefix, file.clone());
            now.insert(model.name.clone(), Model { rate: rate(logging), file });
        }
        self.any.store(!now.is_empty(), Relaxed);
        let before =
            std::mem::replace(&mut *self.models.write().unwrap_or_else(PoisonError::into_inner), now);
        drop(before);
        Ok(())
    }

    /// A number from 0 to 1, another each time (splitmix64).
    fn throw(&self) -> f64 {
        let mut x = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        (x >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Log for Logs {
    fn sample(&self, model: &str) -> Option<f64> {
        if !self.any.load(Relaxed) {
            return None;
        }
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let rate = models.get(model)?.rate;
        (self.throw() < rate).then_some(rate)
    }

    fn take(&self, model: &str, record: Vec<u8>) {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(model) {
            model.file.put(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_dialects::tfs::warmup::MOST_RECORDS;

    fn model(name: &str, prefix: &Path, rate: f64) -> ModelConfig {
        let logging = LoggingConfig {
            collector: COLLECTOR.into(),
            filename_prefix: prefix.display().to_string(),
            sampling_rate: rate,
            ..LoggingConfig::default()
        };
        ModelConfig { name: name.into(), logging: Some(logging), ..ModelConfig::default() }
    }

    fn files(folder: &Path) -> Vec<Vec<u8>> {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    #[test]
    fn records_go_into_files_that_hold_as_many_as_warm_up_takes() {
        let folder = tempfile::tempdir().unwrap();
        let (logs, prefix) = (Logs::new(), folder.path().join("m"));
        assert_eq!(logs.sample("m"), None);
        logs.replace(&[model("m", &prefix, 1.0), model("n", &prefix, 1.0)]).unwrap();
        assert_eq!((logs.sample("m"), logs.sample("o")), (Some(1.0), None));
        (0..MOST_RECORDS).for_each(|_| logs.take("m", vec![1, 2]));
        logs.take("n", vec![3]);
        // The same prefix goes on in the same files, and the last to leave it waits for the disk.
        logs.replace(&[model("n", &prefix, 1.0)]).unwrap();
        logs.take("m", vec![4]);
        logs.take("n", vec![5]);
        logs.replace(&[]).unwrap();
        assert_eq!(files(folder.path()), [[1, 2].repeat(MOST_RECORDS), vec![3, 5]]);
    }

    #[test]
    fn as_many_requests_are_sampled_as_the_rate_says_and_the_first_task_that_fits_counts() {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new();
        logs.replace(&[model("m", &folder.path().join("m"), 0.25)]).unwrap();
        let sampled = (0..10_000).filter(|_| logs.sample("m").is_some()).count();
        assert!((2200..2800).contains(&sampled), "{sampled}");
        assert!(files(folder.path()).is_empty(), "no record, no file");

        let mut logging = model("m", folder.path(), 0.5).logging.unwrap();
        let task = |dc: &str, task_index, sampling_rate| landfall_dialects::tfs::config::PerTaskSampling {
            dc: dc.into(),
            task_index,
            sampling_rate,
        };
        logging.per_task = vec![task("aa", None, 0.1), task("", Some(7), 0.2)];
        assert_eq!(rate(&logging), 0.5);
        logging.per_task.extend([task("", Some(0), 0.3), task("", None, 0.4)]);
        assert_eq!(rate(&logging), 0.3);
    }

    #[test]
    fn a_folder_that_goes_away_costs_records_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let logs = Logs::new();
        logs.replace(&[model("m", &inner.join("m"), 1.0)]).unwrap();
        std::fs::remove_dir(&inner).unwrap();
        logs.take("m", vec![1]);
        logs.replace(&[]).unwrap();
        std::fs::create_dir(&inner).unwrap();
        logs.replace(&[model("m", &inner.join("m"), 1.0)]).unwrap();
        logs.take("m", vec![2]);
        logs.replace(&[]).unwrap();
        assert_eq!(files(&inner), [[2]]);
    }

    #[test]
    fn what_cannot_be_logged_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |change: fn(&mut LoggingConfig)| {
            let mut model = model("m", &folder.path().join("m"), 1.0);
            change(model.logging.as_mut().unwrap());
            check(&[model]).map_err(|problem| problem.to_string())
        };
        assert_eq!(refused(|_| {}), Ok(()));
        assert!(
            refused(|logging| logging.collector = "x".into()).unwrap_err().contains("type \"x\"; there is")
        );
        assert!(refused(|logging| logging.filename_prefix = "m".into()).unwrap_err().contains("\"m\" is no"));
        assert!(refused(|logging| logging.sampling_rate = 2.0).unwrap_err().contains("sampling_rate is 2"));
        assert!(refused(|logging| logging.custom = true).unwrap_err().contains("custom_logging_config"));
    }
}
