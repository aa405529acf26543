//! Ids in an order, as one block of text: lists of texts are made of them only where they are wanted.

use serde::{Serialize, Serializer};

use super::reading::ScoresRead;

/// Stands between ids that are handed over as one text.
const BETWEEN: char = '\0';

/// Distinct ids, in order.
pub struct IdList {
    bytes: String,
    /// Where each ends in `bytes`.
    ends: Vec<usize>,
    /// Which of them is at each place, unless all are at their own.
    order: Option<Vec<u32>>,
}

impl IdList {
    pub(super) fn new(bytes: String, ends: Vec<usize>, order: Option<Vec<u32>>) -> Self {
        Self { bytes, ends, order }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.as_ref().map_or(self.ends.len(), Vec::len)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id at place `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> &str {
        let number = self.order.as_ref().map_or(index, |order| order[index] as usize);
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// All of them as one text, U+0000 between them.
    #[must_use]
    pub fn joined(&self) -> String {
        let mut text = String::with_capacity(self.bytes.len() + self.len());
        for (index, id) in self.iter().enumerate() {
            if index > 0 {
                text.push(BETWEEN);
            }
            text.push_str(id);
        }
        text
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let order = self.order.as_ref().map_or(0, Vec::capacity);
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>() + order * size_of::<u32>()
    }
}

impl From<Vec<String>> for IdList {
    fn from(ids: Vec<String>) -> Self {
        let ends = ids.iter().scan(0, |end, id| {
            *end += id.len();
            Some(*end)
        });
        Self { ends: ends.collect(), bytes: ids.concat(), order: None }
    }
}

impl std::fmt::Debug for IdList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for IdList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl ScoresRead {
    /// Takes out the ids of the responses, to be handed over as one text; `None`, with nothing taken, if there are none or one
    /// has the character that would stand between them.
    pub fn take_ids(&mut self) -> Option<IdList> {
        self.response_ids.take_if(|ids| !ids.is_empty() && !ids.bytes.contains(BETWEEN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_their_order_as_list_and_as_text() {
        let texts = ["b", "", "é", "a"].map(str::to_owned).to_vec();
        let plain = IdList::from(texts.clone());
        assert_eq!(plain.iter().collect::<Vec<_>>(), ["b", "", "é", "a"]);
        assert_eq!(plain.joined(), "b\0\0é\0a");
        let IdList { bytes, ends, .. } = plain;
        let ordered = IdList::new(bytes, ends, Some(vec![3, 0, 2]));
        assert_eq!((ordered.len(), ordered.joined()), (3, "a\0b\0é".to_owned()));
        assert_eq!(serde_json::to_string(&ordered).unwrap(), r#"["a","b","é"]"#);
        assert_eq!(format!("{ordered:?}"), r#"["a", "b", "é"]"#);
        assert!(IdList::from(Vec::new()).is_empty() && !ordered.is_empty());
    }
}
