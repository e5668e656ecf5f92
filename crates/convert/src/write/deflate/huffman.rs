//! Huffman codes of limited length.

/// The code of a symbol: its bits in the order of output, and their number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Code {
    pub(super) bits: u16,
    pub(super) length: u8,
}

/// The longest code of literals, lengths and distances.
pub(super) const LONGEST: usize = 15;

/// The lengths of the codes for symbols with these frequencies, at most `limit`. A symbol that does not occur
/// has length 0. At least two symbols get a code, since some decoders refuse a code of one.
pub(super) fn lengths<const N: usize>(frequencies: &[u32; N], limit: usize) -> [u8; N] {
    let mut leaves: Vec<(u32, usize)> = Vec::with_capacity(N);
    leaves.extend(
        frequencies
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(s, count)| (*count, s)),
    );
    for symbol in 0..N {
        if leaves.len() >= 2 {
            break;
        }
        if leaves.iter().all(|leaf| leaf.1 != symbol) {
            leaves.push((1, symbol));
        }
    }
    leaves.sort_unstable();

    // The longest codes are those of the rarest symbols.
    let mut lengths = [0; N];
    let mut symbols = leaves.iter().map(|(_, symbol)| *symbol);
    for (length, count) in counts_of_lengths(&leaves, limit).iter().enumerate().rev() {
        for symbol in symbols.by_ref().take(*count as usize) {
            if let Some(space) = lengths.get_mut(symbol) {
                *space = length as u8;
            }
        }
    }
    lengths
}

/// The number of codes of each length, for leaves in the order of their frequency.
fn counts_of_lengths(leaves: &[(u32, usize)], limit: usize) -> [u32; LONGEST + 1] {
    // Joins the two rarest nodes until one is left; leaves and inner nodes are each in order already.
    let mut inner: Vec<u32> = Vec::with_capacity(leaves.len());
    let mut parents = vec![0usize; 2 * leaves.len()];
    let (mut leaf, mut node) = (0, 0);
    let total = leaves.len();
    while inner.len() + 1 < total {
        let parent = total + inner.len();
        let mut sum = 0u32;
        for _ in 0..2 {
            let next_leaf = leaves.get(leaf).map(|leaf| leaf.0);
            let next_node = inner.get(node).copied();
            let (child, count) = match (next_leaf, next_node) {
                (Some(count), other) if other.is_none_or(|other| count <= other) => {
                    leaf += 1;
                    (leaf - 1, count)
                }
                (_, count) => {
                    node += 1;
                    (total + node - 1, count.unwrap_or(0))
                }
            };
            sum = sum.saturating_add(count);
            if let Some(space) = parents.get_mut(child) {
                *space = parent;
            }
        }
        inner.push(sum);
    }

    // The depth of a node is that of its parent plus one; the root is the last.
    let nodes = total + inner.len();
    let mut depths = vec![0usize; nodes];
    let mut counts = [0u32; LONGEST + 1];
    for node in (0..nodes.saturating_sub(1)).rev() {
        let depth = parents.get(node).and_then(|parent| depths.get(*parent)).map_or(1, |d| d + 1);
        if let Some(space) = depths.get_mut(node) {
            *space = depth;
        }
        if let Some(count) = counts.get_mut(depth.min(limit)).filter(|_| node < total) {
            *count += 1;
        }
    }
    shorten(&mut counts, limit);
    counts
}

/// Lengthens short codes until codes that were cut to the limit form a prefix code.
fn shorten(counts: &mut [u32; LONGEST + 1], limit: usize) {
    let space = |counts: &[u32]| -> u64 {
        let codes = counts.iter().enumerate().skip(1).take(limit);
        codes.map(|(length, count)| u64::from(*count) << (limit - length)).sum()
    };
    for _ in (1u64 << limit)..space(counts) {
        // One code becomes two that are a bit longer; the second replaces one of the longest.
        let longest = counts.iter().take(limit).rposition(|count| *count > 0);
        let Some([shorter, longer, ..]) = longest.and_then(|at| counts.get_mut(at..)) else {
            return;
        };
        *shorter -= 1;
        *longer += 2;
        if let Some(count) = counts.get_mut(limit) {
            *count -= 1;
        }
    }
}

/// The canonical codes of symbols with these lengths.
pub(super) fn codes<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut next = [0u16; LONGEST + 2];
    for length in lengths.iter().filter(|length| **length > 0) {
        if let Some(count) = next.get_mut(usize::from(*length) + 1) {
            *count += 1;
        }
    }
    // Turns the number of codes of the length before into the first code of each length.
    let mut first = 0;
    for count in next.iter_mut().skip(1).take(LONGEST) {
        first = (first + *count) << 1;
        *count = first;
    }
    let mut codes = [Code::default(); N];
    for (code, length) in codes.iter_mut().zip(lengths) {
        if *length == 0 {
            continue;
        }
        if let Some(next) = next.get_mut(usize::from(*length)) {
            let bits = next.reverse_bits() >> (16 - u32::from(*length));
            *code = Code { bits, length: *length };
            *next += 1;
        }
    }
    codes
}
