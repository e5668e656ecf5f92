//! A file in memory, and what the system does when its pages are not there.
//!
//! Who touches a page of a mapping behind the end of its file, since the file has shrunk, or a page that
//! the disk does not give, gets a `SIGBUS`, which ends the process. Here it does not: where the
//! address is in a [`Map`], zeros are laid over the rest of the map, the map is marked as broken, and
//! the access goes on. All others meet what was there for the signal before.
//!
//! So zeros may be read where bytes should be. Who reads a map asks [`Map::is_broken`] when all that
//! was made of its bytes is done, and before anybody relies on it.
#![allow(
    unsafe_code,
    reason = "a mapping is a promise about a file, and a signal handler one about the whole process"
)]

use std::ops::Range;
use std::os::raw::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use memmap2::{Advice, Mmap, MmapOptions, UncheckedAdvice};

/// A file of which all bytes can be had as memory.
#[derive(Debug)]
pub(super) struct Map {
    bytes: Mmap,
    slot: &'static Slot,
}

impl Map {
    /// Maps the first `length` bytes.
    pub(super) fn new(file: &std::fs::File, length: usize) -> std::io::Result<Self> {
        catch_bus_errors()?;
        // SAFETY: a file that shrinks is dealt with above. Others may write to the file, and then bytes
        // change that Rust takes for constant. They are hashed and sent, where a change makes wrong
        // bytes and no wrong access; who looks closer is given copies, or is Rust that checks each
        // index. What is packed is never mapped, since its decoders are C that trusts what it has seen.
        let bytes = unsafe { MmapOptions::new().len(length).map(file) }?;
        // Only makes it faster.
        let _ = bytes.advise(Advice::Sequential);
        let start = bytes.as_ptr() as usize;
        Ok(Map { bytes, slot: Slot::claim(start..start + length) })
    }

    #[expect(clippy::indexing_slicing, reason = "the range is of the map, which never changes")]
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Has the system read these bytes and wait for the disk here, not where they are used. A page that
    /// cannot be had is no error yet; Linux before 5.14 does nothing.
    pub(super) fn read_ahead(&self, range: Range<usize>) {
        let _ = self.bytes.advise_range(Advice::PopulateRead, range.start, range.len());
    }

    /// Takes these bytes out of the memory of the process, not out of the page cache.
    pub(super) fn forget(&self, range: Range<usize>) {
        // SAFETY: the pages are a file's, shared and never written to, or zeros of ours; who touches
        // them again gets the same again.
        let _ = unsafe {
            self.bytes.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len())
        };
    }

    /// Whether zeros were laid over a part of it.
    pub(super) fn is_broken(&self) -> bool {
        self.slot.broken.load(SeqCst)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // Before the memory may become somebody else's.
        self.slot.release();
    }
}

/// The memory of a map, as the signal handler sees it: without locks. Slots are in a list that grows to
/// the most maps there were at a time, and are never freed.
#[derive(Debug)]
struct Slot {
    taken: AtomicBool,
    /// Odd while `start` and `end` are being changed.
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

    /// Only whoever has taken the slot calls this.
    fn set(&self, range: Range<usize>) {
        self.version.fetch_add(1, SeqCst);
        self.start.store(range.start, SeqCst);
        self.end.store(range.end, SeqCst);
        self.version.fetch_add(1, SeqCst);
    }

    /// The end of the map that the address is in.
    fn end_of(&self, address: usize) -> Option<usize> {
        let version = self.version.load(SeqCst);
        let range = self.start.load(SeqCst)..self.end.load(SeqCst);
        let is_whole = version.is_multiple_of(2) && version == self.version.load(SeqCst);
        (is_whole && range.contains(&address)).then_some(range.end)
    }

    fn all() -> impl Iterator<Item = &'static Slot> {
        std::iter::successors(Some(&FIRST), |slot| slot.next.get().map(Box::as_ref))
    }
}

/// What was there for the signal before.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(4096);

/// Puts the handler in its place, once a process.
fn catch_bus_errors() -> std::io::Result<()> {
    static PUT: OnceLock<bool> = OnceLock::new();
    let is_put = *PUT.get_or_init(|| {
        // SAFETY: has no conditions.
        let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        PAGE_BYTES.store(usize::try_from(page_bytes).unwrap_or(4096), SeqCst);
        let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = on_bus_error;
        // SAFETY: all zeros is a value of this plain structure.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as usize;
        // On the stack for signals, where the thread has one, as the standard library's own handlers.
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        let mut before = action;
        // SAFETY: both pointers are to structures that live as long as the call, and the handler does
        // only what is allowed in one: atomic loads and stores, and system calls.
        let failed = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) };
        failed == 0 && BEFORE.set(before).is_ok()
    });
    if is_put { Ok(()) } else { Err(std::io::Error::other("SIGBUS cannot be caught")) }
}

extern "C" fn on_bus_error(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a pointer to a structure that is there until the handler returns.
    let info = unsafe { &*info };
    // Others come from `kill` and have no address.
    let is_fault = info.si_code > 0;
    // SAFETY: has an address, or is not looked at.
    let address = unsafe { info.si_addr() } as usize;
    let slot = Slot::all().filter(|_| is_fault).find_map(|s| Some((s, s.end_of(address)?)));
    if let Some((slot, end)) = slot {
        // Before another thread can read the zeros.
        slot.broken.store(true, SeqCst);
        if lay_zeros(address..end) {
            return;
        }
    }
    if let Some(before) = BEFORE.get() {
        // The same access is made again behind this, and meets what was here before.
        // SAFETY: the structure is the one that the system gave.
        unsafe { libc::sigaction(libc::SIGBUS, before, std::ptr::null_mut()) };
    }
}

/// Puts pages of zeros in the place of those of a map; whether that went well.
fn lay_zeros(range: Range<usize>) -> bool {
    let start = range.start - range.start % PAGE_BYTES.load(SeqCst);
    // SAFETY: always gives the address of this thread's.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: this is the thread that it belongs to.
    let before = unsafe { *errno };
    // SAFETY: the range is a part of a map that is alive, since somebody is reading from it, and nobody
    // but that map owns it; its pages stay readable, and `Mmap` unmaps whatever is there.
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
    // SAFETY: as above; what was interrupted may be about to look at it.
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
    fn a_map_of_a_file_that_shrinks_reads_as_zeros_and_is_broken_and_others_are_not() {
        let (shrinking, other) = (file(10_000), file(10_000));
        let map = Map::new(&shrinking, 10_000).unwrap();
        let whole = Map::new(&other, 10_000).unwrap();
        shrinking.set_len(4096).unwrap();
        assert_eq!(map.bytes(4095..4098), [7, 0, 0]);
        assert_eq!(map.bytes(9_999..10_000), [0]);
        assert!(map.is_broken());
        assert_eq!(whole.bytes(9_999..10_000), [7]);
        assert!(!whole.is_broken());
        drop(map);
        assert!(!Map::new(&other, 10_000).unwrap().is_broken(), "a slot is new for the next map");
    }

    #[test]
    fn many_threads_may_meet_the_end_at_once() {
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

    /// A bus error that is not ours is still the end, as it was without us.
    #[test]
    fn other_bus_errors_end_the_process() {
        const CHILD: &str = "IMGPUSH_TEST_BUS_ERROR";
        if std::env::var_os(CHILD).is_some() {
            let ours = file(10_000);
            let map = Map::new(&ours, 10_000).unwrap();
            ours.set_len(0).unwrap();
            assert_eq!(map.bytes(0..1), [0]);
            let theirs = file(10_000);
            // SAFETY: the process is here to die of it.
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
