//! The model that is to be taken where a score within a tolerance of the least will do.
//!
//! Model b is nominated when its score so far is the least. Were its score more than ε above that of the best model c, then
//! for the rival a' that makes it and any rival a of c, C_ac ≤ C_a'b − εn. For each contender c one rival a is chosen
//! beforehand, as everywhere, and bet on against every a' that b may have as its worst: when each bet has refuted its
//! hypothesis, b is taken. Bets begin at the nomination; the k-th one has the share 1/(k(k + 1)) of the error allowed.

use super::account::{Account, Block};
use super::contender::Contender;

/// How much longer the list must be before another model is nominated.
const RECONSIDER: f64 = 1.5;

/// The model nominated, and what has still to be shown of it.
#[derive(Clone, Debug)]
pub(super) struct Nominee {
    pub(super) model: usize,
    considered: u32,
    goal: f64,
    /// For each contender the rivals of the nominee not yet refuted.
    accounts: Vec<(usize, Vec<(usize, Account)>)>,
}

/// Nominates, and bets for the nominee.
#[derive(Clone, Debug, Default)]
pub(super) struct Nominations {
    pub(super) now: Option<Nominee>,
    made: u32,
}

impl Nominations {
    /// Bets over one block; whether the nominee's score is shown to be within `tolerance` responses of the least.
    pub(super) fn bet(&mut self, block: Block, words: usize, contenders: &[Contender], tolerance: f64) -> bool {
        let Some(nominee) = &mut self.now else { return false };
        let Some(own) = find(contenders, nominee.model) else { return false };
        nominee.accounts.retain_mut(|(model, accounts)| {
            // A model that is out is not the best one.
            let Some(other) = find(contenders, *model) else { return false };
            let first = other.against(words);
            accounts.retain_mut(|(rival, account)| {
                own.may_be_worst(*rival)
                    && !account.bet(block, first, own.at_most(*rival, words), -tolerance, nominee.goal)
            });
            !accounts.is_empty()
        });
        nominee.accounts.is_empty()
    }

    /// Nominates another model where that looks better, after `seen` responses.
    pub(super) fn reconsider(
        &mut self,
        seen: u32,
        contenders: &[Contender],
        tolerance: f64,
        responses: f64,
        level: f64,
    ) {
        let score = |contender: &Contender| contender.score_high();
        let Some(best) = contenders.iter().min_by_key(|contender| (score(contender), contender.model)) else { return };
        if let Some(nominee) = &mut self.now
            && let Some(own) = find(contenders, nominee.model)
        {
            if f64::from(seen) < RECONSIDER * f64::from(nominee.considered) {
                return;
            }
            nominee.considered = seen;
            let lead = f64::from(score(own)) - f64::from(score(best));
            // Whoever is within a third of the tolerance is as good a choice, and its bets go on.
            if lead / f64::from(seen) <= tolerance / responses / 3.0 {
                return;
            }
        }
        self.made += 1;
        let share = 1.0 / (f64::from(self.made) * f64::from(self.made + 1));
        let rivals = || best.rivals.iter().map(|&(rival, _)| (rival, Account::new(1.0))).collect();
        let others = contenders.iter().filter(|contender| contender.model != best.model);
        self.now = Some(Nominee {
            model: best.model,
            considered: seen,
            goal: 1.0 / (share * level),
            accounts: others.map(|contender| (contender.model, rivals())).collect(),
        });
    }
}

fn find(contenders: &[Contender], model: usize) -> Option<&Contender> {
    contenders.iter().find(|contender| contender.model == model)
}
