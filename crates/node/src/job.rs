//! Computations off the JavaScript thread: promise, progress, abort, panic, and the end of the environment.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use coverage_principle_core::{Code, Control, Error, Result};
use napi::Env;
use napi::bindgen_prelude::{Float64Array, Object, ToNapiValue, Uint32Array};
use napi_derive::napi;
use serde::Serialize;

use crate::error::to_napi;
use crate::queue;

/// Handle on a computation: made before it starts, asked for progress while it runs, told to stop it.
#[napi]
#[derive(Default)]
pub struct Job {
    control: Arc<Control>,
    /// The place in the queue of what runs under this job.
    ticket: Mutex<Option<queue::Ticket>>,
}

#[napi]
impl Job {
    /// A job that nothing runs under yet.
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the computation to stop; its promise rejects with `ERR_ABORTED`.
    #[napi]
    pub fn cancel(&self) {
        self.control.cancel();
        let ticket = self.ticket.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(ticket) = ticket {
            ticket.cancel();
        }
    }

    /// What is being done, where the computation has several stages.
    #[napi(getter)]
    #[must_use]
    pub fn stage(&self) -> Option<String> {
        self.control.stage().map(str::to_owned)
    }

    /// Units of work done and in all; `[0, 0]` while unknown.
    #[napi(ts_return_type = "[done: number, total: number]")]
    #[must_use]
    pub fn progress(&self) -> Vec<f64> {
        let (done, total) = self.control.snapshot();
        vec![done as f64, total as f64]
    }
}

/// A result on its way to JavaScript: plain data as JSON, long vectors of numbers as typed arrays.
pub(crate) struct Output {
    json: String,
    floats: Vec<Vec<f64>>,
    counts: Vec<Vec<u32>>,
}

impl Output {
    /// The output whose plain data is `value`.
    pub(crate) fn new(value: &impl Serialize) -> Result<Self> {
        let json = serde_json::to_string(value)
            .map_err(|error| Error::new(Code::Internal, format!("A result cannot be serialised: {error}.")))?;
        Ok(Self { json, floats: Vec::new(), counts: Vec::new() })
    }

    /// Adds a `Float64Array`.
    pub(crate) fn with_floats(mut self, values: Vec<f64>) -> Self {
        self.floats.push(values);
        self
    }

    /// Adds a `Uint32Array`.
    pub(crate) fn with_counts(mut self, values: Vec<u32>) -> Self {
        self.counts.push(values);
        self
    }

    /// As JavaScript sees it.
    pub(crate) fn into_js(self) -> JobOutput {
        JobOutput {
            json: self.json,
            floats: self.floats.into_iter().map(Float64Array::new).collect(),
            counts: self.counts.into_iter().map(Uint32Array::new).collect(),
        }
    }
}

/// Result of a job: JSON, and the long vectors beside it in the order the facade knows.
#[napi(object, object_from_js = false)]
pub struct JobOutput {
    /// Plain data.
    pub json: String,
    /// Long vectors of floating-point numbers.
    pub floats: Vec<Float64Array>,
    /// Long vectors of counts.
    pub counts: Vec<Uint32Array>,
}

thread_local! {
    /// The jobs of this thread's environment that are not settled, `None` until there is one. One cleanup hook ends them all:
    /// what a hook is given is kept for good, removed or not, so that one for each job would leave each job's place behind.
    static UNSETTLED: RefCell<Option<Vec<queue::Ticket>>> = const { RefCell::new(None) };
}

/// Has the job ended with its environment.
fn remember(env: Env, ticket: &queue::Ticket) -> napi::Result<()> {
    UNSETTLED.with_borrow_mut(|unsettled| {
        if unsettled.is_none() {
            env.add_env_cleanup_hook((), |()| end_unsettled())?;
        }
        unsettled.get_or_insert_default().push(ticket.clone());
        Ok(())
    })
}

/// The job is settled: it needs no end.
fn forget(ticket: &queue::Ticket) {
    UNSETTLED.with_borrow_mut(|unsettled| {
        if let Some(unsettled) = unsettled {
            unsettled.retain(|other| other != ticket);
        }
    });
}

/// Cancels all jobs of the environment and waits for their threads, so that none outlives it.
fn end_unsettled() {
    // Nothing is left where a runtime calls this when the thread's own storage is gone already.
    let unsettled = UNSETTLED.try_with(RefCell::take).ok().flatten().unwrap_or_default();
    unsettled.iter().for_each(queue::Ticket::cancel);
    unsettled.iter().for_each(queue::Ticket::join);
}

/// A value that JavaScript has already.
struct Made(napi::sys::napi_value);

impl ToNapiValue for Made {
    unsafe fn to_napi_value(_: napi::sys::napi_env, made: Self) -> napi::Result<napi::sys::napi_value> {
        Ok(made.0)
    }
}

/// What is left to be done on the JavaScript thread.
type Finish = Box<dyn FnOnce(Env) -> napi::Result<Made> + Send>;
/// What a job computes, on a thread of its own.
type Compute<T> = Box<dyn FnOnce(&Control) -> Result<T> + Send>;

/// Runs `compute` on a thread of its own, as soon as fewer jobs run than the machine can (see [`queue`]), and returns a
/// promise of what `convert` makes of its result.
///
/// A panic in `compute` rejects the promise. When the environment ends first (a worker is terminated, the process
/// exits), the job is cancelled and waited for, so that no thread outlives the addon.
pub(crate) fn spawn<'env, T, V>(
    env: &'env Env,
    job: &Job,
    compute: impl FnOnce(&Control) -> Result<T> + Send + 'static,
    convert: impl FnOnce(Env, T) -> napi::Result<V> + Send + 'static,
) -> napi::Result<Object<'env>>
where
    T: Send + 'static,
    V: ToNapiValue + 'static,
{
    let finish = move |value| -> Finish {
        Box::new(move |env| {
            let value = convert(env, value)?;
            // SAFETY: the environment is that of the JavaScript thread, which this runs on.
            unsafe { V::to_napi_value(env.raw(), value) }.map(Made)
        })
    };
    start(env, job, Box::new(move |control| compute(control).map(finish)))
}

/// [`spawn`], compiled once for jobs of all kinds of results.
fn start<'env>(env: &'env Env, job: &Job, compute: Compute<Finish>) -> napi::Result<Object<'env>> {
    let control = Arc::clone(&job.control);
    let (deferred, promise) = env.create_deferred::<Made, Finish>()?;
    let ticket = queue::Ticket::new(Arc::clone(&control));
    remember(*env, &ticket)?;
    let finished = ticket.clone();
    let work = move |start: Result<()>| {
        let result = start.and_then(|()| {
            catch_unwind(AssertUnwindSafe(|| compute(&control))).unwrap_or_else(|panic| Err(from_panic(&*panic)))
        });
        deferred.resolve(Box::new(move |env: Env| {
            forget(&finished);
            finished.join();
            result.map_err(|error| to_napi(&error)).and_then(|finish| finish(env))
        }));
    };
    *job.ticket.lock().unwrap_or_else(PoisonError::into_inner) = Some(ticket.clone());
    ticket.enqueue(Box::new(work));
    Ok(promise)
}

/// [`spawn`] for the usual case: a result that crosses as JSON and typed arrays.
pub(crate) fn spawn_output<'env>(
    env: &'env Env,
    job: &Job,
    compute: impl FnOnce(&Control) -> Result<Output> + Send + 'static,
) -> napi::Result<Object<'env>> {
    let compute: Compute<Output> = Box::new(compute);
    spawn(env, job, compute, |_, output| Ok(output.into_js()))
}

fn from_panic(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::new(
        Code::Internal,
        format!(
            "A bug in coverage-principle: {}. Please report it with what you ran.",
            text.unwrap_or("panic without a message")
        ),
    )
}

/// Fails on purpose, so that tests can see what becomes of a panic or of a job that never ends by itself.
///
/// `fault` is `"panic"` or `"spin"` (runs until cancelled).
#[napi(ts_return_type = "Promise<JobOutput>")]
pub fn run_fault<'env>(env: &'env Env, fault: String, job: &Job) -> napi::Result<Object<'env>> {
    spawn_output(env, job, move |control| {
        assert!(fault != "panic", "fault requested by a test");
        loop {
            control.check()?;
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    })
}
