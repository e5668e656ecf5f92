//! One block of deflate: its symbols, and their output.

use super::bits::Bits;
use super::huffman::{Code, LONGEST, codes, lengths};

/// Literals, the end of the block and lengths.
const LITERALS: usize = 286;

/// Distances up to 4096.
const DISTANCES: usize = 24;

/// The symbol of the end of a block.
const END: usize = 256;

/// Symbols of the code for the lengths of codes.
const CODE_LENGTHS: usize = 19;

/// The order in which the lengths of their codes are stored.
const CODE_LENGTH_ORDER: [usize; CODE_LENGTHS] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The shortest match.
pub(super) const LEAST_MATCH: usize = 3;

/// The longest match.
pub(super) const MOST_MATCH: usize = 258;

/// The mark of a match in a token.
const MATCH: u32 = 1 << 31;

/// The symbols of a block. They are collected until the block is written.
pub(super) struct Block {
    /// Literals and matches.
    tokens: Vec<u32>,
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
}

impl Default for Block {
    fn default() -> Self {
        Block { tokens: Vec::new(), literals: [0; LITERALS], distances: [0; DISTANCES] }
    }
}

impl Block {
    pub(super) fn clear(&mut self) {
        self.tokens.clear();
        (self.literals, self.distances) = ([0; LITERALS], [0; DISTANCES]);
    }

    /// The number of literals and matches.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    #[inline]
    pub(super) fn literal(&mut self, byte: u8) {
        self.tokens.push(u32::from(byte));
        increment(&mut self.literals, usize::from(byte));
    }

    #[inline]
    pub(super) fn a_match(&mut self, length: usize, distance: usize) {
        let (length, distance) = ((length - LEAST_MATCH) as u32, (distance - 1) as u32);
        self.tokens.push(MATCH | length << 16 | distance);
        increment(&mut self.literals, length_symbol(length).symbol as usize);
        increment(&mut self.distances, distance_symbol(distance).symbol as usize);
    }

    /// Appends the block and clears it.
    pub(super) fn write(&mut self, is_last: bool, bits: &mut Bits) {
        increment(&mut self.literals, END);
        let literal_lengths = lengths(&self.literals, LONGEST);
        let distance_lengths = lengths(&self.distances, LONGEST);
        bits.put(u32::from(is_last), 1);
        // A block with codes of its own.
        bits.put(2, 2);
        write_codes(&literal_lengths, &distance_lengths, bits);
        self.write_tokens(&codes(&literal_lengths), &codes(&distance_lengths), bits);
        self.clear();
    }

    fn write_tokens(
        &self,
        literals: &[Code; LITERALS],
        distances: &[Code; DISTANCES],
        bits: &mut Bits,
    ) {
        for token in &self.tokens {
            if token & MATCH == 0 {
                put(literals, Symbol::single(*token), bits);
            } else {
                put(literals, length_symbol((token & !MATCH) >> 16), bits);
                put(distances, distance_symbol(token & 0xffff), bits);
            }
        }
        put(literals, Symbol::single(END as u32), bits);
    }
}

/// A symbol, and the bits after its code.
#[derive(Clone, Copy)]
struct Symbol {
    symbol: u32,
    extra: u32,
    extra_bits: u32,
}

impl Symbol {
    /// A symbol without bits after its code.
    fn single(symbol: u32) -> Self {
        Symbol { symbol, extra: 0, extra_bits: 0 }
    }
}

/// The symbol for a length, less 3.
#[inline]
fn length_symbol(length: u32) -> Symbol {
    if length == (MOST_MATCH - LEAST_MATCH) as u32 {
        return Symbol::single(285);
    }
    let extra_bits = (length | 4).ilog2() - 2;
    let symbol = 257 + 4 * extra_bits + (length >> extra_bits);
    Symbol { symbol, extra: length & ((1 << extra_bits) - 1), extra_bits }
}

/// The symbol for a distance, less 1.
#[inline]
fn distance_symbol(distance: u32) -> Symbol {
    let extra_bits = (distance | 2).ilog2() - 1;
    let symbol = 2 * extra_bits + (distance >> extra_bits);
    Symbol { symbol, extra: distance & ((1 << extra_bits) - 1), extra_bits }
}

/// Writes the code of a symbol and the bits after it, together at most 28.
#[inline]
fn put(codes: &[Code], symbol: Symbol, bits: &mut Bits) {
    let code = codes.get(symbol.symbol as usize).copied().unwrap_or_default();
    let length = u32::from(code.length);
    bits.put(u32::from(code.bits) | symbol.extra << length, length + symbol.extra_bits);
}

#[inline]
fn increment(frequencies: &mut [u32], symbol: usize) {
    if let Some(count) = frequencies.get_mut(symbol) {
        *count += 1;
    }
}

/// Writes the lengths of both codes: runs of equal lengths, in a code of their own.
fn write_codes(literals: &[u8; LITERALS], distances: &[u8; DISTANCES], bits: &mut Bits) {
    let literals = used(literals, 257);
    let distances = used(distances, 1);
    let runs = runs(&[literals, distances].concat());
    let mut frequencies = [0; CODE_LENGTHS];
    runs.iter().for_each(|run| increment(&mut frequencies, run.symbol as usize));
    let run_lengths = lengths(&frequencies, 7);
    let run_codes = codes(&run_lengths);
    let ordered = CODE_LENGTH_ORDER.map(|symbol| run_lengths.get(symbol).copied().unwrap_or(0));
    let ordered = used(&ordered, 4);

    bits.put((literals.len() - 257) as u32, 5);
    bits.put((distances.len() - 1) as u32, 5);
    bits.put((ordered.len() - 4) as u32, 4);
    ordered.iter().for_each(|length| bits.put(u32::from(*length), 3));
    for run in &runs {
        put(&run_codes, *run, bits);
    }
}

/// The lengths without the zeros at their end, at least the first `least`.
fn used(lengths: &[u8], least: usize) -> &[u8] {
    let used = lengths.iter().rposition(|length| *length > 0).map_or(0, |last| last + 1);
    lengths.get(..used.max(least)).unwrap_or(lengths)
}

/// The lengths as symbols: 16 repeats the last one 3 to 6 times, 17 and 18 are 3 to 10 and 11 to 138 zeros.
fn runs(lengths: &[u8]) -> Vec<Symbol> {
    let mut symbols = Vec::with_capacity(lengths.len());
    for run in lengths.chunk_by(|a, b| a == b) {
        let length = u32::from(run.first().copied().unwrap_or(0));
        let mut left = run.len() as u32;
        let single = Symbol::single(length);
        if length > 0 {
            symbols.push(single);
            left -= 1;
        }
        while left >= 3 {
            let (symbol, least, most, extra_bits) = match length {
                0 if left > 10 => (18, 11, 138, 7),
                0 => (17, 3, 10, 3),
                _ => (16, 3, 6, 2),
            };
            let count = left.min(most);
            symbols.push(Symbol { symbol, extra: count - least, extra_bits });
            left -= count;
        }
        symbols.extend((0..left).map(|_| single));
    }
    symbols
}
