//! Content of disks.

/// Content, in pieces of a few clusters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Content {
    Zeros,
    Noise,
    Text,
    /// All of them in alternation, with zeros of different lengths.
    Mixed,
}

pub(crate) const CONTENTS: [Content; 4] =
    [Content::Zeros, Content::Noise, Content::Text, Content::Mixed];

/// A disk of the content.
pub(crate) fn disk(content: Content, bytes: usize) -> Vec<u8> {
    let mut disk = Vec::with_capacity(bytes);
    let mut random = Random(bytes as u64);
    while disk.len() < bytes {
        let left = bytes - disk.len();
        let content = match content {
            Content::Mixed => CONTENTS[random.below(3)],
            other => other,
        };
        let count = (1 + random.below(200_000)).min(left);
        match content {
            Content::Noise => disk.extend((0..count).map(|_| random.below(256) as u8)),
            Content::Text => {
                while disk.len() < bytes - left + count {
                    let line = format!("{} times {}\n", random.below(1000), random.below(1000));
                    disk.extend_from_slice(line.as_bytes());
                }
                disk.truncate(bytes - left + count);
            }
            _ => disk.resize(disk.len() + count, 0),
        }
    }
    disk
}

/// Numbers that are the same in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        ((self.0 >> 33) % limit as u64) as usize
    }
}
