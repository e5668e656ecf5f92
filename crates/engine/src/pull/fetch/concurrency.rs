//! How many connections an image is fetched over. Knows neither network nor clock.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// Connections that are tried where nobody says how many. More take the share of others, and a service
/// that gives each client little has a reason.
const MOST_AUTOMATIC: usize = 4;

/// Chunks of a segment, at most: a request costs Glance 20 to 60 ms, in which one connection brings as
/// much as this on a fast network, and the buffers of all segments are memory.
const MOST_SEGMENT_CHUNKS: usize = 8;

/// Chunks of a segment that is worth a request where nobody has asked for it.
const LEAST_SEGMENT_CHUNKS: usize = 4;

/// Chunks of a segment that was asked for: with smaller ones the service would do nothing but answer.
const LEAST_WANTED_CHUNKS: usize = 2;

/// Chunks that no segment has: those being hashed and written, and the tail.
const OTHER_CHUNKS: usize = 4;

/// How long the rate is measured. Shorter, and the start of a connection counts for too much.
const WINDOW: Duration = Duration::from_secs(2);

/// An image that is done within so many more windows is not worth a try.
const LEAST_WINDOWS_LEFT: f64 = 2.0;

/// Growth that is more than chance, for the better.
const GROWTH: f64 = 1.2;

/// The number of connections, and what it depends on.
#[derive(Debug)]
pub(super) struct Pace {
    connections: usize,
    most: usize,
    segment_chunks: usize,
    /// Whether the number may still change.
    is_open: bool,
    /// Bytes a second over the number of connections before this one.
    before: Option<f64>,
    window: Window,
}

#[derive(Debug, Default)]
struct Window {
    /// None until its first bytes have come.
    start: Option<Instant>,
    bytes: u64,
    /// Of its time that in which the network was waited for.
    waited: Duration,
}

impl Pace {
    /// So many connections, or as many as help, as far as so many chunks go.
    pub(super) fn new(connections: Option<NonZeroUsize>, chunks: usize) -> Self {
        let room = chunks.saturating_sub(OTHER_CHUNKS);
        let most = match connections {
            Some(wanted) => wanted.get().min(room / LEAST_WANTED_CHUNKS),
            None => MOST_AUTOMATIC.min(room / LEAST_SEGMENT_CHUNKS),
        };
        let most = most.max(1);
        Pace {
            connections: if connections.is_some() { most } else { 1 },
            most,
            segment_chunks: (room / most).clamp(1, MOST_SEGMENT_CHUNKS),
            is_open: connections.is_none() && most > 1,
            before: None,
            window: Window::default(),
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    /// Chunks of a segment.
    pub(super) fn segment_chunks(&self) -> usize {
        self.segment_chunks
    }

    /// One connection from here on: more did not work.
    pub(super) fn settle(&mut self) {
        self.connections = 1;
        self.is_open = false;
    }

    /// Counts bytes that were waited for from `begun` to `now`, with so many left to come; another number
    /// of connections when there is to be one.
    pub(super) fn count(
        &mut self,
        bytes: u64,
        left: u64,
        begun: Instant,
        now: Instant,
    ) -> Option<usize> {
        if !self.is_open {
            return None;
        }
        let Some(start) = self.window.start else {
            // The time to the first byte is not that of a byte.
            self.window.start = Some(now);
            return None;
        };
        self.window.bytes += bytes;
        self.window.waited += now - begun;
        let elapsed = now - start;
        if elapsed < WINDOW {
            return None;
        }
        let window = std::mem::take(&mut self.window);
        self.window.start = Some(now);
        let seconds = elapsed.as_secs_f64();
        let rate = window.bytes as f64 / seconds;
        let is_network_waited_for = window.waited.as_secs_f64() > seconds / 2.0;
        let next = self.next(rate, left as f64 / rate / seconds, is_network_waited_for);
        (next != self.connections).then(|| {
            self.connections = next;
            self.window = Window::default();
            next
        })
    }

    fn next(&mut self, rate: f64, windows_left: f64, is_network_waited_for: bool) -> usize {
        if self.before.is_some_and(|before| rate < before * GROWTH) {
            self.is_open = false;
            return self.connections / 2;
        }
        // Where hashing or the disk is waited for, more connections would wait as well.
        if self.connections * 2 > self.most
            || !is_network_waited_for
            || windows_left < LEAST_WINDOWS_LEFT
        {
            self.before = None;
            return self.connections;
        }
        self.before = Some(rate);
        self.connections * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = 1 << 20;

    /// Fetches for `seconds` over a network that gives a number of connections so many chunks a second;
    /// the numbers of connections on the way.
    fn paced(chunks: usize, seconds: u64, left: u64, rate: impl Fn(usize) -> u32) -> Vec<usize> {
        let mut pace = Pace::new(None, chunks);
        let mut numbers = vec![pace.connections()];
        let start = Instant::now();
        let mut now = start;
        while now - start < Duration::from_secs(seconds) {
            let begun = now;
            now += Duration::from_secs(1) / rate(pace.connections());
            numbers.extend(pace.count(CHUNK, left, begun, now));
        }
        numbers
    }

    #[test]
    fn connections_are_added_while_the_rate_grows() {
        let large = 1 << 40;
        let each_brings_ten = |connections| 10 * u32::try_from(connections).unwrap();
        assert_eq!(paced(32, 30, large, each_brings_ten), [1, 2, 4]);
        assert_eq!(paced(32, 30, large, |_| 10), [1, 2, 1], "the line is full");
        let two_help = |connections| if connections == 1 { 10 } else { 20 };
        assert_eq!(paced(32, 30, large, two_help), [1, 2, 4, 2]);
        assert_eq!(paced(12, 30, large, each_brings_ten), [1, 2], "no memory for more");
        assert_eq!(paced(9, 30, large, each_brings_ten), [1]);
        assert_eq!(paced(32, 30, 30 * CHUNK, each_brings_ten), [1], "nearly done");
    }

    #[test]
    fn a_slow_disk_gets_no_more_connections() {
        let mut pace = Pace::new(None, 32);
        let mut now = Instant::now();
        for _ in 0..1000 {
            // What comes is there at once; what takes time is to hand it on.
            assert_eq!(pace.count(CHUNK, 1 << 40, now, now), None);
            now += Duration::from_millis(20);
        }
    }

    #[test]
    fn a_number_that_is_wanted_is_had_as_far_as_the_memory_goes() {
        for (wanted, chunks, connections, segment_chunks) in [
            (4, 32, 4, 7),
            (2, 32, 2, 8),
            (100, 32, 14, 2),
            (4, 8, 2, 2),
            (4, 4, 1, 1),
            (1, 32, 1, 8),
        ] {
            let mut pace = Pace::new(NonZeroUsize::new(wanted), chunks);
            assert_eq!(pace.connections(), connections, "{wanted} of {chunks}");
            assert_eq!(pace.segment_chunks(), segment_chunks, "{wanted} of {chunks}");
            pace.settle();
            assert_eq!(pace.connections(), 1);
        }
    }
}
