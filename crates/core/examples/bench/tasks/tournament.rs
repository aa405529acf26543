//! The tournament: all counts, or the winner alone.

use coverage_principle_core::tournament::{Budgets, Counts, Winner, counts as core_counts, select_winner, tournament};
use coverage_principle_core::{Control, Workers};

use super::{Method, Run, naive, reading};
use crate::Refusal;
use crate::answer::{Answer, Facts};

impl Answer for Counts {
    fn bytes(&self) -> Vec<u8> {
        (0..self.budgets()).flat_map(|budget| self.of_budget(budget)).flat_map(|count| count.to_le_bytes()).collect()
    }
}

/// All counts at every budget.
pub(crate) fn counts(file: &str, budgets: &[f64], threads: usize, method: Method) -> Result<Run, Refusal> {
    let budgets = Budgets::new(budgets)?;
    let workers = Workers::new(Some(threads))?;
    let matrix = reading::matrix(file, method == Method::Mapped, &workers)?;
    Ok(match method {
        Method::Core | Method::FullMatrix | Method::Mapped => {
            Box::new(move || Ok(Box::new(core_counts(&matrix, &budgets, &workers, &Control::new())?)))
        }
        Method::Naive => Box::new(move || Ok(Box::new(naive::counts(matrix.rows(), &budgets)))),
    })
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

/// The winner alone at every budget.
pub(crate) fn winner(file: &str, budgets: &[f64], threads: usize, method: Method) -> Result<Run, Refusal> {
    let budgets = Budgets::new(budgets)?;
    let workers = Workers::new(Some(threads))?;
    let matrix = reading::matrix(file, method == Method::Mapped, &workers)?;
    match method {
        Method::Core | Method::Mapped => Ok(Box::new(move || {
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
