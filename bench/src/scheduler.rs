//! What the way through the scheduler costs: submit, turn and answer, with a model that does next to nothing.

use crate::report::{Table, median};
use landfall_model::{
    Call, CostClass, DType, Dim, Facts, Input, InputSpec, Instance, Method, Model, OutputSpec, Outputs,
    Problem, RowRule, ShapeRule, Signature, Tensor, Version,
};
use landfall_serving::{
    BatchSettings, Clock, ComputePool, Lane, Lease, Request, SystemClock, Worker, submit, turn,
};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const ROUNDS: usize = 9;
const REQUESTS: usize = 200_000;

/// Answers each call with one tensor that was made beforehand, so that nothing but the scheduler is measured.
struct Nothing {
    signatures: Vec<Arc<Signature>>,
    ready: Tensor,
}

struct NothingInstance(Tensor);

impl Model for Nothing {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }
    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(NothingInstance(self.ready.clone())))
    }
    fn facts(&self) -> Facts {
        Facts { engine: "nothing", cost: CostClass::Tiny, threads_inside: 1, ..Facts::default() }
    }
}

impl Instance for NothingInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        outputs.set(0, self.0.rows(0..call.rows().unwrap_or(1)));
        Ok(())
    }
}

fn model() -> Result<Nothing, Problem> {
    let input =
        |name, width| InputSpec::new(name, DType::F32, Some(vec![Dim::Free(None), Dim::Known(width)]));
    let inputs = vec![input("dense", 13), input("ids", 26)];
    let output = OutputSpec::new("score", DType::F32, Some(vec![Dim::Free(None), Dim::Known(1)]));
    let signature =
        Signature::new("s", Method::Predict, inputs, vec![output], RowRule::Independent, ShapeRule::Checked)?;
    let ready = Tensor::from_slice(&[64, 1], &[0.5f32; 64])?;
    Ok(Nothing { signatures: vec![signature.shared()], ready })
}

fn request(lease: &Lease) -> Result<Request, Problem> {
    let signature = lease.signatures()[0].clone();
    let inputs = [
        Some(Input::Dense(Tensor::from_slice(&[1, 13], &[1f32; 13])?)),
        Some(Input::Dense(Tensor::from_slice(&[1, 26], &[1f32; 26])?)),
    ];
    let wanted = signature.default_outputs().clone();
    Ok(Request { call: Call::checked(signature, inputs, wanted)?, deadline: None, priority: 0 })
}

/// Nanoseconds per request.
///
/// # Errors
/// None is expected.
pub(crate) fn figures() -> Result<Table, Problem> {
    let clock = SystemClock;
    let pool = ComputePool::new(1, Arc::new(SystemClock));
    let settings = BatchSettings::default();
    let lease = Lease::on_model("nothing", Version::numbered(1), Arc::new(model()?), settings, pool)?;
    let _lane = Lane::enter();
    let request = request(&lease)?;
    let mut table = Table::new(&["what", "ns a request"]);
    let mut row = |what: String, time: f64| table.row(vec![what, format!("{time:.0}")]);

    let making = per_request(|| {
        let started = clock.now();
        (0..REQUESTS).for_each(|_| drop(std::hint::black_box(request.clone())));
        Ok(clock.now() - started)
    })?;
    row("cloning and dropping the request, left out below".to_owned(), making);
    let mut worker = Worker::new(lease.clone())?;
    let worker = per_request(|| {
        let started = clock.now();
        for _ in 0..REQUESTS {
            worker.run(&request.call)?;
        }
        Ok(clock.now() - started)
    })?;
    row("a worker's run, no queue".to_owned(), worker);
    for batch in [1, 2, 4, 16, 64] {
        let whole = per_request(|| round(&lease, &request, batch, &clock))?;
        row(format!("submit, turn, answer in batches of {batch}"), whole - making);
    }
    Ok(table)
}

/// The median of some rounds, after one that is not counted.
fn per_request(mut run: impl FnMut() -> Result<Duration, Problem>) -> Result<f64, Problem> {
    run()?;
    let times = (0..ROUNDS).map(|_| run().map(|time| time.as_nanos() as f64 / REQUESTS as f64));
    times.collect::<Result<Vec<_>, _>>().map(median)
}

/// Each request is submitted and asked for once before the turn, and taken after it, as a runtime does.
fn round(lease: &Lease, request: &Request, batch: usize, clock: &SystemClock) -> Result<Duration, Problem> {
    let mut context = Context::from_waker(Waker::noop());
    let mut answers = Vec::with_capacity(batch);
    let started = clock.now();
    for _ in 0..REQUESTS / batch {
        for _ in 0..batch {
            let mut answer = submit(lease.clone(), request.clone(), clock.now());
            if Pin::new(&mut answer).poll(&mut context).is_ready() {
                return Err(Problem::internal("an answer before the turn"));
            }
            answers.push(answer);
        }
        turn(clock);
        for mut answer in answers.drain(..) {
            match Pin::new(&mut answer).poll(&mut context) {
                Poll::Ready(result) => drop(std::hint::black_box(result?)),
                Poll::Pending => return Err(Problem::internal("no answer after the turn")),
            }
        }
    }
    Ok(clock.now() - started)
}
