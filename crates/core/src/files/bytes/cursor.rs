//! Reading and seeking in a file whose bytes may be had in any order.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use super::random::{BLOCK, RandomFile};

/// A place in a [`RandomFile`], for parsers that read and seek. The block it stands in is kept.
#[derive(Clone)]
pub(crate) struct Cursor {
    file: Arc<RandomFile>,
    at: u64,
    block: Vec<u8>,
    /// Where `block` begins.
    start: u64,
}

impl Cursor {
    pub(crate) fn new(file: Arc<RandomFile>, at: u64) -> Self {
        Self { file, at, block: Vec::new(), start: 0 }
    }
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at >= self.file.length() || buffer.is_empty() {
            return Ok(0);
        }
        let inside = self.at.checked_sub(self.start).filter(|&inside| inside < self.block.len() as u64);
        let inside = match inside {
            Some(inside) => inside as usize,
            None => {
                self.start = self.at / BLOCK as u64 * BLOCK as u64;
                self.block.resize((self.file.length() - self.start).min(BLOCK as u64) as usize, 0);
                if let Err(error) = self.file.read_at(&mut self.block, self.start) {
                    self.block.clear();
                    return Err(error);
                }
                (self.at - self.start) as usize
            }
        };
        let count = (self.block.len() - inside).min(buffer.len());
        buffer[..count].copy_from_slice(&self.block[inside..][..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(by) => self.file.length().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
