//! The body of a request: which bytes on the wire are data, and where it ends.

/// The framing of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// This number of bytes is left.
    Length(u64),
    /// HTTP chunks.
    Chunked(Chunk),
}

/// The position of the next byte in a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the line with the size, with its value so far.
    Size(u64),
    /// After the digits of that line.
    Extension(u64),
    /// This number of bytes before the end of a chunk.
    Data(u64),
    /// In the line end after a chunk.
    DataEnd,
    /// After the last chunk, in a line that is empty so far or not.
    Trailer { is_empty: bool },
    /// After the body.
    Over,
}

impl Framing {
    pub(super) fn of(length: Option<&str>, encoding: Option<&str>) -> Self {
        match encoding {
            Some(encoding) if encoding.contains("chunked") => Framing::Chunked(Chunk::Size(0)),
            _ => Framing::Length(length.and_then(|length| length.parse().ok()).unwrap_or(0)),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Framing::Length(0) | Framing::Chunked(Chunk::Over))
    }

    /// The number of these bytes that belong to the body, with at most `most` bytes of data, and the number
    /// of data bytes among them.
    pub(super) fn take(&mut self, bytes: &[u8], most: u64) -> (usize, u64) {
        let (mut wire, mut data) = (0, 0);
        while wire < bytes.len() && data < most && !self.is_over() {
            let left = match self {
                Framing::Length(left) | Framing::Chunked(Chunk::Data(left)) => left,
                Framing::Chunked(chunk) => {
                    chunk.step(bytes[wire]);
                    wire += 1;
                    continue;
                }
            };
            let count = (*left).min((bytes.len() - wire) as u64).min(most - data);
            *left -= count;
            if *self == Framing::Chunked(Chunk::Data(0)) {
                *self = Framing::Chunked(Chunk::DataEnd);
            }
            wire += usize::try_from(count).expect("not more than there is of a slice");
            data += count;
        }
        (wire, data)
    }
}

impl Chunk {
    /// Parses a byte that is no data.
    fn step(&mut self, byte: u8) {
        *self = match (&*self, byte) {
            (Chunk::Size(0) | Chunk::Extension(0), b'\n') => Chunk::Trailer { is_empty: true },
            (Chunk::Size(size) | Chunk::Extension(size), b'\n') => Chunk::Data(*size),
            (Chunk::Size(size), byte) => match char::from(byte).to_digit(16) {
                Some(digit) => Chunk::Size(size << 4 | u64::from(digit)),
                None => Chunk::Extension(*size),
            },
            (Chunk::Extension(size), _) => Chunk::Extension(*size),
            (Chunk::DataEnd, b'\n') => Chunk::Size(0),
            (Chunk::DataEnd, _) => Chunk::DataEnd,
            (Chunk::Trailer { is_empty: true }, b'\n') => Chunk::Over,
            (Chunk::Trailer { .. }, b'\n') => Chunk::Trailer { is_empty: true },
            (Chunk::Trailer { is_empty }, b'\r') => Chunk::Trailer { is_empty: *is_empty },
            (Chunk::Trailer { .. }, _) => Chunk::Trailer { is_empty: false },
            (Chunk::Data(_) | Chunk::Over, _) => unreachable!("the caller counts these"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way in which the bytes are split does not change the body.
    #[test]
    fn chunks_are_counted_without_their_frames() {
        let wire = b"3\r\nabc\r\n0A;name=value\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET /";
        let body = wire.len() - b"GET /".len();
        for step in 1..wire.len() {
            let mut framing = Framing::of(None, Some("chunked"));
            let (mut at, mut data) = (0, 0);
            while !framing.is_over() {
                let (taken, counted) = framing.take(&wire[at..wire.len().min(at + step)], u64::MAX);
                at += taken;
                data += counted;
            }
            assert_eq!((at, data), (body, 13), "in pieces of {step}");
        }
    }

    #[test]
    fn a_body_is_cut_after_the_right_byte() {
        let mut framing = Framing::of(None, Some("chunked"));
        let wire = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(framing.take(wire, 4), (12, 4));
        assert_eq!(framing.take(&wire[12..], 0), (0, 0));
        assert_eq!(framing.take(&wire[12..], u64::MAX), (wire.len() - 12, 1));
        assert!(framing.is_over());

        let mut framing = Framing::of(Some("5"), None);
        assert_eq!(framing.take(b"abc", 2), (2, 2));
        assert_eq!(framing.take(b"cdeGET", u64::MAX), (3, 3));
        assert!(framing.is_over());
        assert!(Framing::of(None, None).is_over());
    }
}
