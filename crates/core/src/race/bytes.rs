//! A race as bytes: its options and all that was scored. What it has decided follows from them.

use serde::{Deserialize, Serialize};

use super::{Race, RaceOptions, RacePair};
use crate::error::{Code, Error, Result};
use crate::parallel::Workers;
use crate::progress::Control;
use crate::saved::Frame;

/// The version is that of the format and of the rule by which a race decides.
const FRAME: Frame = Frame { magic: b"COVRACE\x01", what: "saved race", otherwise: "" };

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
    /// The bytes of a file, framed as all results that are kept: in the header names of the models, options, models retired
    /// and pairs lost; for each scored pair response and model (u32) and log-probability (f64).
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
        let (pairs, values) = self.known();
        FRAME.write(&header, CELL * pairs.len(), |bytes| {
            for (pair, value) in pairs.iter().zip(values) {
                bytes.extend(pair.response.to_le_bytes());
                bytes.extend(pair.model.to_le_bytes());
                bytes.extend(value.to_le_bytes());
            }
        })
    }

    /// Reads what [`Race::to_bytes`] wrote; everything is checked. What had been asked for and was not answered will be
    /// asked for again.
    ///
    /// # Errors
    /// [`Code::MalformedFile`] for anything else, cut off or altered bytes included; [`Code::Aborted`].
    pub fn from_bytes(bytes: &[u8], workers: &Workers, control: &Control) -> Result<(Vec<String>, Self)> {
        let (header, cells) = FRAME.read::<Header>(bytes)?;
        let (cells, rest) = cells.as_chunks::<CELL>();
        let pairs = u64::from(header.options.models) * u64::from(header.options.responses);
        if !rest.is_empty() || cells.len() as u64 > pairs || header.names.len() != header.options.models as usize {
            return Err(FRAME.malformed("its length does not fit its header"));
        }
        let word =
            |cell: &[u8; CELL], at: usize| u32::from_le_bytes([cell[at], cell[at + 1], cell[at + 2], cell[at + 3]]);
        let (asked, values): (Vec<RacePair>, Vec<f64>) = cells
            .iter()
            .map(|cell| {
                let bits = u64::from(word(cell, 8)) | u64::from(word(cell, 12)) << 32;
                (RacePair { response: word(cell, 0), model: word(cell, 4) }, f64::from_bits(bits))
            })
            .unzip();
        let mut race = Self::new(header.options).map_err(|error| FRAME.inner(error))?;
        race.add(&asked, &values, workers, control).map_err(|error| FRAME.inner(error))?;
        let lost: Vec<RacePair> = header.lost.iter().map(|&[response, model]| RacePair { response, model }).collect();
        race.lose(&lost, workers, control).map_err(|error| FRAME.inner(error))?;
        race.retire(&header.retired, workers, control).map_err(|error| FRAME.inner(error))?;
        Ok((header.names, race))
    }
}
