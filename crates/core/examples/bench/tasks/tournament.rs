//! The tournament: all counts, or the winner alone.

use coverage_principle_core::tournament::{
    Counts, Ratios, Winner, counts as counts_as_the_library_does, counts_using, select_winner, tournament,
};
use coverage_principle_core::{Control, Isa, LogProbs, Workers};
use serde::Deserialize;

use super::{Method, Run, naive, reading};
use crate::Refusal;
use crate::answer::{Answer, Facts};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    file: String,
    budgets: Vec<f64>,
    threads: usize,
    method: Method,
    /// The instruction set to count with; the best there is if not named.
    instructions: Option<String>,
}

impl Input {
    fn read(&self) -> Result<(LogProbs, Ratios, Workers), Refusal> {
        let workers = Workers::new(Some(self.threads))?;
        Ok((reading::matrix(&self.file, &workers)?, Ratios::new(&self.budgets)?, workers))
    }
}

impl Answer for Counts {
    fn bytes(&self) -> Vec<u8> {
        (0..self.ratios()).flat_map(|ratio| self.at_ratio(ratio)).flat_map(|count| count.to_le_bytes()).collect()
    }
}

/// All counts at every N.
pub(super) fn counts(input: Input) -> Result<Run, Refusal> {
    let (matrix, budgets, workers) = input.read()?;
    if input.method == Method::Naive {
        return Ok(Box::new(move || Ok(Box::new(naive::counts(matrix.rows(), &budgets)))));
    }
    let Some(name) = input.instructions else {
        return Ok(Box::new(move || {
            Ok(Box::new(counts_as_the_library_does(&matrix, &budgets, &workers, &Control::new())?))
        }));
    };
    let wanted = |set: &Isa| serde_json::to_value(set).is_ok_and(|value| value == name.as_str());
    let Some(set) = Isa::available().into_iter().find(wanted) else {
        return Err(Refusal::Skipped(format!("this processor does not have {name}")));
    };
    Ok(Box::new(move || Ok(Box::new(counts_using(set, &matrix, &budgets, &workers, &Control::new())?))))
}

/// Winner and score count at each budget, with what finding them took.
struct Winners {
    found: Vec<[u32; 2]>,
    facts: Facts,
}

impl Answer for Winners {
    fn bytes(&self) -> Vec<u8> {
        self.found.iter().flatten().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

impl Winners {
    fn pruned(winners: &[Winner]) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a benchmark has far fewer than 2^32 models")]
        let found = winners.iter().map(|winner| [winner.winner as u32, winner.score_count]).collect();
        let share = |looked_at: fn(&Winner) -> u64, total: fn(&Winner) -> u64| {
            let (part, whole): (u64, u64) = winners.iter().fold((0, 0), |(p, w), x| (p + looked_at(x), w + total(x)));
            part as f64 / whole.max(1) as f64
        };
        let facts = Facts::from([
            ("pairsLookedAt".to_owned(), share(|w| w.pairs_looked_at, |w| w.pairs_total)),
            ("elementsLookedAt".to_owned(), share(|w| w.elements_looked_at, |w| w.elements_total)),
        ]);
        Self { found, facts }
    }
}

/// The winner alone at every N.
pub(super) fn winner(input: Input) -> Result<Run, Refusal> {
    let (matrix, budgets, workers) = input.read()?;
    match input.method {
        Method::Core => Ok(Box::new(move || {
            let winners = select_winner(&matrix, &budgets, &workers, &Control::new())?;
            Ok(Box::new(Winners::pruned(&winners)))
        })),
        Method::FullMatrix => Ok(Box::new(move || {
            let (_, tournaments) = tournament(&matrix, &budgets, &workers, &Control::new())?;
            #[expect(clippy::cast_possible_truncation, reason = "a benchmark has far fewer than 2^32 models")]
            let found = tournaments.iter().map(|t| [t.winner as u32, t.score_counts[t.winner]]).collect();
            Ok(Box::new(Winners { found, facts: Facts::new() }))
        })),
        Method::Naive => Err(Refusal::Skipped("the plain loop is timed on the matrix of counts".to_owned())),
    }
}
