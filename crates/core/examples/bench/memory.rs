//! Memory of the process that is its own: anonymous pages, without those that files back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Looks at the process's anonymous memory every few milliseconds until asked for the peak.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

const INTERVAL: Duration = Duration::from_millis(5);

impl Watch {
    /// Begins to look.
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let peak = Arc::new(AtomicU64::new(0));
        let (stop_seen, peak_seen) = (Arc::clone(&stop), Arc::clone(&peak));
        let thread = std::thread::spawn(move || {
            loop {
                peak_seen.fetch_max(anonymous_bytes().unwrap_or(0), Ordering::Relaxed);
                if stop_seen.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::sleep(INTERVAL);
            }
        });
        Self { stop, peak, thread: Some(thread) }
    }

    /// The greatest number of bytes seen; `None` where the operating system does not tell.
    pub(crate) fn peak(mut self) -> Option<f64> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread only reads a file; if it panicked there is no peak to tell.
            thread.join().ok()?;
        }
        match self.peak.load(Ordering::Relaxed) {
            0 => None,
            bytes => Some(bytes as f64),
        }
    }
}

/// `RssAnon` of Linux: resident pages that no file backs.
fn anonymous_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    let kilobytes: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
