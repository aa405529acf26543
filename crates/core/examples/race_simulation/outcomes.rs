//! What came of the runs, in memory and in a log that later runs go on from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;

use crate::Failure;

/// How the winner was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Method {
    Race,
    Plain,
}

impl Method {
    const ALL: [(Self, &str); 2] = [(Self::Race, "race"), (Self::Plain, "plain")];

    fn name(self) -> &'static str {
        if self == Self::Race { "race" } else { "plain" }
    }
}

/// What came of one run.
#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) is_wrong: bool,
    /// Scored pairs as a share of all.
    pub(crate) share: f64,
}

/// Outcomes by cell, method and seed.
pub(crate) struct Outcomes {
    keys: Vec<String>,
    known: BTreeMap<(usize, Method, u64), Outcome>,
    log: Option<File>,
}

impl Outcomes {
    /// Those of these cells that the log holds; the log is made where there is none.
    pub(crate) fn open(keys: Vec<String>, log: Option<&str>) -> Result<Self, Failure> {
        let mut outcomes = Self { keys, known: BTreeMap::new(), log: None };
        if let Some(path) = log {
            let text = if std::fs::exists(path)? { std::fs::read_to_string(path)? } else { String::new() };
            for line in text.lines() {
                outcomes.take(line)?;
            }
            outcomes.log = Some(OpenOptions::new().create(true).append(true).open(path)?);
        }
        Ok(outcomes)
    }

    /// A line of the log: cell, method, seed, whether it was wrong, and the share, tabs between.
    fn take(&mut self, line: &str) -> Result<(), Failure> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [key, method, seed, wrong, share] = fields[..] else { return Err(format!("no outcome: {line}").into()) };
        let Some(cell) = self.keys.iter().position(|known| known == key) else { return Ok(()) };
        let method =
            Method::ALL.iter().find(|(_, name)| *name == method).ok_or_else(|| format!("no method: {line}"))?.0;
        let outcome = Outcome { is_wrong: wrong == "1", share: share.parse()? };
        self.known.insert((cell, method, seed.parse()?), outcome);
        Ok(())
    }

    pub(crate) fn has(&self, cell: usize, method: Method, seed: u64) -> bool {
        self.known.contains_key(&(cell, method, seed))
    }

    pub(crate) fn add(&mut self, cell: usize, method: Method, found: &[(u64, Outcome)]) -> Result<(), Failure> {
        let mut lines = String::new();
        for &(seed, outcome) in found {
            let (key, method, wrong) = (&self.keys[cell], method.name(), u8::from(outcome.is_wrong));
            writeln!(lines, "{key}\t{method}\t{seed}\t{wrong}\t{}", outcome.share)?;
        }
        self.known.extend(found.iter().map(|&(seed, outcome)| ((cell, method, seed), outcome)));
        if let Some(log) = &mut self.log {
            log.write_all(lines.as_bytes())?;
        }
        Ok(())
    }

    /// A row a cell; sums are made by seed, so that they do not depend on who was first.
    pub(crate) fn table(&self) -> String {
        let mut table = String::from(
            "| cell | runs | wrong | scored | plain: runs | wrong | scored |\n|---|---|---|---|---|---|---|",
        );
        for (cell, key) in self.keys.iter().enumerate() {
            let [race, plain] = [Method::Race, Method::Plain].map(|method| self.tally(cell, method));
            table += &format!("\n| {key} | {race} | {plain} |");
        }
        table
    }

    fn tally(&self, cell: usize, method: Method) -> String {
        let found: Vec<&Outcome> =
            self.known.range((cell, method, 0)..=(cell, method, u64::MAX)).map(|(_, found)| found).collect();
        if found.is_empty() {
            return "0 | – | –".into();
        }
        let runs = found.len() as f64;
        let wrong = found.iter().filter(|outcome| outcome.is_wrong).count();
        let mean = found.iter().map(|outcome| outcome.share).sum::<f64>() / runs;
        let variance = found.iter().map(|outcome| (outcome.share - mean).powi(2)).sum::<f64>() / runs;
        format!("{runs} | {:.4} | {mean:.3} ± {:.3}", wrong as f64 / runs, variance.sqrt())
    }
}
