//! gzip, read as by `gzip -d`: all members, and then nothing, padding, or other data.
//!
//! Zeros after the last member are padding. Other data ends the content too, and its bytes are counted: the
//! images of OpenWrt have their metadata there. A member that is truncated is an error in any case.

use std::io::{BufRead as _, Read};

use flate2::bufread::GzDecoder;

use super::input::Input;
use crate::source::Source;

/// The first bytes of a member.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

pub(super) struct Gzip {
    /// None only while it is replaced.
    member: Option<GzDecoder<Input>>,
    has_ended: bool,
    ignored: u64,
}

impl Gzip {
    pub(super) fn new(input: Input) -> Self {
        Gzip { member: Some(GzDecoder::new(input)), has_ended: false, ignored: 0 }
    }

    pub(super) fn input(&mut self) -> &mut Input {
        self.member().get_mut()
    }

    pub(super) fn source(&self) -> &dyn Source {
        let member = self.member.as_ref().expect("only next_member() takes it");
        &*member.get_ref().source
    }

    /// Bytes after the last member that were ignored.
    pub(super) fn ignored(&self) -> u64 {
        self.ignored
    }

    fn member(&mut self) -> &mut GzDecoder<Input> {
        self.member.as_mut().expect("only next_member() takes it, and puts another one back")
    }

    /// Continues with the next member; `false` if there is none, and the rest is read.
    fn next_member(&mut self) -> std::io::Result<bool> {
        let input = self.input();
        if input.peek()? == MAGIC {
            let decoder = self.member.take().expect("only this function takes it");
            self.member = Some(GzDecoder::new(decoder.into_inner()));
            return Ok(true);
        }
        let (mut total, mut is_zero) = (0, true);
        loop {
            let rest = input.fill_buf()?;
            if rest.is_empty() {
                break;
            }
            let count = rest.len();
            is_zero = is_zero && rest.iter().all(|byte| *byte == 0);
            total += count as u64;
            input.consume(count);
        }
        self.ignored = if is_zero { 0 } else { total };
        Ok(false)
    }
}

impl Read for Gzip {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        while !self.has_ended && !space.is_empty() {
            match self.member().read(space)? {
                0 => self.has_ended = !self.next_member()?,
                count => return Ok(count),
            }
        }
        Ok(0)
    }
}
