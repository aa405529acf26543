//! What a computation gave, as bytes that the other participants' results can be compared with.

use std::collections::BTreeMap;

/// Numbers about a run that are no times, by name.
pub(crate) type Facts = BTreeMap<String, f64>;

/// A result: made inside the timed section, turned into bytes outside of it.
pub(crate) trait Answer {
    /// The values, little-endian, in the order and type that the task fixes for all participants.
    fn bytes(&self) -> Vec<u8>;

    /// What else is worth knowing of the run.
    fn facts(&self) -> Facts {
        Facts::new()
    }
}

/// Matrices of counts, one after the other.
impl Answer for Vec<Vec<u32>> {
    fn bytes(&self) -> Vec<u8> {
        self.iter().flatten().flat_map(|count| count.to_le_bytes()).collect()
    }
}

impl Answer for Vec<f64> {
    fn bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|value| value.to_le_bytes()).collect()
    }
}
