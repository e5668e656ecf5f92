//! Entries of tables, read through a cache of pages, so that a table of any size needs little memory.

use crate::error::ConvertError;
use crate::input::{Input, Reuse};

/// Bytes of a page. A multiple of every size of entry.
const PAGE_BYTES: u64 = 64 << 10;

/// Maximum number of pages: together 2 MiB.
const MAX_PAGES: usize = 32;

/// A table in the image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    /// Its offset, in bytes.
    pub(crate) offset: u64,
    /// Its length, in bytes.
    pub(crate) length: u64,
}

/// Recently used pages of tables.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// The most recently used one is the last.
    pages: Vec<Page>,
}

#[derive(Debug)]
struct Page {
    offset: u64,
    /// Bytes that it has unless the image ends in it.
    length: u64,
    bytes: Vec<u8>,
}

impl Pages {
    /// Reads the entry of `N` bytes at `index`.
    ///
    /// # Errors
    ///
    /// The entry is after the end of the table or of the image, or the image cannot be read.
    pub(crate) fn entry<const N: usize>(
        &mut self,
        input: &mut dyn Input,
        table: Table,
        index: u64,
    ) -> Result<[u8; N], ConvertError> {
        let at = index.saturating_mul(N as u64);
        let end = at.saturating_add(N as u64);
        if end > table.length {
            let what = format!("the table has no entry {index}");
            return Err(ConvertError::damaged(table.offset, what));
        }
        let start = at / PAGE_BYTES * PAGE_BYTES;
        let length = PAGE_BYTES.min(table.length - start);
        let missing = || ConvertError::truncated("a table", table.offset, end);
        let offset = table.offset.checked_add(start).ok_or_else(missing)?;
        let page = self.page(input, offset, length)?;
        let inside = usize::try_from(at - start).unwrap_or(usize::MAX);
        let entry = page.get(inside..).and_then(|rest| rest.first_chunk::<N>());
        entry.copied().ok_or_else(missing)
    }

    fn page(
        &mut self,
        input: &mut dyn Input,
        offset: u64,
        length: u64,
    ) -> Result<&[u8], ConvertError> {
        let is_it = |page: &Page| page.offset == offset && page.length == length;
        match self.pages.iter().rposition(is_it) {
            Some(found) if found + 1 == self.pages.len() => {}
            Some(found) => {
                let page = self.pages.remove(found);
                self.pages.push(page);
            }
            None => {
                let page = self.read(input, offset, length)?;
                self.pages.push(page);
            }
        }
        Ok(self.pages.last().map(|page| &page.bytes[..]).unwrap_or_default())
    }

    fn read(
        &mut self,
        input: &mut dyn Input,
        offset: u64,
        length: u64,
    ) -> Result<Page, ConvertError> {
        let full = self.pages.len() >= MAX_PAGES;
        let mut bytes = if full { self.pages.remove(0).bytes } else { Vec::new() };
        bytes.resize(usize::try_from(length).unwrap_or_default(), 0);
        let count = input.read(offset, &mut bytes, Reuse::Edges)?;
        bytes.truncate(count);
        Ok(Page { offset, length, bytes })
    }
}
