//! The buffers of decompressed and stored data, which bound the memory of a conversion.
//!
//! A conversion reads ahead while clusters are decompressed. It must not wait for a buffer while it holds
//! some itself, as the consumer may wait for exactly these. So it has a set of its own with
//! [`try_take`](Buffers::try_take), and does not use the pool of the pass, whose buffers are then never
//! allocated.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use imgpush_source::bytes::Bytes;

/// A fixed number of buffers. Clones share them.
#[derive(Clone)]
pub(crate) struct Buffers(Arc<Shared>);

struct Shared {
    bytes: usize,
    most: usize,
    /// The number up to which [`try_take`](Buffers::try_take) takes some.
    usual: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Vec<u8>>,
    made: usize,
}

impl Buffers {
    /// `most` buffers of `bytes` each, allocated when first needed. Reading ahead uses at most `usual` of them.
    pub(crate) fn new(most: usize, usual: usize, bytes: usize) -> Self {
        let (state, returned) = (Mutex::new(State::default()), Condvar::new());
        Buffers(Arc::new(Shared { bytes, most, usual, state, returned }))
    }

    /// Bytes of each buffer.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// Takes a buffer if one is free, and fewer than the usual number are in use.
    pub(crate) fn try_take(&self) -> Option<OutputBuffer> {
        self.free(&mut self.lock(), self.0.usual)
    }

    /// Takes a buffer, and waits until one is free.
    pub(crate) fn take(&self) -> OutputBuffer {
        let mut state = self.lock();
        loop {
            if let Some(buffer) = self.free(&mut state, self.0.most) {
                return buffer;
            }
            state = self.0.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn free(&self, state: &mut State, most: usize) -> Option<OutputBuffer> {
        if state.made - state.idle.len() >= most {
            return None;
        }
        let bytes = match state.idle.pop() {
            Some(bytes) => bytes,
            None => {
                state.made += 1;
                vec![0; self.0.bytes]
            }
        };
        Some(OutputBuffer { bytes, filled: 0, buffers: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One buffer; dropping it returns it.
pub(crate) struct OutputBuffer {
    bytes: Vec<u8>,
    filled: usize,
    buffers: Buffers,
}

impl OutputBuffer {
    /// The complete buffer.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// The first `filled` bytes, at most all.
    pub(crate) fn into_bytes(mut self, filled: usize) -> Bytes {
        self.filled = filled.min(self.bytes.len());
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for OutputBuffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }
}

impl Drop for OutputBuffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.buffers.lock().idle.push(bytes);
        self.buffers.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_more_buffers_than_promised() {
        let buffers = Buffers::new(2, 2, 16);
        let first = buffers.take().into_bytes(3);
        let second = buffers.try_take().unwrap();
        assert!(buffers.try_take().is_none());
        assert_eq!(first.len(), 3);
        drop((first.slice(1..), first));
        assert!(buffers.try_take().is_some());
        drop(second);
    }

    #[test]
    fn reading_ahead_leaves_buffers_for_a_consumer_that_holds_many() {
        let buffers = Buffers::new(3, 2, 16);
        let held = (buffers.take(), buffers.take());
        assert!(buffers.try_take().is_none());
        let third = buffers.take();
        drop(held);
        assert!(buffers.try_take().is_some());
        drop(third);
    }
}
