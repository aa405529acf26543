//! Threads change speed, never the answer.
//!
//! Work is cut into tasks whose number does not depend on how many threads there are; results are
//! collected by task index. Nothing in this crate uses rayon's global pool.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::error::{Code, Error, Result};
use crate::progress::Control;

/// A pool of worker threads owned by one computation. One thread means no pool at all.
#[derive(Debug)]
pub struct Workers {
    pool: Option<rayon::ThreadPool>,
}

impl Workers {
    /// `threads` workers; `None` means as many as the machine offers.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] if `threads` is 0 or above 1,024; [`Code::Internal`] if the operating
    /// system refuses the threads.
    pub fn new(threads: Option<usize>) -> Result<Self> {
        let threads = match threads {
            None => std::thread::available_parallelism().map_or(1, usize::from),
            Some(threads @ 1..=1024) => threads,
            Some(threads) => {
                return Err(Error::option("threads", format!("threads must be between 1 and 1024, not {threads}.")));
            }
        };
        if threads == 1 {
            return Ok(Self { pool: None });
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("coverage-{index}"))
            .build()
            .map_err(|error| Error::new(Code::Internal, format!("Cannot start {threads} threads: {error}.")))?;
        Ok(Self { pool: Some(pool) })
    }

    /// One worker: the calling thread.
    #[must_use]
    pub fn sequential() -> Self {
        Self { pool: None }
    }

    /// How many threads work.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads)
    }

    /// `task(0), …, task(count - 1)`, in index order whatever thread ran which.
    ///
    /// Stops at the first cancellation or error seen; if several tasks fail, the error of the
    /// least index among those that ran is returned.
    pub fn map<T: Send>(
        &self,
        count: usize,
        control: &Control,
        task: impl Fn(usize) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let results = Results::of(count);
        self.run(count, &|index| results.keep(index, control.check().and_then(|()| task(index))));
        results.in_order()
    }

    /// [`Workers::map`], while the calling thread does `meanwhile`. An error of `meanwhile` comes before those of the tasks.
    pub fn map_beside<T: Send>(
        &self,
        count: usize,
        control: &Control,
        task: impl Fn(usize) -> Result<T> + Sync,
        meanwhile: impl FnOnce() -> Result<()>,
    ) -> Result<Vec<T>> {
        let results = Results::of(count);
        let run = |index| results.keep(index, control.check().and_then(|()| task(index)));
        self.run_beside(count, &run, Box::new(meanwhile))?;
        results.in_order()
    }

    /// Runs `task(index, chunk)` over consecutive chunks of `chunk_len` elements of `items` (the last may be
    /// shorter), in parallel. The cut depends on `chunk_len` alone.
    pub fn for_each_chunk<T: Send>(
        &self,
        items: &mut [T],
        chunk_len: usize,
        control: &Control,
        task: impl Fn(usize, &mut [T]) -> Result<()> + Sync,
    ) -> Result<()> {
        let chunks: Vec<_> = items.chunks_mut(chunk_len).map(|chunk| Mutex::new(Some(chunk))).collect();
        let results = Results::of(chunks.len());
        self.run(chunks.len(), &|index| {
            // Each index comes once, so its chunk is there.
            let chunk = lock(&chunks[index]).take().unwrap_or_default();
            results.keep(index, control.check().and_then(|()| task(index, chunk)))
        });
        results.in_order().map(|_| ())
    }

    /// Calls `task` with each index; one thread stops where it says that there is no use in going on. Of what runs in
    /// parallel all goes through here and [`Workers::run_beside`], which know nothing of the task: else rayon's machinery would be
    /// compiled anew for each of a hundred kinds of task.
    fn run(&self, count: usize, task: &Task<'_>) {
        match &self.pool {
            None => _ = (0..count).all(task),
            Some(pool) => pool.install(|| (0..count).into_par_iter().with_max_len(1).for_each(|index| _ = task(index))),
        }
    }

    /// [`Workers::run`], and `meanwhile` on the calling thread: before it where there is no other.
    fn run_beside(&self, count: usize, task: &Task<'_>, meanwhile: Box<dyn FnOnce() -> Result<()> + '_>) -> Result<()> {
        let Some(pool) = &self.pool else {
            meanwhile()?;
            self.run(count, task);
            return Ok(());
        };
        // The scope waits for every task.
        pool.in_place_scope(|scope| {
            for index in 0..count {
                scope.spawn(move |_| _ = task(index));
            }
            meanwhile()
        })
    }
}

/// What is done for an index; `false` where there is no use in doing it for those after.
type Task<'task> = dyn Fn(usize) -> bool + Sync + 'task;

/// A result for each index, put there by whatever thread has it.
struct Results<T>(Vec<Mutex<Option<Result<T>>>>);

impl<T> Results<T> {
    fn of(count: usize) -> Self {
        Self((0..count).map(|_| Mutex::new(None)).collect())
    }

    /// Whether it is a value, no error.
    fn keep(&self, index: usize, result: Result<T>) -> bool {
        let is_value = result.is_ok();
        *lock(&self.0[index]) = Some(result);
        is_value
    }

    /// The values, or the first error; what comes after an error may not have been computed.
    fn in_order(self) -> Result<Vec<T>> {
        self.0.into_iter().filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}

fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_results_is_the_order_of_indices() {
        let control = Control::new();
        for threads in [1, 2, 3, 8] {
            let workers = Workers::new(Some(threads)).unwrap();
            let squares = workers.map(100, &control, |index| Ok(index * index)).unwrap();
            assert_eq!(squares, (0..100).map(|index| index * index).collect::<Vec<_>>());
        }
    }

    #[test]
    fn work_of_the_caller_goes_on_beside_the_tasks() {
        for threads in [1, 2, 3] {
            let (workers, mut own) = (Workers::new(Some(threads)).unwrap(), 0);
            let beside = workers.map_beside(
                50,
                &Control::new(),
                |index| Ok(index * 2),
                || {
                    own = 7;
                    Ok(())
                },
            );
            assert_eq!((beside.unwrap(), own), ((0..50).map(|index| index * 2).collect(), 7));
            let task = |_| Err::<(), _>(Error::new(Code::Internal, "task"));
            let error = workers.map_beside(3, &Control::new(), task, || Err(Error::new(Code::Io, "own"))).unwrap_err();
            assert_eq!(error.code, Code::Io);
            let error = workers.map_beside(3, &Control::new(), task, || Ok(())).unwrap_err();
            assert_eq!(error.code, Code::Internal);
        }
    }

    #[test]
    fn a_cancelled_control_stops_the_map() {
        let control = Control::new();
        control.cancel();
        let error = Workers::new(Some(2)).unwrap().map(10, &control, |_| Ok(())).unwrap_err();
        assert_eq!(error.code, Code::Aborted);
    }

    #[test]
    fn zero_threads_is_an_option_error() {
        assert_eq!(Workers::new(Some(0)).unwrap_err().code, Code::InvalidOption);
    }
}
