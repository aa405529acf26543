//! Computations off the JavaScript thread: promise, progress, abort, panic, and the end of the environment.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use coverage_principle_core::{Code, Control, Error, Result};
use napi::bindgen_prelude::{Float64Array, Object, ToNapiValue, Uint32Array};
use napi::{CleanupEnvHook, Env};
use napi_derive::napi;
use serde::Serialize;

use crate::error::to_napi;

/// Handle on a computation: made before it starts, asked for progress while it runs, told to stop it.
#[napi]
#[derive(Default)]
pub struct Job {
    control: Arc<Control>,
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

/// The thread of a running job, and what is needed to end it early.
struct Running {
    control: Arc<Control>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Running {
    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The thread catches its own panics; there is nothing to learn from the result.
            let _ = thread.join();
        }
    }
}

/// Carries the cleanup hook through the job's thread back to the JavaScript thread.
struct HookToRemove(CleanupEnvHook<Arc<Running>>);

// SAFETY: the hook is a pointer that only the resolver dereferences, and the resolver runs on the JavaScript thread
// that made it; the thread in between moves it without looking.
unsafe impl Send for HookToRemove {}

/// Runs `compute` on a thread of its own and returns a promise of what `convert` makes of its result.
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
    let control = Arc::clone(&job.control);
    let (deferred, promise) = env.create_deferred::<V, Box<dyn FnOnce(Env) -> napi::Result<V> + Send>>()?;
    let running = Arc::new(Running { control: Arc::clone(&control), thread: Mutex::new(None) });
    let hook = HookToRemove(env.add_env_cleanup_hook(Arc::clone(&running), |running| {
        running.control.cancel();
        running.join();
    })?);
    let mut slot = running.thread.lock().unwrap_or_else(PoisonError::into_inner);
    let finished = Arc::clone(&running);
    let thread = std::thread::Builder::new().name("coverage-job".into()).spawn(move || {
        let result =
            catch_unwind(AssertUnwindSafe(|| compute(&control))).unwrap_or_else(|panic| Err(from_panic(&*panic)));
        deferred.resolve(Box::new(move |env: Env| {
            // Capture the whole wrapper, not its field: only the wrapper may cross threads.
            let hook = hook;
            env.remove_env_cleanup_hook(hook.0)?;
            finished.join();
            result.map_err(|error| to_napi(&error)).and_then(|value| convert(env, value))
        }));
    });
    let thread = thread.map_err(|error| {
        to_napi(&Error::new(Code::Internal, format!("Cannot start a thread for the computation: {error}.")))
    })?;
    *slot = Some(thread);
    drop(slot);
    Ok(promise)
}

/// [`spawn`] for the usual case: a result that crosses as JSON and typed arrays.
pub(crate) fn spawn_output<'env>(
    env: &'env Env,
    job: &Job,
    compute: impl FnOnce(&Control) -> Result<Output> + Send + 'static,
) -> napi::Result<Object<'env>> {
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
