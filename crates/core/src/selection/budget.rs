use crate::error::{Error, Result};
use crate::tournament::Ratios;

/// The least budget there is a rule for.
const LEAST: u32 = 3;

/// The ratio N at which to hold a tournament for a budget of K samples a prompt: (K/2)^(2/3).
///
/// Best-of-K needs little coverage loss at the ratio K/2 (PD.6: N ≥ 2M·log(1/ε) samples for Cov_M), and a tournament at N
/// bounds it at N^(3/2) (T6.3 at a = ½).
///
/// # Errors
/// [`crate::Code::InvalidOption`] for a budget below 3.
pub fn ratio_of_budget(budget: u32) -> Result<f64> {
    Ok(span_of_budget(budget)?[1])
}

/// The ratios that what to take for a budget is held against, rising: √(K/2), (K/2)^(2/3) and K/2.
///
/// T6.3 bounds Cov_{K/2} of a pick by a tournament at (K/2)^(1/(1+a)) for every a in [0, 1]: these are a = 1, ½ and 0. A
/// model that is close to the best at all of them has each of the bounds, but for how far it is from the best.
///
/// # Errors
/// [`crate::Code::InvalidOption`] for a budget below 3.
pub fn span_of_budget(budget: u32) -> Result<[f64; 3]> {
    if budget < LEAST {
        return Err(Error::option(
            "bestOf",
            format!(
                "A budget must be at least {LEAST} samples a prompt, not {budget}: with fewer there is little to choose."
            ),
        ));
    }
    let half = 0.5 * f64::from(budget);
    Ok([half.sqrt(), libm::cbrt(half * half), half])
}

/// The tournaments that are asked for: those of budgets, then those at ratios given as such.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The N of each.
    pub ratios: Ratios,
    /// The values of N that what to take is held against at each: those of its budget ([`span_of_budget`]), or its N.
    pub spans: Vec<Vec<f64>>,
    /// The budget behind each, if there is one.
    pub budgets: Vec<Option<u32>>,
}

impl Asked {
    /// Budgets of at least 3 samples a prompt, and ratios.
    ///
    /// # Errors
    /// [`crate::Code::InvalidOption`] for a budget below 3, and as [`Ratios::new`].
    pub fn new(best_of: &[u32], n: &[f64]) -> Result<Self> {
        let of_budgets = best_of.iter().map(|&budget| span_of_budget(budget)).collect::<Result<Vec<_>>>()?;
        let middle = of_budgets.iter().map(|span| span[1]);
        let alone = n.iter().map(|&n| vec![n]);
        Ok(Self {
            ratios: Ratios::new(&middle.chain(n.iter().copied()).collect::<Vec<_>>())?,
            spans: of_budgets.iter().map(|span| span.to_vec()).chain(alone).collect(),
            budgets: best_of.iter().copied().map(Some).chain(n.iter().map(|_| None)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, ratio_of_budget, span_of_budget};

    #[test]
    fn the_rule() {
        let known = [(4, 1.59), (8, 2.52), (12, 3.30), (64, 10.1), (256, 25.4)];
        assert!(known.iter().all(|&(k, n)| (ratio_of_budget(k).unwrap() - n).abs() < 0.05));
        assert_eq!((ratio_of_budget(16).unwrap(), ratio_of_budget(1024).unwrap()), (4.0, 64.0));
        assert!(ratio_of_budget(3).is_ok());
        assert_eq!(ratio_of_budget(2).unwrap_err().place.field.as_deref(), Some("bestOf"));
    }

    #[test]
    fn the_span() {
        assert_eq!(span_of_budget(128).unwrap(), [8.0, 16.0, 64.0]);
        assert!((3..200).all(|budget| span_of_budget(budget).unwrap().is_sorted_by(|a, b| a < b)));
        assert!(span_of_budget(3).unwrap()[0] > 1.0);
    }

    #[test]
    fn budgets_come_first() {
        let asked = Asked::new(&[128, 16], &[2.0]).unwrap();
        assert_eq!((asked.ratios.n(), &asked.budgets[..]), (&[16.0, 4.0, 2.0][..], &[Some(128), Some(16), None][..]));
        assert_eq!(asked.spans, [vec![8.0, 16.0, 64.0], vec![8.0_f64.sqrt(), 4.0, 8.0], vec![2.0]]);
        let field = |best_of: &[u32], n: &[f64]| Asked::new(best_of, n).unwrap_err().into_fault().place.field;
        assert_eq!((field(&[2], &[]).as_deref(), field(&[], &[]).as_deref()), (Some("bestOf"), Some("N")));
    }
}
