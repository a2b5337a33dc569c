//! An engine for tests: a model is a text file of few lines that says how it behaves.
//!
//! ```text
//! fake                the first line
//! scale 2             output `y` is 2 × the sum of the row of input `x` (float32 [-1,2])
//! couple              … plus the mean of the batch: rows depend on each other; `couple 8`: those of 8 values and more
//! collapse            … and `y` has one value for the whole batch
//! distinct            … and of equal values of `y` one is left
//! rows 4              axis 0 is always 4
//! strings             input `x` is of strings; `y` is their length
//! refuse 0            a value of 0 in any row fails; `refuse alike`: neighbours in a row that are equal
//! least 8             axis 1 is free, and less than 8 fails
//! gate NAME           loading waits until the gate is opened
//! fail TEXT           loading fails
//! panic               loading panics
//! narrow              loading for runs on several threads fails
//! verify TEXT         the model's own verification fails
//! bitter              its workspaces panic when they are dropped
//! end                 the last line: a file without it was cut short
//! ```
//!
//! Over a file `….panics` the engine panics when it is asked whether it recognises it.

use crate::observer::{Event, Observer};
use crate::{
    ComputePool, GoldenRows, Kit, ModelSettings, Retries, Setup, Source, SystemClock, Tables, WatchSettings,
};
use landfall_model::{
    Call, Claim, DType, Dim, Engine, Facts, Input, InputSpec, Instance, Method, Model, ModelFiles,
    OptionSpec, Options, OutputSpec, Outputs, Problem, RowRule, Shape, ShapeRule, Signature, Tensor,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Long enough for a busy machine: a test that waits this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct FakeEngine {
    gates: Mutex<BTreeSet<String>>,
    opened: Condvar,
}

impl FakeEngine {
    pub(crate) fn open(&self, gate: &str) {
        self.gates.lock().unwrap().insert(gate.to_owned());
        self.opened.notify_all();
    }

    fn wait(&self, gate: &str) {
        let gates = self.gates.lock().unwrap();
        let (_gates, late) =
            self.opened.wait_timeout_while(gates, LONG, |gates| !gates.contains(gate)).unwrap();
        assert!(!late.timed_out(), "gate {gate} was never opened");
    }
}

impl Engine for FakeEngine {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        let panics = files.entries().iter().any(|entry| entry.name.ends_with(".panics"));
        assert!(!panics, "as the test asks for");
        match files.single(&[".fake"]).map(|entry| files.head(&entry.name, 5)) {
            Some(Ok(head)) if head == b"fake\n" => Claim::Sure,
            _ => Claim::No("no fake file".to_owned()),
        }
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[
            OptionSpec { key: "colour", help: "of no effect" },
            OptionSpec { key: "threads", help: "what the facts say of a run's threads" },
        ]
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        options.check(self.options())?;
        let entry = files.single(&[".fake"]).ok_or_else(|| Problem::internal("nothing there"))?;
        let bytes = files.bytes(&entry.name)?;
        let text = String::from_utf8_lossy(bytes.bytes()).into_owned();
        let mut model = FakeModel::parse(&text, &entry.name, self)?;
        model.threads = options.get("threads").map(|threads| threads.parse().unwrap());
        if text.contains("\nnarrow\n") && model.threads.is_some_and(|threads| threads > 1) {
            return Err(Problem::invalid("no room for so many threads"));
        }
        Ok(Arc::new(model))
    }
}

#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    scale: f32,
    /// The shortest rows that depend on each other.
    couple: Option<usize>,
    collapse: bool,
    /// Whether a row counts for nothing beside one over 1000.
    overshadow: bool,
    distinct: bool,
    refuse: Option<String>,
    least: usize,
    strings: bool,
    bitter: bool,
}

pub(crate) struct FakeModel {
    signatures: Vec<Arc<Signature>>,
    behaviour: Behaviour,
    verify: Option<String>,
    /// As the option says.
    threads: Option<usize>,
}

impl FakeModel {
    pub(crate) fn of(text: &str) -> Self {
        FakeModel::parse(text, "test", &FakeEngine::default()).unwrap()
    }

    fn parse(text: &str, file: &str, engine: &FakeEngine) -> Result<Self, Problem> {
        let mut behaviour = Behaviour { scale: 1.0, ..Behaviour::default() };
        let (mut rows, mut verify) = (None, None);
        if text.lines().last() != Some("end") {
            return Err(Problem::malformed(file, Some(text.len() as u64), "the file is cut short"));
        }
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "scale" => behaviour.scale = rest.parse().unwrap(),
                "couple" => behaviour.couple = Some(rest.parse().unwrap_or(0)),
                "collapse" => behaviour.collapse = true,
                "overshadow" => behaviour.overshadow = true,
                "distinct" => behaviour.distinct = true,
                "refuse" => behaviour.refuse = Some(rest.to_owned()),
                "least" => behaviour.least = rest.parse().unwrap(),
                "strings" => behaviour.strings = true,
                "bitter" => behaviour.bitter = true,
                "rows" => rows = Some(rest.parse().unwrap()),
                "gate" => engine.wait(rest),
                "fail" => return Err(Problem::malformed(file, None, rest)),
                "panic" => panic!("{rest}"),
                "verify" => verify = Some(rest.to_owned()),
                _ => {}
            }
        }
        let signature = declare(&behaviour, rows)?;
        Ok(FakeModel { signatures: vec![signature.shared()], behaviour, verify, threads: None })
    }
}

fn declare(behaviour: &Behaviour, rows: Option<usize>) -> Result<Signature, Problem> {
    let first = rows.map_or(Dim::Free(None), Dim::Known);
    let width = if behaviour.least > 0 { Dim::Free(None) } else { Dim::Known(2) };
    let dtype = if behaviour.strings { DType::String } else { DType::F32 };
    let input = InputSpec::new("x", dtype, Some(vec![first.clone(), width]));
    let output = OutputSpec::new("y", DType::F32, Some(vec![first]));
    let rule = if rows.is_some() { RowRule::None } else { RowRule::Unproven };
    Signature::new("serving_default", Method::Predict, vec![input], vec![output], rule, ShapeRule::Checked)
}

impl Model for FakeModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(FakeInstance(self.behaviour.clone())))
    }

    fn facts(&self) -> Facts {
        Facts {
            engine: "fake",
            format: "fake",
            threads_inside: self.threads.unwrap_or(1),
            threads_option: self.threads.is_none().then_some("threads"),
            ..Facts::default()
        }
    }

    fn verify(&self) -> Result<usize, Problem> {
        match &self.verify {
            Some(text) => Err(Problem::invalid(text.clone())),
            None => Ok(1),
        }
    }
}

struct FakeInstance(Behaviour);

impl Drop for FakeInstance {
    fn drop(&mut self) {
        assert!(!self.0.bitter, "as the test asks for");
    }
}

impl Behaviour {
    fn refused(&self, values: &[f32], width: usize) -> Result<(), Problem> {
        let Some(refuse) = &self.refuse else { return Ok(()) };
        let is_met = match refuse.parse() {
            Ok(value) => values.contains(&value),
            Err(_) => values.chunks(width).any(|row| row.windows(2).any(|pair| pair[0] == pair[1])),
        };
        if is_met { Err(Problem::invalid(format!("{refuse}: refused"))) } else { Ok(()) }
    }
}

impl Instance for FakeInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let FakeInstance(behaviour) = self;
        let x = call.input(0).and_then(Input::dense).expect("x is required");
        let width = x.shape()[1];
        if width < behaviour.least {
            return Err(Problem::invalid(format!("{width} are too few")));
        }
        let mut y: Vec<f32> = if behaviour.strings {
            let strings: Vec<usize> = x.strings()?.iter().map(<[u8]>::len).collect();
            strings.chunks(width).map(|row| row.iter().sum::<usize>() as f32).collect()
        } else {
            let values = x.values::<f32>()?;
            behaviour.refused(values, width)?;
            values.chunks(width).map(|row| row.iter().sum::<f32>() * behaviour.scale).collect()
        };
        if behaviour.couple.is_some_and(|shortest| width >= shortest) {
            let mean = y.iter().sum::<f32>() / y.len() as f32;
            y.iter_mut().for_each(|value| *value += mean);
        }
        if behaviour.overshadow && y.iter().any(|value| *value > 1000.0) {
            y.iter_mut().for_each(|value| *value -= value.min(1000.0));
        }
        if behaviour.collapse {
            y = vec![y.iter().sum()];
        }
        if behaviour.distinct {
            y.sort_by(f32::total_cmp);
            y.dedup();
        }
        outputs.set(0, Tensor::from_slice(&[y.len()], &y)?);
        Ok(())
    }
}

/// What a model of this text gives for one row, by its version's own signature.
pub(crate) fn answer(lease: &crate::Lease) -> f32 {
    let signature = lease.signatures()[0].clone();
    let x = Tensor::from_slice(&[1, 2], &[1.0f32, 1.0]).unwrap();
    let wanted = signature.default_outputs().clone();
    let call = Call::checked(signature, vec![Some(Input::Dense(x))], wanted).unwrap();
    let outputs = crate::Worker::new(lease.clone()).unwrap().run(&call).unwrap().outputs;
    outputs.get(0).unwrap().values::<f32>().unwrap()[0] / 2.0
}

/// A kit with the fake engine. `model.toml` has a line for each setting: `all`, `label NAME VERSION`, `batch`,
/// `golden FILE`, `warm_up FILE`; a table has one row a line: inputs, then the output.
pub(crate) fn kit(engine: Arc<FakeEngine>) -> Arc<Kit> {
    Arc::new(Kit {
        engines: vec![engine],
        importers: Vec::new(),
        pool: ComputePool::new(2, Arc::new(SystemClock)),
        settings: Box::new(read_settings),
        tables: Tables { golden: Box::new(read_golden), warm_up: Box::new(read_warm_up), ..Tables::unread() },
        unread: |_| None,
        give_back: || (),
        imports: None,
        batching: None,
    })
}

/// What serves the models in a folder.
pub(crate) fn setup(folder: &Path) -> Setup {
    Setup {
        sources: vec![Source::path(folder)],
        kit: kit(Arc::new(FakeEngine::default())),
        state: None,
        watch: WatchSettings::default(),
        load_threads: 1,
        retries: Retries::default(),
        clock: Arc::new(SystemClock),
        observer: Arc::new(Story::default()),
    }
}

fn read_settings(path: &Path) -> Result<ModelSettings, Problem> {
    let text = std::fs::read_to_string(path).map_err(|error| Problem::io("read settings", &error))?;
    let mut settings = ModelSettings::default();
    for line in text.lines() {
        match *line.split(' ').collect::<Vec<_>>() {
            ["all"] => settings.versions = Some(crate::VersionPolicy::All),
            ["latest", count] => {
                settings.versions = Some(crate::VersionPolicy::Latest(count.parse().unwrap()))
            }
            ["label", name, version] => {
                settings.labels.insert(name.to_owned(), version.to_owned());
            }
            ["batch"] => settings.batch = Some(true),
            ["golden", file] => settings.golden = Some(path.with_file_name(file)),
            ["warm_up", file] => settings.warm_up = Some(path.with_file_name(file)),
            _ => return Err(Problem::invalid(format!("unknown setting {line:?}"))),
        }
    }
    Ok(settings)
}

fn numbers(path: &Path) -> Result<Vec<Vec<f32>>, Problem> {
    let text = std::fs::read_to_string(path).map_err(|error| Problem::io("read a table", &error))?;
    let row = |line: &str| line.split(' ').map(|number| number.parse().unwrap()).collect();
    Ok(text.lines().map(row).collect())
}

fn read_golden(path: &Path, signatures: &[Arc<Signature>]) -> Result<GoldenRows, Problem> {
    let rows = numbers(path)?;
    let x: Vec<f32> = rows.iter().flat_map(|row| row[..2].to_vec()).collect();
    let y: Vec<f32> = rows.iter().map(|row| row[2]).collect();
    Ok(GoldenRows {
        signature: signatures[0].clone(),
        inputs: vec![Some(Input::Dense(Tensor::from_slice(&[rows.len(), 2], &x)?))],
        outputs: vec![(0, Tensor::from_slice(&[rows.len()], &y)?)],
    })
}

fn read_warm_up(path: &Path, signatures: &[Arc<Signature>]) -> Result<Vec<Call>, Problem> {
    let signature = &signatures[0];
    numbers(path)?
        .iter()
        .map(|row| {
            let x = Tensor::from_buffer(
                DType::F32,
                Shape::new(&[1, row.len()]),
                landfall_model::Buffer::copy_of(
                    &row.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>(),
                ),
            )?;
            let wanted = signature.default_outputs().clone();
            Call::checked(signature.clone(), vec![Some(Input::Dense(x))], wanted)
        })
        .collect()
}

/// Keeps what happened, a line each, and lets tests wait for more.
#[derive(Default)]
pub(crate) struct Story {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Story {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits until a condition holds that events may have changed.
    pub(crate) fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let mut left = 2000;
        while !holds() {
            left -= 1;
            assert!(left > 0, "{what}: never happened; what did: {:#?}", self.lines());
            let lines = self.lines.lock().unwrap();
            // Not all conditions come with an event.
            drop(self.more.wait_timeout(lines, Duration::from_millis(10)).unwrap());
        }
    }
}

impl Observer for Story {
    fn event(&self, event: &Event<'_>) {
        let line = match event {
            Event::Loading { model, version, .. } => format!("loading {model} {version}"),
            Event::Available { model, version, engine, .. } => {
                format!("available {model} {version} {engine}")
            }
            Event::Failed { model, version, problem } => format!("failed {model} {version}: {problem}"),
            Event::Unloading { model, version } => format!("unloading {model} {version}"),
            Event::Unloaded { model, version } => format!("unloaded {model} {version}"),
            Event::Changed { who, model, what } => format!("{who}: model {model:?}: {what}"),
            Event::Warning { text, .. } => format!("warning: {text}"),
        };
        self.lines.lock().unwrap().push(line);
        self.more.notify_all();
    }
}

/// Writes files into a folder, making folders on the way.
pub(crate) fn put(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// A whole model whose answers are its scale.
pub(crate) fn scale(scale: i64) -> String {
    format!("fake\nscale {scale}\nend\n")
}
