//! Parts of the counts of a tournament, for several machines: pairs of models tile.
//!
//! The models are cut into groups of neighbours; a tile is a pair of groups, and every part takes as many tiles. All parts
//! together hold every pair once. Counts are whole numbers, so that what is put together is what one process counts.

use std::ops::Range;

use ndarray::{Array3, s};
use serde::{Deserialize, Serialize};

use super::counts::{Counts, addressable, counts, counts_block};
use super::identity::{HeaderModel, Identity};
use super::ratios::Ratios;
use crate::error::{Code, Error, Result};
use crate::log_probs::LogProbs;
use crate::parallel::Workers;
use crate::progress::Control;
use crate::saved::{self, Frame};

const FRAME: Frame = Frame { magic: b"COVPART\x01", what: "part of a tournament", otherwise: "; count the part anew" };

/// With as many tiles a part no part has much more to do than another: a tile on the diagonal costs half of the others.
const TILES_A_PART: usize = 8;

/// Part `part` of `of`, counted from 1; in JSON `[part, of]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[u32; 2]", into = "[u32; 2]")]
pub struct Shard {
    part: u32,
    of: u32,
}

impl TryFrom<[u32; 2]> for Shard {
    type Error = &'static str;

    fn try_from([part, of]: [u32; 2]) -> std::result::Result<Self, Self::Error> {
        if (1..=of).contains(&part) { Ok(Self { part, of }) } else { Err("A part is I of N with I from 1 to N.") }
    }
}

impl From<Shard> for [u32; 2] {
    fn from(Shard { part, of }: Shard) -> Self {
        [part, of]
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// The models are cut into groups of as equal a size as can be; two of them, the first no later than the second.
type Tile = (Range<usize>, Range<usize>);

impl Shard {
    /// The tiles of the part.
    fn tiles(self, models: usize) -> Vec<Tile> {
        let of = self.of as usize;
        let mut groups = 1;
        while groups < models && groups * (groups + 1) / 2 < TILES_A_PART * of {
            groups += 1;
        }
        let group = |index: usize| models * index / groups..models * (index + 1) / groups;
        // The full tiles first: those on the diagonal fill up.
        let off_diagonal = (0..groups).flat_map(|upper| (upper + 1..groups).map(move |lower| (upper, lower)));
        let all = off_diagonal.chain((0..groups).map(|both| (both, both)));
        all.skip(self.part as usize - 1).step_by(of).map(|(upper, lower)| (group(upper), group(lower))).collect()
    }
}

/// The counts of one part, with what tells whether other parts belong to it.
///
/// Format of the file, framed as all results that are kept: in the header the part, names and hashes of all models, n,
/// number of N, the words of the command; the values of N (f64); for each tile the counts `[N, a, b]` of its first group
/// over its second and, off the diagonal, of the second over the first (u32).
#[derive(Clone, Debug, PartialEq)]
pub struct CountsPart {
    shard: Shard,
    identity: Identity,
    responses: u32,
    ratios: Ratios,
    command: Vec<String>,
    /// For each tile of the part, `[ratio, a, b]` of the first group over the second and the other way round; on the
    /// diagonal the latter is empty.
    tiles: Vec<[Array3<u32>; 2]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    shard: Shard,
    models: Vec<HeaderModel>,
    responses: u32,
    ratios: usize,
    command: Vec<String>,
}

/// The shapes of the two arrays of a tile.
fn shapes((upper, lower): &Tile, ratios: usize) -> [(usize, usize, usize); 2] {
    let lower_over_upper = if upper == lower { (0, 0, 0) } else { (ratios, lower.len(), upper.len()) };
    [(ratios, upper.len(), lower.len()), lower_over_upper]
}

impl CountsPart {
    /// Counts a part of the named models. `command` is kept: the words of the command line that asks for the whole. Where
    /// the part is already `there`, from the same log-probabilities at the same N, it is taken.
    ///
    /// # Errors
    /// [`Code::InputChanged`] if the one that is there is another; [`Code::ShapeMismatch`], [`Code::InvalidOption`] for
    /// names that do not fit; as [`counts`].
    #[expect(clippy::too_many_arguments, reason = "what is counted, of whom, and how")]
    pub fn count(
        names: Vec<String>,
        log_probs: &LogProbs,
        ratios: Ratios,
        shard: Shard,
        command: Vec<String>,
        there: Option<&Self>,
        workers: &Workers,
        control: &Control,
    ) -> Result<Self> {
        let identity = Identity::of(names, log_probs, workers, control)?;
        let responses = addressable(log_probs)?;
        if let Some(there) = there {
            let same = there.shard == shard
                && there.identity == identity
                && there.ratios.n() == ratios.n()
                && there.command == command;
            return if same {
                Ok(there.clone())
            } else {
                let message = format!(
                    "There is part {} already, of another command, other values of N or other log-probabilities: remove it, or write this one elsewhere.",
                    there.shard
                );
                Err(Error::new(Code::InputChanged, message))
            };
        }
        let tiles = shard.tiles(log_probs.models()).into_iter().map(|(upper, lower)| {
            let rows = |group: &Range<usize>| log_probs.select_models(&group.clone().collect::<Vec<_>>());
            if upper == lower {
                let among = counts(&rows(&upper)?, &ratios, workers, control)?;
                return Ok([among.array().clone(), Array3::default((0, 0, 0))]);
            }
            let between = counts_block(&rows(&upper)?, &rows(&lower)?, &ratios, workers, control)?;
            Ok([between.upper_over_lower, between.lower_over_upper])
        });
        let tiles = tiles.collect::<Result<Vec<_>>>()?;
        Ok(Self { shard, identity, responses, ratios, command, tiles })
    }

    /// Which part it is.
    #[must_use]
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// The words of the command that asks for the whole.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Code::TooLarge`] if the names alone need 4 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = Header {
            shard: self.shard,
            models: self.identity.to_header(),
            responses: self.responses,
            ratios: self.ratios.len(),
            command: self.command.clone(),
        };
        let counts = self.tiles.iter().flatten();
        let size = 8 * self.ratios.len() + 4 * counts.clone().map(Array3::len).sum::<usize>();
        FRAME.write(&header, size, |bytes| {
            self.ratios.n().iter().for_each(|value| bytes.extend(value.to_le_bytes()));
            counts.flatten().for_each(|count| bytes.extend(count.to_le_bytes()));
        })
    }

    /// Reads what [`CountsPart::to_bytes`] wrote; everything is checked.
    ///
    /// # Errors
    /// [`Code::MalformedFile`] for anything else, cut off or altered bytes included.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (header, body) = FRAME.read::<Header>(bytes)?;
        let inner = |error| FRAME.inner(error);
        let other_length = || FRAME.malformed("its length does not fit its header");
        let (n, mut left) =
            header.ratios.checked_mul(8).and_then(|size| body.split_at_checked(size)).ok_or_else(other_length)?;
        let identity = Identity::from_header(header.models).map_err(inner)?;
        let mut tiles = Vec::new();
        for tile in header.shard.tiles(identity.names.len()) {
            let mut take = |shape: (usize, usize, usize)| {
                let size = [shape.0, shape.1, shape.2, 4].into_iter().try_fold(1_usize, usize::checked_mul);
                let (own, rest) = size.and_then(|size| left.split_at_checked(size)).ok_or_else(other_length)?;
                left = rest;
                let counts = Array3::from_shape_vec(shape, saved::words(own)).map_err(|_| other_length())?;
                match counts.iter().any(|&count| count > header.responses) {
                    true => Err(FRAME.malformed("a count is greater than the number of responses")),
                    false => Ok(counts),
                }
            };
            let [first, second] = shapes(&tile, header.ratios);
            tiles.push([take(first)?, take(second)?]);
        }
        if !left.is_empty() {
            return Err(other_length());
        }
        Ok(Self {
            shard: header.shard,
            identity,
            responses: header.responses,
            ratios: Ratios::new(&saved::floats(n)).map_err(inner)?,
            command: header.command,
            tiles,
        })
    }
}

/// All parts, put together: what one process counts.
#[derive(Clone, Debug, PartialEq)]
pub struct AllParts {
    identity: Identity,
    ratios: Ratios,
    counts: Counts,
}

impl AllParts {
    /// Puts parts together, in any order. `labels[p]` names part p in messages: the file it was read from.
    ///
    /// # Errors
    /// [`Code::InvalidOption`] without any; [`Code::InputChanged`], naming both, for parts that do not belong together;
    /// [`Code::MissingPart`], naming them, for parts that are missing, and for one that is there twice.
    pub fn assemble(parts: &[&CountsPart], labels: &[String]) -> Result<Self> {
        check_complete(parts.iter().zip(labels).map(|(part, label)| (part.shard, label.as_str())))?;
        let (&first, others) = parts.split_first().expect("complete parts are not none");
        for (at, part) in others.iter().enumerate() {
            let differs = match () {
                () if part.command != first.command => Some("it was made by another command"),
                () if part.identity.names != first.identity.names => Some("it is of other models"),
                () if part.identity != first.identity => Some("the log-probabilities were others"),
                () if part.ratios.n() != first.ratios.n() => Some("it has other values of N"),
                () => None,
            };
            if let Some(differs) = differs {
                let message = format!(
                    "{} does not belong to {}: {differs}. Put together parts of one run.",
                    labels[at + 1],
                    labels[0]
                );
                return Err(Error::new(Code::InputChanged, message));
            }
        }
        let models = first.identity.names.len();
        let mut counts = Array3::zeros((first.ratios.len(), models, models));
        for part in parts {
            for ((upper, lower), [first, second]) in part.shard.tiles(models).into_iter().zip(&part.tiles) {
                counts.slice_mut(s![.., upper.clone(), lower.clone()]).assign(first);
                if upper != lower {
                    counts.slice_mut(s![.., lower, upper]).assign(second);
                }
            }
        }
        Ok(Self {
            identity: first.identity.clone(),
            ratios: first.ratios.clone(),
            counts: Counts::new(first.responses, counts)?,
        })
    }

    /// The counts of the whole, which must be asked for at exactly the values of N of the parts, of the log-probabilities
    /// they were counted from.
    ///
    /// # Errors
    /// [`Code::InputChanged`], naming the model where it is one.
    pub(crate) fn counts_of(
        &self,
        log_probs: &LogProbs,
        ratios: &Ratios,
        workers: &Workers,
        control: &Control,
    ) -> Result<&Counts> {
        if ratios.n() != self.ratios.n() {
            return Err(Error::new(
                Code::InputChanged,
                "The parts were counted at other values of N: ask for what they were counted for.",
            )
            .at_field("N"));
        }
        if (self.counts.models(), self.counts.responses() as usize) != (log_probs.models(), log_probs.responses()) {
            return Err(Error::new(
                Code::InputChanged,
                format!(
                    "The parts are of {} models on {} responses, the input has {} on {}: count the parts anew.",
                    self.counts.models(),
                    self.counts.responses(),
                    log_probs.models(),
                    log_probs.responses()
                ),
            ));
        }
        let names = self.identity.names.clone();
        let given = Identity::of(names, log_probs, workers, control)?;
        match self.identity.hashes.iter().zip(&given.hashes).position(|(known, given)| known != given) {
            None => Ok(&self.counts),
            Some(model) => {
                let name = &self.identity.names[model];
                let message = format!(
                    "The log-probabilities of “{name}” are not those that the parts were counted from: count the parts anew."
                );
                Err(Error::new(Code::InputChanged, message).at_model(model))
            }
        }
    }

    /// Names of the models, in the order of all indices.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.identity.names
    }
}

/// Makes sure that every part is there, and once: parts with what names them in messages.
///
/// # Errors
/// [`Code::MissingPart`], naming them; [`Code::InputChanged`] if they are not of one number of parts.
pub fn check_complete<'a>(parts: impl IntoIterator<Item = (Shard, &'a str)>) -> Result<()> {
    let mut there = std::collections::BTreeMap::new();
    let mut parts = parts.into_iter().peekable();
    let Some(&(Shard { of, .. }, first)) = parts.peek() else {
        return Err(Error::option(
            "parts",
            "There is no part: name the files or folders that the parts were written to.",
        ));
    };
    for (shard, label) in parts {
        if shard.of != of {
            let message = format!("{label} is part {shard} and {first} is one of {of}: put together parts of one run.");
            return Err(Error::new(Code::InputChanged, message));
        }
        if let Some(other) = there.insert(shard.part, label) {
            let message = format!("{other} and {label} are both part {shard}: leave out one.");
            return Err(Error::new(Code::MissingPart, message));
        }
    }
    let missing: Vec<u32> = (1..=of).filter(|part| !there.contains_key(part)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let some: Vec<String> = missing.iter().take(20).map(u32::to_string).collect();
    let more = missing.len().saturating_sub(20);
    let message = format!(
        "Missing of {of} parts: {}{}. Make them, or name their files, too.",
        some.join(", "),
        if more > 0 { format!(" and {more} more") } else { String::new() }
    );
    Err(Error::new(Code::MissingPart, message))
}

#[cfg(test)]
mod tests;
