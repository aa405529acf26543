//! The core's side of the benchmark: reads requests as JSON lines, answers in JSON lines, and times itself.
//!
//! `npm run bench` drives it. Times are taken here, inside Rust, so that they hold no pipe, no JSON and no Node.
//!
//! | request | answer |
//! |---|---|
//! | `{"call":"prepare","slot":S,"task":{…},"result":FILE}` | runs once, writes the result: `{"seconds":t,"facts":{…}}` |
//! | `{"call":"round","slot":S,"iterations":k}` | `{"seconds":total,"checksum":"…"}` |
//! | `{"call":"release","slot":S}` | `{}` |
//! | `{"call":"draws","file":F,…}` | `{}`, the draws of a bootstrap written to F |
//! | `{"call":"roofline","quick":bool}` | what this machine can do at most, see [`roofline`] |
//!
//! A request that fails is answered by `{"error":"…"}`, one that cannot be served here by `{"skipped":"…"}`.

mod answer;
mod memory;
mod roofline;
mod tasks;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::PathBuf;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use answer::Answer;
use tasks::{Run, Task};

#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "camelCase", deny_unknown_fields)]
enum Request {
    Prepare { slot: String, task: Task, result: String },
    Round { slot: String, iterations: u64 },
    Release { slot: String },
    Draws { file: PathBuf, units: usize, replicates: u32, seed: u64 },
    Roofline { quick: bool },
}

/// Why a request was not served.
pub(crate) enum Refusal {
    /// The machine or the build lacks something.
    Skipped(String),
    /// Something went wrong.
    Failed(String),
}

impl<E: std::fmt::Display> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

fn main() -> std::io::Result<()> {
    let mut slots: HashMap<String, Run> = HashMap::new();
    for line in stdin().lock().lines() {
        let reply = match serve(&line?, &mut slots) {
            Ok(reply) => reply,
            Err(Refusal::Skipped(reason)) => json!({ "skipped": reason }),
            Err(Refusal::Failed(message)) => json!({ "error": message }),
        };
        let mut out = stdout().lock();
        writeln!(out, "{reply}")?;
        out.flush()?;
    }
    Ok(())
}

fn serve(line: &str, slots: &mut HashMap<String, Run>) -> Result<Value, Refusal> {
    match serde_json::from_str(line)? {
        Request::Prepare { slot, task, result } => {
            let watch = memory::Watch::start();
            let mut run = tasks::prepare(task)?;
            let start = Instant::now();
            let answer = run()?;
            let seconds = start.elapsed().as_secs_f64();
            let own_memory = watch.peak();
            std::fs::write(&result, answer.bytes())?;
            let mut facts = answer.facts();
            facts.extend(own_memory.map(|bytes| ("ownMemoryBytes".to_owned(), bytes)));
            slots.insert(slot, run);
            Ok(json!({ "seconds": seconds, "facts": facts }))
        }
        Request::Round { slot, iterations } => {
            let run = slots.get_mut(&slot).ok_or_else(|| format!("nothing is prepared under {slot}"))?;
            let mut last: Option<Box<dyn Answer>> = None;
            let start = Instant::now();
            for _ in 0..iterations {
                last = Some(black_box(run()?));
            }
            let seconds = start.elapsed().as_secs_f64();
            let mut hasher = DefaultHasher::new();
            hasher.write(&last.ok_or("a round needs at least one iteration")?.bytes());
            Ok(json!({ "seconds": seconds, "checksum": format!("{:016x}", hasher.finish()) }))
        }
        Request::Release { slot } => {
            slots.remove(&slot);
            Ok(json!({}))
        }
        Request::Draws { file, units, replicates, seed } => {
            tasks::write_draws(&file, units, replicates, seed)?;
            Ok(json!({}))
        }
        Request::Roofline { quick } => Ok(serde_json::to_value(roofline::measure(quick))?),
    }
}
