//! Fields of one group are columns of their own, each of which says in which rows the group is null. They must agree.

use std::collections::HashMap;

use super::assembly::Field;
use super::column::Batch;
use super::damaged;
use crate::error::{Error, Result};

/// A group that may be null: which one of the schema's, and the definition level at which it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) id: usize,
    pub(super) level: u16,
}

/// For each field, an earlier one that it shares a group with, and the level of the innermost such group. Each field that
/// shares a group with any has one that it shares it with before it, so all agree if each does with its own.
pub(super) fn witnesses(fields: &[&Field]) -> Vec<Option<(usize, u16)>> {
    let mut known: HashMap<usize, usize> = HashMap::new();
    let witness = |(index, field): (usize, &&Field)| {
        let mut inner_first = field.groups.iter().rev();
        let found = inner_first.find_map(|group| known.get(&group.id).map(|&before| (before, group.level)));
        known.extend(field.groups.iter().map(|group| (group.id, index)));
        found
    };
    fields.iter().enumerate().map(witness).collect()
}

/// For each of `rows` rows, how many of the groups around `field` are there, as the level of the innermost one.
///
/// # Errors
/// If the columns of the field itself do not agree.
pub(super) fn presence(field: &Field, rows: usize, batches: &[Batch]) -> Result<Vec<u16>> {
    let Some(Group { level: most, .. }) = field.groups.last().copied() else { return Ok(Vec::new()) };
    let mut found: Option<Vec<u16>> = None;
    for (batch, leaf) in batches.iter().zip(&field.leaves) {
        let level = |entry: usize| batch.definitions.get(entry).copied().unwrap_or(leaf.definition).min(most);
        let levels: Vec<u16> = if leaf.repetition == 0 {
            (0..rows).map(level).collect()
        } else {
            let begins = batch.repetitions.iter().enumerate().filter(|(_, repetition)| **repetition == 0);
            begins.map(|(entry, _)| level(entry)).collect()
        };
        match &found {
            None => found = Some(levels),
            Some(before) if *before != levels => return Err(disagree()),
            Some(_) => {}
        }
    }
    Ok(found.unwrap_or_default())
}

/// Fails unless two fields agree in which rows a group that is there from `level` on is null.
pub(super) fn compare(a: &[u16], b: &[u16], level: u16) -> Result<()> {
    if a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.min(&level) == b.min(&level)) {
        Ok(())
    } else {
        Err(disagree())
    }
}

fn disagree() -> Error {
    damaged("fields of one object disagree on whether the object is null")
}
