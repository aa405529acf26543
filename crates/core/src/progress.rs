//! What a running computation shares with whoever waits for it: progress out, cancellation in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};

/// Progress counters and the cancellation flag of one job.
///
/// A computation calls [`Control::check`] at least every few milliseconds of work, so that an
/// abort takes effect in well under 200 ms, and reports how far it is in units of its choosing.
/// Counting is done by relaxed atomics: a snapshot may lag, it never blocks the work.
#[derive(Debug, Default)]
pub struct Control {
    cancelled: Arc<AtomicBool>,
    done: AtomicU64,
    total: AtomicU64,
    stage: Mutex<Option<&'static str>>,
    pause: OnceLock<Instant>,
}

impl Control {
    /// A fresh control: nothing done, not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A control that is cancelled with this one and counts for itself: for work that is no progress, such as a look at
    /// what is to be done.
    #[must_use]
    pub fn uncounted(&self) -> Self {
        Self { cancelled: Arc::clone(&self.cancelled), ..Self::default() }
    }

    /// Asks the computation to stop.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether the computation was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Fails with [`Code::Aborted`] once cancelled.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::new(Code::Aborted, "The operation was aborted.")) } else { Ok(()) }
    }

    /// Asks a computation that can pause to do so at its next whole step once `after` has passed; the first call counts.
    pub fn pause_after(&self, after: Duration) {
        // A time that no clock of this machine can show never comes.
        if let Some(at) = Instant::now().checked_add(after) {
            self.pause.get_or_init(|| at);
        }
    }

    /// Whether it is time to pause.
    #[must_use]
    pub fn pause_is_due(&self) -> bool {
        self.pause.get().is_some_and(|at| Instant::now() >= *at)
    }

    /// Announces that another stage of the computation begins, whose amount of work is not known yet.
    pub fn enter(&self, stage: &'static str) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
        self.start(0);
    }

    /// The stage that the computation is in, where it has several.
    #[must_use]
    pub fn stage(&self) -> Option<&'static str> {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces how many units of work there are, and that none is done yet.
    pub fn start(&self, total: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    /// Counts `units` more as done.
    pub fn advance(&self, units: u64) {
        self.done.fetch_add(units, Ordering::Relaxed);
    }

    /// Units done and units in all; `(0, 0)` before [`Control::start`].
    #[must_use]
    pub fn snapshot(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}
