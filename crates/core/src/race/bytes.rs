//! A race as bytes: its options and all that was scored. What it has decided follows from them.

use serde::{Deserialize, Serialize};

use super::{Race, RaceOptions, RacePair};
use crate::content_hash::ContentHash;
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;

/// First bytes of a saved race; the last one is the version of the format and of the rule by which it decides.
const MAGIC: &[u8; 8] = b"COVRACE\x01";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    names: Vec<String>,
    options: RaceOptions,
    retired: Vec<u32>,
    lost: Vec<[u32; 2]>,
}

/// Bytes of one scored pair.
const CELL: usize = 16;

impl Race {
    /// The bytes of a file, all integers little-endian: 8 bytes magic and version; length of the header (u32); header in
    /// JSON (names of the models, options, models retired, pairs lost); for each scored pair response and model (u32) and
    /// log-probability (f64); 16 bytes [`ContentHash`] of everything before.
    ///
    /// # Errors
    /// [`Code::ShapeMismatch`] unless there is one name for each model; [`Code::TooLarge`] if the names need 4 GiB.
    pub fn to_bytes(&self, names: &[String]) -> Result<Vec<u8>> {
        if names.len() != self.scored.len() {
            let message = format!("There are {} names for {} models.", names.len(), self.scored.len());
            return Err(Error::new(Code::ShapeMismatch, message));
        }
        let lost = self.lost().into_iter().map(|pair| [pair.response, pair.model]).collect();
        let header =
            Header { names: names.to_vec(), options: self.options.clone(), retired: self.retired_models(), lost };
        let header = serde_json::to_vec(&header)
            .map_err(|error| Error::new(Code::Internal, format!("The header of a race: {error}.")))?;
        let length = u32::try_from(header.len())
            .map_err(|_| Error::new(Code::TooLarge, "The names of the models are too long to be saved."))?;
        let (pairs, values) = self.known();
        let mut bytes = MAGIC.to_vec();
        bytes.reserve(header.len() + CELL * pairs.len() + 20);
        bytes.extend(length.to_le_bytes());
        bytes.extend(header);
        for (pair, value) in pairs.iter().zip(values) {
            bytes.extend(pair.response.to_le_bytes());
            bytes.extend(pair.model.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        let checksum = ContentHash::of_bytes(&bytes);
        bytes.extend(checksum.to_bytes());
        Ok(bytes)
    }

    /// Reads what [`Race::to_bytes`] wrote; everything is checked. What had been asked for and was not answered will be
    /// asked for again.
    ///
    /// # Errors
    /// [`Code::MalformedFile`] for anything else, cut off or altered bytes included; [`Code::Aborted`].
    pub fn from_bytes(bytes: &[u8], workers: &Workers, control: &Control) -> Result<(Vec<String>, Self)> {
        let malformed = |what: &str| Error::new(Code::MalformedFile, format!("This is no saved race: {what}."));
        let cut_off = || malformed("it is cut off");
        let body =
            bytes.strip_prefix(MAGIC).ok_or_else(|| malformed("it does not begin as one of this version does"))?;
        let (whole, checksum) = bytes.split_last_chunk::<16>().ok_or_else(cut_off)?;
        if ContentHash::of_bytes(whole).to_bytes() != *checksum {
            return Err(malformed("it is cut off or altered, its checksum does not hold"));
        }
        let body = &body[..body.len().saturating_sub(16)];
        let (length, body) = body.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let (header, cells) = body
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or_else(|| malformed("its header is longer than the file"))?;
        let header: Header =
            serde_json::from_slice(header).map_err(|error| malformed(&format!("its header is wrong, {error}")))?;
        let (cells, rest) = cells.as_chunks::<CELL>();
        let pairs = u64::from(header.options.models) * u64::from(header.options.responses);
        if !rest.is_empty() || cells.len() as u64 > pairs || header.names.len() != header.options.models as usize {
            return Err(malformed("its length does not fit its header"));
        }
        let inner = |error: Error| match error.code {
            Code::Aborted => error,
            _ => malformed(error.message.trim_end_matches('.')),
        };
        let word =
            |cell: &[u8; CELL], at: usize| u32::from_le_bytes([cell[at], cell[at + 1], cell[at + 2], cell[at + 3]]);
        let (asked, values): (Vec<RacePair>, Vec<f64>) = cells
            .iter()
            .map(|cell| {
                let bits = u64::from(word(cell, 8)) | u64::from(word(cell, 12)) << 32;
                (RacePair { response: word(cell, 0), model: word(cell, 4) }, f64::from_bits(bits))
            })
            .unzip();
        let mut race = Self::new(header.options).map_err(inner)?;
        race.add(&asked, &values, workers, control).map_err(inner)?;
        let lost: Vec<RacePair> = header.lost.iter().map(|&[response, model]| RacePair { response, model }).collect();
        race.lose(&lost, workers, control).map_err(inner)?;
        race.retire(&header.retired, workers, control).map_err(inner)?;
        Ok((header.names, race))
    }
}
