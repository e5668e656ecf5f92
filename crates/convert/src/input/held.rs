//! The parts of a stream that were passed before they were needed.
//!
//! They are kept in pages, and released in sectors once they are taken. A sector may belong to two compressed
//! clusters, the end of one and the start of the next, so the sectors at both ends of a part are released
//! later. Pages of zeros need almost no memory.

use std::collections::{BTreeMap, VecDeque};

use imgpush_source::is_zero;

const SECTOR: u64 = 512;
const PAGE: usize = 4096;
const SECTORS: u64 = PAGE as u64 / SECTOR;

/// Memory of a page in addition to its bytes.
const PAGE_COST: u64 = 64;

/// Sectors at the ends of parts that are kept: together 4 MiB, and more than 100 MiB of compressed clusters.
const MAX_EDGES: usize = 8192;

/// Parts of the stream.
#[derive(Default)]
pub(crate) struct Held {
    pages: BTreeMap<u64, HeldPage>,
    /// Sectors that are released when there are too many of them, oldest first.
    edges: VecDeque<u64>,
    /// Memory in use.
    cost: u64,
}

struct HeldPage {
    /// None if all bytes are zeros.
    bytes: Option<Box<[u8; PAGE]>>,
    /// A bit for each sector that is there.
    sectors: u8,
}

impl Held {
    /// Bytes of memory in use.
    pub(crate) fn cost(&self) -> u64 {
        self.cost
    }

    /// Adds bytes of the stream. Parts of a sector count only if the parts before them are there.
    pub(crate) fn insert(&mut self, mut offset: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let inside = offset % PAGE as u64;
            let length = usize::try_from(PAGE as u64 - inside).unwrap_or(PAGE).min(bytes.len());
            let (piece, rest) = bytes.split_at(length);
            self.insert_in_page(offset / PAGE as u64, inside, piece);
            offset += length as u64;
            bytes = rest;
        }
    }

    fn insert_in_page(&mut self, page: u64, inside: u64, piece: &[u8]) {
        let cost = &mut self.cost;
        let page = self.pages.entry(page).or_insert_with(|| {
            *cost += PAGE_COST;
            HeldPage { bytes: None, sectors: 0 }
        });
        let (first, end) = (inside / SECTOR, (inside + piece.len() as u64).div_ceil(SECTOR));
        for sector in first..end {
            let is_start = sector > first || inside.is_multiple_of(SECTOR);
            if is_start {
                page.sectors |= 1 << sector;
            }
        }
        if page.bytes.is_none() && !is_zero(piece) {
            page.bytes = Some(Box::new([0; PAGE]));
            *cost += PAGE as u64;
        }
        let inside = usize::try_from(inside).unwrap_or(PAGE);
        let space = page.bytes.as_mut().and_then(|all| all.get_mut(inside..inside + piece.len()));
        if let Some(space) = space {
            space.copy_from_slice(piece);
        }
    }

    /// Copies held bytes from `offset` on, and returns their number: 0 if the first one is not held.
    pub(crate) fn copy(&self, offset: u64, space: &mut [u8]) -> usize {
        let mut copied = 0;
        while let Some(rest) = space.get_mut(copied..).filter(|rest| !rest.is_empty()) {
            let at = offset + copied as u64;
            let inside = at % PAGE as u64;
            let Some(page) = self.pages.get(&(at / PAGE as u64)) else { break };
            // Up to the first sector that is missing.
            let first = inside / SECTOR;
            let missing = (first..SECTORS).find(|n| page.sectors & 1 << n == 0);
            let end = missing.unwrap_or(SECTORS) * SECTOR;
            let length = usize::try_from(end.saturating_sub(inside)).unwrap_or(0).min(rest.len());
            if length == 0 {
                break;
            }
            let space = rest.get_mut(..length).unwrap_or_default();
            let inside = usize::try_from(inside).unwrap_or(PAGE);
            match page.bytes.as_ref().and_then(|bytes| bytes.get(inside..inside + length)) {
                Some(bytes) => space.copy_from_slice(bytes),
                None => space.fill(0),
            }
            copied += length;
        }
        copied
    }

    /// Releases the sectors of a part, and those at its ends later if other parts may begin or end in them:
    /// sectors of which it has only some bytes, and with `is_shared` its last sector.
    pub(crate) fn release(&mut self, offset: u64, length: u64, is_shared: bool) {
        let end = offset.saturating_add(length);
        let first = offset.div_ceil(SECTOR);
        let last = if is_shared { end.saturating_sub(1) / SECTOR } else { end / SECTOR };
        let mut sector = first;
        while sector < last {
            // Pages that are not there are skipped at once.
            let Some((&page, _)) = self.pages.range(sector / SECTORS..).next() else { break };
            sector = sector.max(page * SECTORS);
            let page_end = ((page + 1) * SECTORS).min(last);
            while sector < page_end {
                self.release_sector(sector);
                sector += 1;
            }
        }
        if !offset.is_multiple_of(SECTOR) {
            self.edges.push_back(offset / SECTOR);
        }
        if last >= first && last * SECTOR < end {
            self.edges.push_back(last);
        }
        while self.edges.len() > MAX_EDGES {
            if let Some(sector) = self.edges.pop_front() {
                self.release_sector(sector);
            }
        }
    }

    fn release_sector(&mut self, sector: u64) {
        let page = sector / SECTORS;
        let Some(entry) = self.pages.get_mut(&page) else { return };
        entry.sectors &= !(1 << (sector % SECTORS));
        if entry.sectors == 0 {
            let bytes = if entry.bytes.is_some() { PAGE as u64 } else { 0 };
            self.cost -= bytes + PAGE_COST;
            self.pages.remove(&page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8 + 1).collect()
    }

    #[test]
    fn what_was_inserted_is_held_until_it_is_released() {
        let data = data(20_000);
        let mut held = Held::default();
        for (n, piece) in data.chunks(777).enumerate() {
            held.insert(1024 + n as u64 * 777, piece);
        }
        let mut space = vec![0; 20_000];
        assert_eq!(held.copy(1024, &mut space), 20_000);
        assert!(space == data);
        held.release(2048, 4096, false);
        assert_eq!(held.copy(1024, &mut space), 1024);
        assert_eq!(held.copy(2048, &mut space), 0);
        assert_eq!(held.copy(6144, &mut space[..100]), 100);
        assert!(space[..100] == data[5120..5220]);
        held.release(0, 1 << 30, false);
        assert_eq!(held.cost(), 0);
    }

    #[test]
    fn sectors_of_two_parts_are_released_late() {
        let data = data(4096);
        let mut held = Held::default();
        held.insert(0, &data);
        held.release(100, 1500, false);
        let mut space = vec![0; 512];
        assert_eq!(held.copy(0, &mut space), 512);
        assert_eq!(held.copy(512, &mut space), 0);
        assert_eq!(held.copy(1536, &mut space), 512);
        for part in 1..10_000 {
            held.release(part * 4096 + 1, 1, false);
        }
        assert_eq!(held.copy(0, &mut space), 0);
    }

    #[test]
    fn the_last_sector_of_a_shared_part_is_released_late() {
        let mut held = Held::default();
        held.insert(0, &data(4096));
        held.release(0, 1024, true);
        let mut space = vec![0; 512];
        assert_eq!(held.copy(0, &mut space), 0);
        assert_eq!(held.copy(512, &mut space), 512);
        held.release(512, 512, false);
        assert_eq!(held.copy(512, &mut space), 0);
    }

    #[test]
    fn zeros_need_little_memory() {
        let mut held = Held::default();
        held.insert(0, &vec![0; 1 << 20]);
        assert!(held.cost() <= 256 * PAGE_COST);
        held.insert(8192 + 7, b"x");
        let mut space = vec![1; 1 << 20];
        assert_eq!(held.copy(0, &mut space), 1 << 20);
        assert_eq!(space.iter().position(|&byte| byte != 0), Some(8199));
    }

    #[test]
    fn the_end_of_a_sector_alone_does_not_count() {
        let mut held = Held::default();
        held.insert(100, &[7; 1000]);
        let mut space = [0; 100];
        assert_eq!(held.copy(100, &mut space), 0);
        assert_eq!(held.copy(512, &mut space), 100);
    }
}
