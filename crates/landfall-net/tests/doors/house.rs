//! A server with two models of a fake engine: `half` answers `x / 2 + 2` on the I/O threads, `slow` does the same on the
//! compute threads. The row -13 waits until the house's gate is opened; the row -1 fails.

use landfall_model::{
    Call, Claim, DType, Dim, Engine, Facts, Input, InputSpec, Instance, Method, Model, ModelFiles,
    OptionSpec, Options, OutputSpec, Outputs, Problem, RowRule, ShapeRule, Signature, Tensor,
};
use landfall_net::{Bound, Endpoint, NetSettings, Server};
use landfall_serving::{
    BatchOptions, ComputePool, GoldenRows, Kit, ModelSettings, Retries, Serving, Setup, Silent, Source,
    SystemClock, Tables, VersionPolicy, WatchSettings,
};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Long enough for a busy machine: a test that waits this long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// The row that waits for the gate.
pub(crate) const WAITS: f32 = -13.0;
/// The row that fails.
pub(crate) const FAILS: f32 = -1.0;

/// Whether rows that wait go on, and how many of them came to the model so far.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
        self.changed.notify_all();
    }

    /// Waits until so many runs stand before the gate.
    pub(crate) fn wait_for(&self, runs: usize) {
        let state = self.state.lock().unwrap();
        let (_state, late) = self.changed.wait_timeout_while(state, LONG, |(_, came)| *came < runs).unwrap();
        assert!(!late.timed_out(), "{runs} runs never came to the gate");
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        let (_state, late) = self.changed.wait_timeout_while(state, LONG, |(open, _)| !*open).unwrap();
        assert!(!late.timed_out(), "the gate was never opened");
    }
}

struct HalfEngine(Arc<Gate>);

impl Engine for HalfEngine {
    fn name(&self) -> &'static str {
        "half"
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        if files.single(&[".half"]).is_some() { Claim::Sure } else { Claim::No("no half file".into()) }
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    fn load(&self, _: &dyn ModelFiles, _: &Options) -> Result<Arc<dyn Model>, Problem> {
        let dims = || Some(vec![Dim::Free(None)]);
        let signature = Signature::new(
            "serving_default",
            Method::Predict,
            vec![InputSpec::new("x", DType::F32, dims())],
            vec![OutputSpec::new("y", DType::F32, dims())],
            RowRule::Independent,
            ShapeRule::Checked,
        )?;
        Ok(Arc::new(Half { signatures: vec![signature.shared()], gate: self.0.clone() }))
    }
}

struct Half {
    signatures: Vec<Arc<Signature>>,
    gate: Arc<Gate>,
}

impl Model for Half {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(Halving(self.gate.clone())))
    }

    fn facts(&self) -> Facts {
        Facts { engine: "half", format: "half", memory_bytes: Some(4), ..Facts::default() }
    }
}

struct Halving(Arc<Gate>);

impl Instance for Halving {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let x = call.input(0).and_then(Input::dense).expect("a required input");
        let values = x.values::<f32>()?;
        if values.contains(&FAILS) {
            return Err(Problem::new(landfall_model::Reason::Engine {
                engine: "half",
                text: "minus one".into(),
            }));
        }
        if values.contains(&WAITS) {
            self.0.pass();
        }
        let halves: Vec<f32> = values.iter().map(|x| x / 2.0 + 2.0).collect();
        outputs.set(0, Tensor::from_slice(x.shape(), &halves)?);
        Ok(())
    }
}

/// A server, its models and their folder.
pub(crate) struct House {
    pub(crate) server: Option<Server>,
    _serving: Serving,
    pub(crate) gate: Arc<Gate>,
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    folder: tempfile::TempDir,
}

impl House {
    /// Two ports, two I/O threads, all defaults.
    pub(crate) fn open() -> House {
        House::with(|_| {})
    }

    /// The same with other settings.
    pub(crate) fn with(change: impl FnOnce(&mut NetSettings)) -> House {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "half/1");
        put(folder.path(), "half/2");
        put(folder.path(), "slow/1");
        let gate = Arc::new(Gate::default());
        let serving = serving(folder.path(), gate.clone());
        let free = || Some(Endpoint::Tcp("127.0.0.1:0".into()));
        let mut settings =
            NetSettings { http: free(), grpc: free(), threads: Some(2), ..NetSettings::default() };
        // Equal texts would mean one port.
        settings.grpc = Some(Endpoint::Tcp("localhost:0".into()));
        change(&mut settings);
        let server = Server::start(&settings, serving.catalog().clone(), serving.control().clone()).unwrap();
        let address = |bound: Option<&Bound>| match bound {
            Some(Bound::Tcp(address)) => *address,
            _ => SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let (http, grpc) = (address(server.http()), address(server.grpc()));
        House { server: Some(server), _serving: serving, gate, http, grpc, folder }
    }

    /// Waits until so many calls of `slow` wait in the queue.
    pub(crate) fn wait_for_waiting(&self, calls: usize) {
        let line = format!("landfall_waiting{{model=\"slow\",version=\"1\"}} {calls}");
        let is_there =
            |_| crate::http_client::get(self.http, "/metrics").text().lines().any(|found| found == line);
        assert!((0..5000).any(is_there), "{line}");
    }

    /// Adds a version of a model.
    pub(crate) fn put(&self, version: &str) {
        put(self.folder.path(), version);
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // No thread may be left standing before it.
        self.gate.open();
    }
}

fn put(folder: &Path, version: &str) {
    let path = folder.join(version);
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("m.half"), "half").unwrap();
}

fn serving(folder: &Path, gate: Arc<Gate>) -> Serving {
    let pool = ComputePool::new(2, Arc::new(SystemClock));
    let nothing = || Problem::internal("this house has no tables");
    let kit = Kit {
        engines: vec![Arc::new(HalfEngine(gate))],
        importers: Vec::new(),
        pool,
        settings: Box::new(|_| Ok(ModelSettings::default())),
        tables: Tables {
            golden: Box::new(move |_, _| Err::<GoldenRows, _>(nothing())),
            warm_up: Box::new(move |_, _| Err(nothing())),
            ..Tables::unread()
        },
        unread: |_| None,
        give_back: || (),
        imports: None,
        batching: None,
    };
    let mut half = Source::path(folder.join("half")).named("half");
    half.settings.versions = Some(VersionPolicy::All);
    half.settings.labels.insert("first".into(), "1".into());
    let mut slow = Source::path(folder.join("slow")).named("slow");
    // A model that waits for company never runs on an I/O thread.
    slow.settings.batching = BatchOptions {
        max_delay: Some(Duration::from_millis(1)),
        max_rows: Some(1),
        max_queue: Some(8),
        ..BatchOptions::default()
    };
    let setup = Setup {
        sources: vec![half, slow],
        kit: Arc::new(kit),
        state: None,
        watch: WatchSettings { settle: Duration::from_millis(20), ..WatchSettings::default() },
        load_threads: 1,
        retries: Retries::default(),
        clock: Arc::new(SystemClock),
        observer: Arc::new(Silent),
    };
    let serving = Serving::start(setup).unwrap();
    for started in serving.wait_until_settled(LONG).expect("the models are loaded") {
        started.outcome.expect("the model is loaded");
    }
    serving
}
