//! Threads change speed, never the answer.
//!
//! Work is cut into tasks whose number does not depend on how many threads there are; results are
//! collected by task index. Nothing in this crate uses rayon's global pool.

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
        let checked = |index: usize| {
            control.check()?;
            task(index)
        };
        match &self.pool {
            None => (0..count).map(checked).collect(),
            Some(pool) => {
                let results: Vec<Result<T>> =
                    pool.install(|| (0..count).into_par_iter().with_max_len(1).map(checked).collect());
                results.into_iter().collect()
            }
        }
    }

    /// [`Workers::map`], while the calling thread does `meanwhile`. An error of `meanwhile` comes before those of the tasks.
    pub fn map_beside<T: Send>(
        &self,
        count: usize,
        control: &Control,
        task: impl Fn(usize) -> Result<T> + Sync,
        meanwhile: impl FnOnce() -> Result<()>,
    ) -> Result<Vec<T>> {
        let Some(pool) = &self.pool else {
            meanwhile()?;
            return self.map(count, control, task);
        };
        let mut results: Vec<Option<Result<T>>> = (0..count).map(|_| None).collect();
        pool.in_place_scope(|scope| {
            for (index, result) in results.iter_mut().enumerate() {
                let task = &task;
                scope.spawn(move |_| *result = Some(control.check().and_then(|()| task(index))));
            }
            meanwhile()
        })?;
        // The scope has waited for every task.
        results.into_iter().flatten().collect()
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
        let checked = |(index, chunk): (usize, &mut [T])| {
            control.check()?;
            task(index, chunk)
        };
        match &self.pool {
            None => items.chunks_mut(chunk_len).enumerate().try_for_each(checked),
            Some(pool) => {
                let results: Vec<Result<()>> =
                    pool.install(|| items.par_chunks_mut(chunk_len).enumerate().map(checked).collect());
                results.into_iter().collect()
            }
        }
    }
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
