//! A model made for tests, a clock set by hand, and waiting without a runtime.

use crate::{Answer, BatchSettings, Clock, ComputePool, Lease, Request, Response, SystemClock};
use landfall_model::{
    Call, CostClass, DType, Dim, Facts, Input, InputSpec, Instance, Method, Model, OutputSpec, Outputs,
    Problem, RowRule, ShapeRule, Signature, Strings, StringsMut, Tensor, Version,
};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant, SystemTime};

/// First values of a row that make the model behave badly.
pub(super) const REFUSE: i64 = -1;
pub(super) const PANIC: i64 = -2;
pub(super) const FAIL_ROW: i64 = -3;
pub(super) const LOSE_ROWS: i64 = -4;

/// Rows of int64 in; out come a number and a text that depend on each row's values, and nothing else.
pub(super) struct FakeModel {
    signatures: Vec<Arc<Signature>>,
    cost: CostClass,
    pub(super) seen: Arc<Seen>,
}

/// What tests look at from outside.
#[derive(Default)]
pub(super) struct Seen {
    /// Rows of each run, in order; a run is noted before it may fail.
    pub(super) runs: Mutex<Vec<usize>>,
    /// First value of each run's first row.
    pub(super) firsts: Mutex<Vec<i64>>,
    /// Workspaces that exist.
    pub(super) instances: AtomicUsize,
    gate: Mutex<bool>,
    opened: Condvar,
}

impl Seen {
    pub(super) fn runs(&self) -> Vec<usize> {
        self.runs.lock().unwrap().clone()
    }

    /// Runs wait until the gate opens.
    pub(super) fn shut(&self) {
        *self.gate.lock().unwrap() = true;
    }

    pub(super) fn open(&self) {
        *self.gate.lock().unwrap() = false;
        self.opened.notify_all();
    }

    /// Waits until so many runs have begun.
    pub(super) fn wait_for_runs(&self, count: usize) {
        let runs = self.runs.lock().unwrap();
        drop(self.opened.wait_while(runs, |runs| runs.len() < count).unwrap());
    }
}

struct FakeInstance(Arc<Seen>);

impl Drop for FakeInstance {
    fn drop(&mut self) {
        self.0.instances.fetch_sub(1, SeqCst);
    }
}

impl FakeModel {
    pub(super) fn new(rows: RowRule, cost: CostClass) -> Self {
        let free = || Dim::Free(None);
        let input = InputSpec::new("x", DType::I64, Some(vec![free(), free()]));
        let outputs =
            vec![OutputSpec::new("number", DType::I64, None), OutputSpec::new("text", DType::String, None)];
        let signature =
            Signature::new("s", Method::Predict, vec![input], outputs, rows, ShapeRule::Checked).unwrap();
        FakeModel { signatures: vec![signature.shared()], cost, seen: Arc::default() }
    }
}

impl Model for FakeModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        self.seen.instances.fetch_add(1, SeqCst);
        Ok(Box::new(FakeInstance(self.seen.clone())))
    }

    fn facts(&self) -> Facts {
        Facts { engine: "fake", cost: self.cost, threads_inside: 1, ..Facts::default() }
    }
}

impl Instance for FakeInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let x = call.input(0).and_then(Input::dense).ok_or_else(|| Problem::internal("no x"))?;
        let (values, width) = (x.values::<i64>()?, x.row_elements());
        let rows = x.shape()[0];
        let mut lost = 0;
        {
            let mut runs = self.0.runs.lock().unwrap();
            runs.push(rows);
            self.0.firsts.lock().unwrap().extend(values.first());
            self.0.opened.notify_all();
        }
        let gate = self.0.gate.lock().unwrap();
        drop(self.0.opened.wait_while(gate, |shut| *shut).unwrap());
        let row = |i: usize| &values[i * width..(i + 1) * width];
        for i in 0..rows {
            match row(i).first() {
                Some(&REFUSE) => return Err(Problem::invalid(format!("row {i} is refused"))),
                Some(&PANIC) => panic!("as the test asks for"),
                Some(&FAIL_ROW) => outputs.fail_row(i, Problem::invalid(format!("value {}", row(i)[1]))),
                Some(&LOSE_ROWS) => lost += 1,
                _ => {}
            }
        }
        let rows = rows - lost;
        if call.wanted().contains(0) {
            let numbers: Vec<i64> = (0..rows).map(|i| number_of(row(i))).collect();
            outputs.set(0, Tensor::from_slice(&[rows], &numbers)?);
        }
        if call.wanted().contains(1) {
            let texts = strings((0..rows).map(|i| number_of(row(i))));
            outputs.set(1, Tensor::from_strings(landfall_model::Shape::new(&[rows]), texts)?);
        }
        Ok(())
    }
}

fn strings(numbers: impl Iterator<Item = i64>) -> Strings {
    let mut strings = StringsMut::default();
    numbers.for_each(|number| strings.push(format!("n{number}").as_bytes()));
    strings.freeze()
}

/// What the model answers for one row.
pub(super) fn number_of(row: &[i64]) -> i64 {
    row.iter().fold(7, |sum, value| sum * 31 % 1_000_003 + value)
}

/// A model and a lease on it.
pub(super) struct Bench {
    pub(super) lease: Lease,
    pub(super) seen: Arc<Seen>,
    pub(super) pool: Arc<ComputePool>,
}

/// The model runs on lanes.
pub(super) fn tiny() -> Bench {
    bench(RowRule::Independent, CostClass::Tiny, BatchSettings::default(), 2)
}

pub(super) fn bench(rows: RowRule, cost: CostClass, settings: BatchSettings, threads: usize) -> Bench {
    let model = FakeModel::new(rows, cost);
    let seen = model.seen.clone();
    let pool = ComputePool::new(threads, Arc::new(SystemClock));
    let lease =
        Lease::on_model("fake", Version::numbered(1), Arc::new(model), settings, pool.clone()).unwrap();
    Bench { lease, seen, pool }
}

impl Bench {
    /// A call of some rows.
    pub(super) fn call(&self, rows: &[Vec<i64>]) -> Call {
        let width = rows.first().map_or(1, Vec::len);
        let x = Tensor::from_slice(&[rows.len(), width], &rows.concat()).unwrap();
        let signature = self.lease.signatures()[0].clone();
        let wanted = signature.default_outputs().clone();
        Call::checked(signature, [Some(Input::Dense(x))], wanted).unwrap()
    }

    pub(super) fn request(&self, rows: &[Vec<i64>]) -> Request {
        Request { call: self.call(rows), deadline: None, priority: 0 }
    }

    pub(super) fn submit(&self, rows: &[Vec<i64>], now: Instant) -> Answer {
        crate::submit(self.lease.clone(), self.request(rows), now)
    }
}

/// Whether an answer is right for these rows, in both outputs.
pub(super) fn assert_right(response: &Response, rows: &[Vec<i64>]) {
    let numbers: Vec<i64> = rows.iter().map(|row| number_of(row)).collect();
    assert_eq!(response.outputs.get(0).unwrap().values::<i64>().unwrap(), numbers);
    let texts = response.outputs.get(1).unwrap().strings().unwrap();
    let texts: Vec<_> =
        (0..texts.len()).map(|i| String::from_utf8_lossy(texts.get(i)).into_owned()).collect();
    assert_eq!(texts, numbers.iter().map(|n| format!("n{n}")).collect::<Vec<_>>());
}

/// A clock that stands until it is moved.
pub(super) struct HandClock(Mutex<Instant>);

impl HandClock {
    pub(super) fn new() -> Self {
        HandClock(Mutex::new(SystemClock.now()))
    }

    pub(super) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Counts how often it is woken.
#[derive(Default)]
pub(super) struct Woken(pub(super) AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Asks once whether the answer is there.
pub(super) fn poll(answer: &mut Answer, waker: &Arc<Woken>) -> Poll<Result<Response, Problem>> {
    let waker = Waker::from(waker.clone());
    std::pin::Pin::new(answer).poll(&mut Context::from_waker(&waker))
}

/// The answer, which must be there already.
pub(super) fn ready(mut answer: Answer) -> Result<Response, Problem> {
    match poll(&mut answer, &Arc::default()) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the answer is not there"),
    }
}
