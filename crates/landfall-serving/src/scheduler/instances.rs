//! The workspaces of one version: made when a thread needs one, kept while the version lives.

use crate::locked::{lock, thread_number};
use landfall_model::{Call, Instance, Model, Outputs, Problem, Reason};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// The workspaces of one version. They belong to the version, not to threads, so that they are gone when it is, however
/// long a thread sleeps; a thread gets the one that it used last, where that is idle.
pub(crate) struct Instances {
    model: Arc<dyn Model>,
    engine: &'static str,
    idle: Mutex<Vec<(usize, Box<dyn Instance>)>>,
}

impl Instances {
    pub(crate) fn new(model: Arc<dyn Model>, engine: &'static str) -> Arc<Self> {
        Arc::new(Instances { model, engine, idle: Mutex::new(Vec::new()) })
    }

    /// One for this thread.
    ///
    /// # Errors
    /// When the engine cannot make a further one.
    pub(crate) fn pooled(self: &Arc<Self>) -> Result<PooledInstance, Problem> {
        let mut pooled = PooledInstance { instances: self.clone(), instance: None };
        pooled.instance()?;
        Ok(pooled)
    }

    fn idle(&self) -> Option<Box<dyn Instance>> {
        let mut idle = lock(&self.idle);
        let own = idle.iter().rposition(|(thread, _)| *thread == thread_number());
        let place = own.or_else(|| idle.len().checked_sub(1))?;
        Some(idle.swap_remove(place).1)
    }
}

/// A workspace in use; it goes back when dropped.
pub(crate) struct PooledInstance {
    instances: Arc<Instances>,
    instance: Option<Box<dyn Instance>>,
}

impl PooledInstance {
    /// The one that it has, or a new one after the last panicked.
    fn instance(&mut self) -> Result<&mut Box<dyn Instance>, Problem> {
        if self.instance.is_none() {
            self.instance = self.instances.idle();
        }
        match &mut self.instance {
            Some(instance) => Ok(instance),
            none => {
                let made = catch_unwind(AssertUnwindSafe(|| self.instances.model.instance()));
                Ok(none.insert(made.unwrap_or_else(|_| Err(panicked(self.instances.engine)))?))
            }
        }
    }

    /// Runs a call as it is. A panic of the engine becomes a problem, and what it left behind is thrown away.
    ///
    /// # Errors
    /// The engine's own; internal when it panicked.
    pub(crate) fn run(&mut self, call: &Call) -> Result<Outputs, Problem> {
        let instance = self.instance()?;
        let mut outputs = Outputs::new();
        match catch_unwind(AssertUnwindSafe(|| instance.run(call, &mut outputs))) {
            Ok(result) => result.map(|()| outputs),
            Err(_) => {
                let broken = self.instance.take();
                // Its destructor may find the same mess that it panicked over.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(broken)));
                Err(panicked(self.instances.engine))
            }
        }
    }

    /// Name of the engine.
    pub(crate) fn engine(&self) -> &'static str {
        self.instances.engine
    }
}

impl Drop for PooledInstance {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take() {
            lock(&self.instances.idle).push((thread_number(), instance));
        }
    }
}

#[cold]
fn panicked(engine: &'static str) -> Problem {
    Problem::new(Reason::Engine { engine, text: "it panicked; the log has its message".to_owned() })
}
