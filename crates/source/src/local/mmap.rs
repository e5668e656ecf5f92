//! A memory-mapped file, and the handling of pages that cannot be read. `local::mapped` uses it.
//!
//! An access to a page after the end of a file that has shrunk, or to a page that the disk cannot return,
//! raises `SIGBUS`, which normally ends the process. If the address is in a [`Map`], the handler here maps
//! zeros over the rest of the map, marks the map as broken, and the access continues. For all other addresses
//! the previous handler of the signal applies.
//!
//! So zeros may be read in place of data. The reader of a map must call [`Map::is_broken`] after all its
//! bytes are processed, and before the result is used.
#![allow(
    unsafe_code,
    reason = "a mapping is a promise about a file, and a signal handler one about the intact process"
)]

use std::ops::Range;
use std::os::raw::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use memmap2::{Advice, Mmap, MmapOptions, UncheckedAdvice};

/// A file whose bytes are all accessible as memory.
#[derive(Debug)]
pub(super) struct Map {
    bytes: Mmap,
    slot: &'static Slot,
}

impl Map {
    /// Maps the first `length` bytes.
    pub(super) fn new(file: &std::fs::File, length: usize) -> std::io::Result<Self> {
        catch_bus_errors()?;
        // SAFETY: a file that shrinks is handled above. Other processes may write to the file, so bytes may
        // change that Rust assumes to be constant. They are hashed and sent, where a change yields wrong
        // bytes but no invalid access. Code that inspects them works on copies, or is safe Rust that checks
        // each index. Compressed files are never mapped, since their decoders are C code that relies on bytes
        // it has checked.
        let bytes = unsafe { MmapOptions::new().len(length).map(file) }?;
        // The advice only improves speed, so an error is ignored.
        let _ = bytes.advise(Advice::Sequential);
        let start = bytes.as_ptr() as usize;
        Ok(Map { bytes, slot: Slot::claim(start..start + length) })
    }

    #[expect(clippy::indexing_slicing, reason = "the range is of the map, which never changes")]
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Makes the system read these bytes, so that the wait for the disk happens here and not where they are
    /// used. A page that cannot be read is not an error yet. Linux before 5.14 does nothing.
    pub(super) fn read_ahead(&self, range: Range<usize>) {
        let _ = self.bytes.advise_range(Advice::PopulateRead, range.start, range.len());
    }

    /// Removes these bytes from the memory of the process, but not from the page cache.
    pub(super) fn forget(&self, range: Range<usize>) {
        // SAFETY: the pages are shared pages of a file that are never written to, or zeros mapped by the
        // handler; another access reads the same content again.
        let _ = unsafe {
            self.bytes.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len())
        };
    }

    /// Whether zeros were mapped over a part of it.
    pub(super) fn is_broken(&self) -> bool {
        self.slot.broken.load(SeqCst)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // Released before the memory may be reused.
        self.slot.release();
    }
}

/// The memory range of a map as the signal handler reads it, without locks. Slots are in a list that grows to
/// the maximum number of simultaneous maps, and are never freed.
#[derive(Debug)]
struct Slot {
    taken: AtomicBool,
    /// Odd while `start` and `end` change.
    version: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    broken: AtomicBool,
    next: OnceLock<Box<Slot>>,
}

static FIRST: Slot = Slot::new();

impl Slot {
    const fn new() -> Self {
        Slot {
            taken: AtomicBool::new(false),
            version: AtomicUsize::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            next: OnceLock::new(),
        }
    }

    fn claim(range: Range<usize>) -> &'static Slot {
        let mut slot = &FIRST;
        while slot.taken.swap(true, SeqCst) {
            slot = slot.next.get_or_init(|| Box::new(Slot::new()));
        }
        slot.broken.store(false, SeqCst);
        slot.set(range);
        slot
    }

    fn release(&self) {
        self.set(0..0);
        self.taken.store(false, SeqCst);
    }

    /// Sets the range. Only the owner of the slot may call it.
    fn set(&self, range: Range<usize>) {
        self.version.fetch_add(1, SeqCst);
        self.start.store(range.start, SeqCst);
        self.end.store(range.end, SeqCst);
        self.version.fetch_add(1, SeqCst);
    }

    /// The end of the map that contains the address.
    fn end_of(&self, address: usize) -> Option<usize> {
        let version = self.version.load(SeqCst);
        let range = self.start.load(SeqCst)..self.end.load(SeqCst);
        let is_consistent = version.is_multiple_of(2) && version == self.version.load(SeqCst);
        (is_consistent && range.contains(&address)).then_some(range.end)
    }

    fn all() -> impl Iterator<Item = &'static Slot> {
        std::iter::successors(Some(&FIRST), |slot| slot.next.get().map(Box::as_ref))
    }
}

/// The previous handler of the signal.
static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(4096);

/// Installs the handler, once per process.
fn catch_bus_errors() -> std::io::Result<()> {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    let is_put = *INSTALLED.get_or_init(|| {
        // SAFETY: `sysconf` has no preconditions.
        let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        PAGE_BYTES.store(usize::try_from(page_bytes).unwrap_or(4096), SeqCst);
        let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_bus_error;
        // SAFETY: all zeros are a valid value of this plain structure.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as usize;
        // Uses the signal stack of the thread, if there is one, as the standard library's own handlers do.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        let mut before = action;
        // SAFETY: both pointers point to structures that live as long as the call. The handler only uses what
        // is allowed in one: atomic loads and stores, and system calls.
        let failed = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) };
        failed == 0 && PREVIOUS.set(before).is_ok()
    });
    if is_put { Ok(()) } else { Err(std::io::Error::other("SIGBUS cannot be caught")) }
}

extern "C" fn on_bus_error(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a pointer to a structure that is valid until the handler returns.
    let info = unsafe { &*info };
    // Signals from `kill` have no address.
    let is_fault = info.si_code > 0;
    // SAFETY: a fault has an address; otherwise the value is not used.
    let address = unsafe { info.si_addr() } as usize;
    let slot = Slot::all().filter(|_| is_fault).find_map(|s| Some((s, s.end_of(address)?)));
    if let Some((slot, end)) = slot {
        // Set before another thread can read the zeros.
        slot.broken.store(true, SeqCst);
        if map_zeros(address..end) {
            return;
        }
    }
    if let Some(before) = PREVIOUS.get() {
        // The same access is repeated after this handler, and reaches the previous handler.
        //
        // SAFETY: the structure is the one that the system returned.
        unsafe { libc::sigaction(libc::SIGBUS, before, std::ptr::null_mut()) };
    }
}

/// Maps pages of zeros over those of a map, and returns whether that succeeded.
fn map_zeros(range: Range<usize>) -> bool {
    let start = range.start - range.start % PAGE_BYTES.load(SeqCst);
    // SAFETY: always returns the address of `errno` of this thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the pointer belongs to this thread.
    let before = unsafe { *errno };
    // SAFETY: the range is a part of a live map, since a thread is reading from it, and only that map owns
    // it. Its pages stay readable, and `Mmap` unmaps whatever is mapped there.
    let mapped = unsafe {
        libc::mmap(
            start as *mut c_void,
            range.end - start,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    // SAFETY: as above; the interrupted code may be about to read it.
    unsafe { *errno = before };
    mapped != libc::MAP_FAILED
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn file(length: u64) -> std::fs::File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(length).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[7; 10_000], 0).unwrap();
        file
    }

    #[test]
    fn only_the_map_of_a_file_that_shrinks_is_broken_and_reads_as_zeros() {
        let (shrinking, other) = (file(10_000), file(10_000));
        let map = Map::new(&shrinking, 10_000).unwrap();
        let intact = Map::new(&other, 10_000).unwrap();
        shrinking.set_len(4096).unwrap();
        assert_eq!(map.bytes(4095..4098), [7, 0, 0]);
        assert_eq!(map.bytes(9_999..10_000), [0]);
        assert!(map.is_broken());
        assert_eq!(intact.bytes(9_999..10_000), [7]);
        assert!(!intact.is_broken());
        drop(map);
        assert!(!Map::new(&other, 10_000).unwrap().is_broken(), "a slot is new for the next map");
    }

    #[test]
    fn several_threads_can_reach_the_end_at_once() {
        let file = file(10_000);
        let map = Map::new(&file, 10_000).unwrap();
        file.set_len(0).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(map.bytes(0..10_000), [0; 10_000]));
            }
        });
        assert!(map.is_broken());
    }

    /// Bus errors outside the maps still end the process.
    #[test]
    fn other_bus_errors_end_the_process() {
        const CHILD: &str = "IMGPUSH_TEST_BUS_ERROR";
        if std::env::var_os(CHILD).is_some() {
            let ours = file(10_000);
            let map = Map::new(&ours, 10_000).unwrap();
            ours.set_len(0).unwrap();
            assert_eq!(map.bytes(0..1), [0]);
            let theirs = file(10_000);
            // SAFETY: the process is meant to end by this access.
            let bytes = unsafe { MmapOptions::new().len(10_000).map(&theirs) }.unwrap();
            theirs.set_len(0).unwrap();
            assert_eq!(std::hint::black_box(bytes[0]), 0);
            return;
        }
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "local::mmap::tests::other_bus_errors_end_the_process"])
            .env(CHILD, "1")
            .output()
            .unwrap()
            .status;
        assert_eq!(status.signal(), Some(libc::SIGBUS), "{status}");
    }
}
