//! Converts a raw disk into a qcow2 image: `to_qcow2 IN OUT [none|zlib|zstd] [stream]`.
//!
//! With `stream` the image is read as a source, as an upload reads it, and `OUT` can be a pipe.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;

use imgpush_convert::write::{ClusterCompression, Qcow2Source, WriteOptions, write_to};
use imgpush_source::{FileSource, Pool, Source as _};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [input, output, rest @ ..] = &arguments[..] else {
        return Err("usage: to_qcow2 IN OUT [none|zlib|zstd] [stream]".into());
    };
    let compression = match rest.first().map(String::as_str) {
        None | Some("zlib") => ClusterCompression::Zlib,
        Some("zstd") => ClusterCompression::Zstd,
        Some("none") => ClusterCompression::None,
        Some(other) => return Err(format!("unknown compression: {other}").into()),
    };
    let options = WriteOptions::default().with_compression(compression);
    let source = Box::new(FileSource::open(input)?);
    let mut file = File::create(output)?;
    if rest.get(1).is_none() {
        write_to(source, &options, &mut file, &mut |_| {})?;
        return Ok(());
    }
    let mut image = Qcow2Source::prepare(source, &options, &mut |_| {})?;
    let pool = Pool::within(64 << 20);
    while let Some(chunk) = image.next_chunk(&pool)? {
        chunk.slices().try_for_each(|slice| file.write_all(&slice))?;
    }
    image.check()?;
    Ok(())
}
