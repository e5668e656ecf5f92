//! Converts a virtual disk to raw: `raw IMAGE [OUTPUT]`. Without an output the bytes are only decoded, for
//! measurements. `-` reads the image from a pipe.
//!
//! ```sh
//! cargo run --release -p imgpush-convert --example raw -- disk.qcow2 disk.raw
//! ```
#![expect(clippy::print_stderr, reason = "an example reports what it did")]

use std::error::Error;
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::Instant;

use imgpush_convert::{Converted, ReadOptions};
use imgpush_source::{Chunk, FileSource, Pool, ReaderSource, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let input = arguments.next().ok_or("usage: raw IMAGE [OUTPUT]")?;
    let mut output = arguments.next().map(File::create).transpose()?;
    let source: Box<dyn Source> = if input == "-" {
        Box::new(ReaderSource::new("a pipe", std::io::stdin()))
    } else {
        Box::new(FileSource::open(&input)?)
    };
    let start = Instant::now();
    let mut disk = Converted::new(source, &ReadOptions::default())?;
    let pool = Pool::within(64 << 20);
    let mut data = 0;
    while let Some(chunk) = disk.next_chunk(&pool)? {
        if !chunk.is_zeros() {
            data += chunk.len();
        }
        let Some(file) = &mut output else { continue };
        match chunk {
            Chunk::Data(bytes) => file.write_all(&bytes)?,
            zeros => {
                let _ = file.seek(SeekFrom::Current(i64::try_from(zeros.len())?))?;
            }
        }
    }
    let size = disk.size().unwrap_or_default();
    if let Some(file) = &output {
        file.set_len(size)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{:?}: {size} bytes, {data} of data, {seconds:.3} s", disk.strategy());
    Ok(())
}
