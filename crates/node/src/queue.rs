//! The queue that jobs wait in: no more run at once than the machine can make use of.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use coverage_principle_core::{Code, Control, Error, Result};

/// What a job does once it is its turn; it is told why where its turn never comes.
type Work = Box<dyn FnOnce(Result<()>) + Send>;

/// One job's place: waiting, running on a thread of its own, or done.
#[derive(Clone)]
pub(crate) struct Ticket(Arc<Place>);

impl PartialEq for Ticket {
    /// Whether both are of the same place.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

struct Place {
    control: Arc<Control>,
    state: Mutex<State>,
}

/// Changed only while the queue is held, so that a job is started or taken out of the queue, never both.
enum State {
    /// Not in the queue yet, running already, or done.
    Idle,
    Waiting(Work),
    Running(JoinHandle<()>),
}

/// The jobs of all environments of the process.
struct Queue {
    running: usize,
    /// In order of arrival; those that were cancelled meanwhile have no work left.
    waiting: VecDeque<Ticket>,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { running: 0, waiting: VecDeque::new() });

/// How many jobs run at once: twice the cores, so that a short job is not kept waiting by as many long ones as there are
/// cores, and at least four.
static AT_ONCE: LazyLock<usize> =
    LazyLock::new(|| (2 * std::thread::available_parallelism().map_or(1, usize::from)).max(4));

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ticket {
    /// A place that is not in the queue yet.
    pub(crate) fn new(control: Arc<Control>) -> Self {
        Self(Arc::new(Place { control, state: Mutex::new(State::Idle) }))
    }

    fn replace(&self, state: State) -> State {
        mem::replace(&mut *self.0.state.lock().unwrap_or_else(PoisonError::into_inner), state)
    }

    /// Puts `work` into the queue; it starts at once where there is room.
    pub(crate) fn enqueue(&self, work: Work) {
        let mut queue = queue();
        self.replace(State::Waiting(work));
        queue.waiting.push_back(self.clone());
        let refused = start_waiting(&mut queue);
        drop(queue);
        refuse(refused);
    }

    /// Cancels the job. One that waits ends here and now.
    pub(crate) fn cancel(&self) {
        self.0.control.cancel();
        let mut queue = queue();
        let work = match self.replace(State::Idle) {
            State::Waiting(work) => Some(work),
            other => {
                self.replace(other);
                None
            }
        };
        if work.is_some() {
            queue.waiting.retain(|ticket| ticket != self);
        }
        drop(queue);
        if let Some(work) = work {
            work(self.0.control.check());
        }
    }

    /// Waits for the job's thread, if it has one.
    pub(crate) fn join(&self) {
        let queue = queue();
        let state = self.replace(State::Idle);
        drop(queue);
        if let State::Running(thread) = state {
            // The thread catches its own panics; there is nothing to learn from the result.
            let _ = thread.join();
        }
    }
}

/// Starts as many waiting jobs as may run; returns those that the operating system has no thread for.
fn start_waiting(queue: &mut Queue) -> Vec<(Work, Error)> {
    let mut refused = Vec::new();
    while queue.running < *AT_ONCE {
        let Some(ticket) = queue.waiting.pop_front() else { break };
        let State::Waiting(work) = ticket.replace(State::Idle) else { continue };
        // In a cell of its own: where no thread can be had the work must still be told.
        let slot = Arc::new(Mutex::new(Some(work)));
        let taken = Arc::clone(&slot);
        let thread = std::thread::Builder::new().name("coverage-job".into()).spawn(move || {
            if let Some(work) = take(&taken) {
                work(Ok(()));
            }
            finish();
        });
        match thread {
            Ok(thread) => {
                ticket.replace(State::Running(thread));
                queue.running += 1;
            }
            Err(error) => {
                let error = Error::new(Code::Internal, format!("Cannot start a thread for the computation: {error}."));
                refused.extend(take(&slot).map(|work| (work, error)));
            }
        }
    }
    refused
}

fn take(slot: &Mutex<Option<Work>>) -> Option<Work> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// A job's thread is about to end: another's may start.
fn finish() {
    let mut queue = queue();
    queue.running -= 1;
    let refused = start_waiting(&mut queue);
    drop(queue);
    refuse(refused);
}

fn refuse(refused: Vec<(Work, Error)>) {
    for (work, error) in refused {
        work(Err(error));
    }
}
