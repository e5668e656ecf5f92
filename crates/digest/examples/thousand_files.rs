//! Hashes 1,000 files, sixteen at a time, and compares the digests with those of other crates.
//!
//! `cargo run --release -p imgpush-digest --example thousand_files`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use imgpush_digest::{Algorithm, Bytes, Digests, Lanes};
use sha2::Digest as _;

const FILES: usize = 1_000;
/// Files that are open at the same time. Lanes are full from 16 streams per core on.
const READERS: usize = 16;
const CHUNK_BYTES: usize = 64 << 10;

fn main() -> io::Result<()> {
    let folder = Folder::with_files()?;
    let paths: Vec<PathBuf> = (0..FILES).map(|number| folder.path(number)).collect();
    let start = Instant::now();
    let all = hash_all(&paths)?;
    let took = start.elapsed();
    assert_eq!(all.len(), FILES);
    let mut bytes = 0;
    for (path, digests) in paths.iter().zip(&all) {
        let data = std::fs::read(path)?;
        bytes += data.len();
        let digest = |algorithm| digests.get(algorithm).expect("it was asked for").as_bytes();
        assert_eq!(digest(Algorithm::Md5), md5::Md5::digest(&data).as_slice());
        assert_eq!(digest(Algorithm::Sha512), sha2::Sha512::digest(&data).as_slice());
    }
    let speed = bytes as f64 / took.as_secs_f64() / 1e6;
    println!(
        "{FILES} files, {} MB, by MD5 and SHA-512: {took:.2?}, {speed:.0} MB/s",
        bytes / 1_000_000
    );
    Ok(())
}

/// The digests of each file, in the order of the paths. Every thread reads one file after another; the
/// service hashes the data of many files at a time.
fn hash_all(paths: &[PathBuf]) -> io::Result<Vec<Digests>> {
    let lanes = Lanes::new(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    let next = AtomicUsize::new(0);
    let mut all: Vec<(usize, Digests)> = thread::scope(|scope| {
        let read = || {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = paths.get(number) else { return Ok(done) };
                done.push((number, hash_file(&lanes, path)?));
            }
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        let done = readers.into_iter().map(|reader| reader.join().expect("a reader panicked"));
        done.collect::<io::Result<Vec<_>>>()
    })?
    .concat();
    all.sort_unstable_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, digests)| digests).collect())
}

fn hash_file(lanes: &Lanes, path: &Path) -> io::Result<Digests> {
    let mut file = File::open(path)?;
    let mut stream = lanes.stream([Algorithm::Md5, Algorithm::Sha512]);
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        if file.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk)? == 0 {
            return Ok(stream.finish());
        }
        stream.update(&Bytes::from(chunk));
    }
}

/// A folder of files that is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    /// Creates files of all lengths from 0 to 256 KiB.
    fn with_files() -> io::Result<Self> {
        let name = format!("imgpush-digest-example-{}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        std::fs::create_dir(&folder.0)?;
        let data: Vec<u8> = (0..512_usize << 10).map(|i| (i % 251) as u8).collect();
        for number in 0..FILES {
            let length = number * 262_147 / FILES;
            std::fs::write(folder.path(number), &data[number..][..length])?;
        }
        Ok(folder)
    }

    fn path(&self, number: usize) -> PathBuf {
        self.0.join(format!("{number:04}.raw"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
#[test]
fn a_thousand_files_are_hashed() {
    main().expect("the example runs");
}
