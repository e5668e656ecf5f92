//! Downloaded files with holes for the zeros of the image.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use imgpush_engine::{CancellationToken, DownloadOptions, PartialOutcome, Sparse};
use imgpush_scene::{pattern, sha512};
use serde_json::json;

use super::scene::{MIB, Response, Scripted, image, is_same, quick};

const BLOCK: usize = 64 << 10;

/// Returns zeros with data at these places; the first and the last byte of the data are not zero.
fn zeros(bytes: usize, data: &[(usize, usize)]) -> Vec<u8> {
    let mut image = vec![0; bytes];
    for &(at, length) in data {
        image[at..at + length].fill(7);
    }
    image
}

/// Returns the disk space of a file in bytes.
fn allocated(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().blocks() * 512
}

/// Returns the maximum disk space of an image with data at these places: complete blocks, and the metadata of
/// the file system.
fn most(places: &[(usize, usize)]) -> u64 {
    let blocks = |&(at, length): &(usize, usize)| (at + length).div_ceil(BLOCK) - at / BLOCK;
    (places.iter().map(blocks).sum::<usize>() * BLOCK + BLOCK) as u64
}

fn without_retries() -> DownloadOptions {
    let mut options = quick();
    options.retries = 0;
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn zeros_take_no_space_wherever_they_are() {
    let odd = 12 * MIB + 77;
    let layouts: [(usize, &[(usize, usize)]); 10] = [
        (odd, &[]),
        (12 * MIB, &[]),
        (1, &[]),
        (BLOCK - 1, &[]),
        // In the middle, across the boundaries of blocks and of chunks.
        (odd, &[(5 * MIB + 100, 4096)]),
        (odd, &[(2 * BLOCK - 1, 2), (3 * MIB - 5, 10)]),
        // At the start, and at the end.
        (odd, &[(0, 1), (odd - 1, 1)]),
        (12 * MIB, &[(0, 4096)]),
        // A block of zeros between two of data, and the reverse.
        (6 * MIB, &[(MIB, BLOCK), (MIB + 2 * BLOCK, BLOCK)]),
        (6 * MIB, &[(0, MIB + 1), (2 * MIB + 1, 4 * MIB - 1)]),
    ];
    for (size, places) in layouts {
        let data = zeros(size, places);
        let scene = Scripted::new(data.clone(), []).await;
        let report = scene.fetch(&image(&data, &json!({}))).await.unwrap();
        assert!(is_same(&scene.destination(), &data), "{size}, {places:?}");
        assert_eq!(report.digests["sha512"], sha512(&data));
        let found = allocated(&scene.destination());
        assert!(found <= most(places), "{size}, {places:?}: {found} bytes");
        assert_eq!(scene.files().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_image_with_little_data_takes_little_space() {
    let places = [(300 * MIB + 5, 4096)];
    let data = zeros(512 * MIB + 3, &places);
    let scene = Scripted::new(data.clone(), []).await;
    scene.fetch(&image(&data, &json!({}))).await.unwrap();
    assert!(is_same(&scene.destination(), &data));
    let found = allocated(&scene.destination());
    assert!(found <= most(&places), "{found} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn never_writes_all_zeros() {
    let data = zeros(5 * MIB + 77, &[(MIB, 4096)]);
    let options = quick().with_sparse(Sparse::Never);
    let scene = Scripted::new(data.clone(), []).await;
    scene.fetch_with(&image(&data, &json!({})), options).await.unwrap();
    assert!(is_same(&scene.destination(), &data));
    assert!(allocated(&scene.destination()) >= data.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_file_is_as_long_as_what_was_received() {
    let places = [(3 * MIB + 9, 2 * MIB)];
    let size = 40 * MIB + 77;
    let data = zeros(size, &places);
    let image = image(&data, &json!({}));
    // In zeros, at the boundaries of blocks and chunks and next to them, in data, and in the zeros after it.
    for at in [
        1,
        BLOCK,
        MIB,
        MIB + BLOCK + 1,
        3 * MIB - 1,
        3 * MIB + 9,
        4 * MIB + 3,
        5 * MIB + 9,
        6 * MIB + 1,
        39 * MIB,
        size - 1,
    ] {
        let scene = Scripted::new(data.clone(), [Response::Cut(at as u64)]).await;
        let error = scene.fetch_with(&image, without_retries()).await.unwrap_err();
        let outcome = PartialOutcome::Kept { path: scene.partial(), bytes: at as u64 };
        assert_eq!(error.partial, outcome);
        assert!(is_same(&scene.partial(), &data[..at]), "{at}");
        assert!(allocated(&scene.partial()) <= most(&places), "{at}");

        // After this position, no block is aligned with the received chunks.
        let report = scene.fetch(&image).await.unwrap();
        assert_eq!((report.resumed_from, scene.asked()), (at as u64, vec![0, at as u64]));
        assert!(is_same(&scene.destination(), &data), "{at}");
        let found = allocated(&scene.destination());
        assert!(found <= most(&places) + BLOCK as u64, "{at}: {found} bytes");
        assert_eq!(scene.files().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_file_with_written_zeros_is_resumed() {
    let data = zeros(5 * MIB + 77, &[(4 * MIB, 100)]);
    let image = image(&data, &json!({}));
    for kept in [MIB + 1, 4 * MIB + 50, 5 * MIB] {
        // Written by a program that creates no holes.
        let scene = Scripted::new(data.clone(), []).await;
        std::fs::write(scene.partial(), &data[..kept]).unwrap();
        let report = scene.fetch(&image).await.unwrap();
        assert_eq!(report.resumed_from, kept as u64);
        assert!(is_same(&scene.destination(), &data), "{kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_length_is_right_while_the_network_stalls() {
    let data = zeros(8 * MIB, &[(0, 1)]);
    let image = image(&data, &json!({}));
    let scene = Scripted::new(data.clone(), [Response::Stall(5 * MIB as u64)]).await;
    let length = || std::fs::metadata(scene.partial()).map_or(0, |found| found.len());
    {
        let cancel = CancellationToken::new();
        let download = scene.download(quick());
        let fetching = download.to_file(&image, scene.destination(), &cancel);
        let waiting = async {
            while length() < 5 * MIB as u64 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            done = fetching => panic!("{done:?}"),
            () = waiting => {}
        }
    }
    // Dropped, not cancelled: the thread may keep the file open for a moment.
    let report = loop {
        match scene.fetch(&image).await {
            Ok(report) => break report,
            Err(error) => assert_eq!(error.partial, PartialOutcome::Nothing, "{error:?}"),
        }
    };
    assert_eq!(report.resumed_from, 5 * MIB as u64);
    assert!(is_same(&scene.destination(), &data));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_old_data_is_under_a_hole() {
    let size = 3 * MIB + 77;
    let good = zeros(size, &[(MIB, 10)]);
    let image = image(&good, &json!({}));
    let scene = Scripted::new(good.clone(), []).await;
    // A file that is replaced, and a partial file that cannot belong to this image.
    std::fs::write(scene.destination(), pattern(size)).unwrap();
    std::fs::write(scene.partial(), pattern(size + 1)).unwrap();
    let mut options = quick();
    options.overwrite = true;
    let report = scene.fetch_with(&image, options).await.unwrap();
    assert_eq!(report.resumed_from, 0);
    assert!(is_same(&scene.destination(), &good));
    assert!(allocated(&scene.destination()) <= most(&[(MIB, 10)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_connections_write_holes_too() {
    let places = [(7 * MIB + 5, 3 * MIB)];
    let data = zeros(32 * MIB + 77, &places);
    let mut options = quick();
    options.connections = 3.try_into().ok();
    let scene = Scripted::new(data.clone(), [Response::Cut(MIB as u64 + 1)]).await;
    scene.fetch_with(&image(&data, &json!({})), options).await.unwrap();
    assert!(is_same(&scene.destination(), &data));
    assert!(allocated(&scene.destination()) <= most(&places) + BLOCK as u64);
}
