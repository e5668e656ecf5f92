//! Complete runs of programs, and the load of a busy machine.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use imgpush_digest::{Algorithm, Stream};
use imgpush_guard::{cpu, percentile};

const FILES: usize = 16;
const FILE_BYTES: usize = 256 << 20;
const ROUNDS: usize = 5;

/// The ratio of the peers' time to that of imgpush.
pub(crate) struct Ratios {
    pub(crate) median: f64,
    pub(crate) best: f64,
}

/// `imgpush digest` of files in the page cache, compared with `md5sum` followed by `sha512sum` of the same
/// files.
pub(crate) fn compare(program: &Path) -> Ratios {
    let folder = tempfile::tempdir().unwrap();
    let block: Vec<u8> = (0..1 << 20).map(|i: u32| (i % 251) as u8).collect();
    let files: Vec<PathBuf> = (0..FILES)
        .map(|number| {
            let path = folder.path().join(format!("{number:02}.raw"));
            let mut file = File::create(&path).unwrap();
            (0..FILE_BYTES / block.len()).for_each(|_| file.write_all(&block).unwrap());
            path
        })
        .collect();
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let own = seconds(Command::new(program).arg("digest"), &files);
        let md5 = seconds(&mut Command::new("md5sum"), &files);
        let sha512 = seconds(&mut Command::new("sha512sum"), &files);
        println!("imgpush digest {own:.2} s, md5sum {md5:.2} s, sha512sum {sha512:.2} s");
        ratios.push((md5 + sha512) / own);
    }
    println!();
    Ratios { median: percentile(ratios.clone(), 50), best: percentile(ratios, 100) }
}

fn seconds(command: &mut Command, files: &[PathBuf]) -> f64 {
    let start = Instant::now();
    let status = command.args(files).stdout(Stdio::null()).status();
    assert!(status.unwrap_or_else(|error| panic!("{command:?}: {error}")).success());
    start.elapsed().as_secs_f64()
}

/// A process that keeps the other cores busy until it is dropped.
pub(crate) struct Load(Child);

impl Load {
    pub(crate) fn start() -> Self {
        Load(Command::new(std::env::current_exe().unwrap()).arg("--load").spawn().unwrap())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program of [`Load`]: hashing that exceeds the caches, so that it shares the memory bandwidth.
pub(crate) fn load() -> ExitCode {
    if !cpu::keep_away() {
        return ExitCode::SUCCESS;
    }
    let data = vec![7; 64 << 20];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut stream = Stream::new([Algorithm::Md5, Algorithm::Sha512]);
                loop {
                    stream.update(&data);
                }
            });
        }
    });
    ExitCode::SUCCESS
}
