//! The number of connections of a download. Decides from measured rates, without I/O.
//!
//! [`Fetch`](super::Fetch) calls it with each chunk.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// Maximum number of connections without a setting. More would take the share of other clients, and a service
/// may limit the rate of each client on purpose.
const MOST_AUTOMATIC: usize = 4;

/// Maximum number of chunks of a segment. A request costs Glance 20 to 60 ms, the time in which one
/// connection transfers this amount on a fast network; and the buffers of all segments need memory.
const MOST_SEGMENT_CHUNKS: usize = 8;

/// Minimum number of chunks of a segment if the number of connections is automatic.
const LEAST_SEGMENT_CHUNKS: usize = 4;

/// Minimum number of chunks of a segment if the number of connections is set. With smaller segments the
/// service would mostly process requests.
const LEAST_WANTED_CHUNKS: usize = 2;

/// Chunks outside the segments: those being hashed and written, and the tail.
const OTHER_CHUNKS: usize = 4;

/// The time over which the rate is measured. In a shorter time, the start of a connection would have too much
/// weight.
const WINDOW: Duration = Duration::from_secs(2);

/// No connections are added if the download ends within this number of windows.
const LEAST_WINDOWS_LEFT: f64 = 2.0;

/// Minimum growth of the rate that counts as an improvement.
const GROWTH: f64 = 1.2;

/// The number of connections, and the measurements that it depends on.
#[derive(Debug)]
pub(super) struct ConnectionCount {
    connections: usize,
    most: usize,
    segment_chunks: usize,
    /// Whether the number may still change.
    may_change: bool,
    /// Bytes per second with the previous number of connections.
    rate_before: Option<f64>,
    window: Window,
}

#[derive(Debug, Default)]
struct Window {
    /// `None` until the first bytes have arrived.
    start: Option<Instant>,
    bytes: u64,
    /// The part of the window spent waiting for the network.
    waited: Duration,
}

impl ConnectionCount {
    /// Creates a controller for this number of connections, or for an automatic one, with a pool of this
    /// number of chunks.
    pub(super) fn new(connections: Option<NonZeroUsize>, chunks: usize) -> Self {
        let available = chunks.saturating_sub(OTHER_CHUNKS);
        let most = match connections {
            Some(wanted) => wanted.get().min(available / LEAST_WANTED_CHUNKS),
            None => MOST_AUTOMATIC.min(available / LEAST_SEGMENT_CHUNKS),
        };
        let most = most.max(1);
        ConnectionCount {
            connections: if connections.is_some() { most } else { 1 },
            most,
            segment_chunks: (available / most).clamp(1, MOST_SEGMENT_CHUNKS),
            may_change: connections.is_none() && most > 1,
            rate_before: None,
            window: Window::default(),
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    /// Returns the number of chunks of a segment.
    pub(super) fn segment_chunks(&self) -> usize {
        self.segment_chunks
    }

    /// Fixes the number at one connection, because more have failed.
    pub(super) fn use_one(&mut self) {
        self.connections = 1;
        self.may_change = false;
    }

    /// Counts bytes that were waited for from `started` to `now`, with this number left to come. Returns the
    /// new number of connections if it changes.
    pub(super) fn count(
        &mut self,
        bytes: u64,
        left: u64,
        started: Instant,
        now: Instant,
    ) -> Option<usize> {
        if !self.may_change {
            return None;
        }
        let Some(start) = self.window.start else {
            // The time to the first byte is not part of the rate.
            self.window.start = Some(now);
            return None;
        };
        self.window.bytes += bytes;
        self.window.waited += now - started;
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
        if self.rate_before.is_some_and(|rate_before| rate < rate_before * GROWTH) {
            self.may_change = false;
            return self.connections / 2;
        }
        // If the download is limited by hashing or by the disk, more connections would not help.
        if self.connections * 2 > self.most
            || !is_network_waited_for
            || windows_left < LEAST_WINDOWS_LEFT
        {
            self.rate_before = None;
            return self.connections;
        }
        self.rate_before = Some(rate);
        self.connections * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = 1 << 20;

    /// Simulates a download of `seconds` over a network that transfers a number of chunks per second,
    /// depending on the number of connections. Returns all numbers of connections.
    fn simulate(chunks: usize, seconds: u64, left: u64, rate: impl Fn(usize) -> u32) -> Vec<usize> {
        let mut connection_count = ConnectionCount::new(None, chunks);
        let mut numbers = vec![connection_count.connections()];
        let start = Instant::now();
        let mut now = start;
        while now - start < Duration::from_secs(seconds) {
            let started = now;
            now += Duration::from_secs(1) / rate(connection_count.connections());
            numbers.extend(connection_count.count(CHUNK, left, started, now));
        }
        numbers
    }

    #[test]
    fn connections_are_added_while_the_rate_grows() {
        let large = 1 << 40;
        let each_brings_ten = |connections| 10 * u32::try_from(connections).unwrap();
        assert_eq!(simulate(32, 30, large, each_brings_ten), [1, 2, 4]);
        assert_eq!(simulate(32, 30, large, |_| 10), [1, 2, 1], "the line is full");
        let two_help = |connections| if connections == 1 { 10 } else { 20 };
        assert_eq!(simulate(32, 30, large, two_help), [1, 2, 4, 2]);
        assert_eq!(simulate(12, 30, large, each_brings_ten), [1, 2], "no memory for more");
        assert_eq!(simulate(9, 30, large, each_brings_ten), [1]);
        assert_eq!(simulate(32, 30, 30 * CHUNK, each_brings_ten), [1], "nearly done");
    }

    #[test]
    fn a_slow_disk_gets_no_more_connections() {
        let mut connection_count = ConnectionCount::new(None, 32);
        let mut now = Instant::now();
        for _ in 0..1000 {
            // The data is available at once; processing it takes time.
            assert_eq!(connection_count.count(CHUNK, 1 << 40, now, now), None);
            now += Duration::from_millis(20);
        }
    }

    #[test]
    fn a_requested_number_of_connections_is_limited_by_the_memory() {
        for (wanted, chunks, connections, segment_chunks) in [
            (4, 32, 4, 7),
            (2, 32, 2, 8),
            (100, 32, 14, 2),
            (4, 8, 2, 2),
            (4, 4, 1, 1),
            (1, 32, 1, 8),
        ] {
            let mut connection_count = ConnectionCount::new(NonZeroUsize::new(wanted), chunks);
            assert_eq!(connection_count.connections(), connections, "{wanted} of {chunks}");
            assert_eq!(connection_count.segment_chunks(), segment_chunks, "{wanted} of {chunks}");
            connection_count.use_one();
            assert_eq!(connection_count.connections(), 1);
        }
    }
}
