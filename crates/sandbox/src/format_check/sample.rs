//! The parts of the data that the check reads.

/// Number of first bytes that are kept.
const HEAD_BYTES: usize = 64 << 10;
/// The same for a VHDX, whose virtual size is in a region that usually starts at 2 MiB.
const VHDX_HEAD_BYTES: usize = 4 << 20;
/// Number of last bytes that are kept: three sectors, the end of a VMDK with a footer.
pub(super) const TAIL_BYTES: usize = 1536;

/// The start, the end and the size of data.
#[derive(Default)]
pub(crate) struct Sample {
    head: Vec<u8>,
    tail: Vec<u8>,
    size: u64,
}

impl Sample {
    #[cfg(test)]
    pub(super) fn of(data: &[u8]) -> Self {
        let mut sample = Sample::default();
        // Pieces that end inside the head and the tail.
        data.chunks(1000).for_each(|piece| sample.push(piece));
        sample
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        let mut rest = bytes;
        while self.head.len() < self.wanted() && !rest.is_empty() {
            let missing = (self.wanted() - self.head.len()).min(rest.len());
            let (taken, after) = rest.split_at(missing);
            self.head.extend_from_slice(taken);
            rest = after;
        }
        let last = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        self.tail.extend_from_slice(last);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        self.tail.drain(..excess);
    }

    fn wanted(&self) -> usize {
        if self.head.starts_with(super::vhdx::MAGIC) { VHDX_HEAD_BYTES } else { HEAD_BYTES }
    }

    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }
}
