//! Hashing of many files at once, as an application would use it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use imgpush_engine::{Algorithm, DigestOptions, DigestTask, Digesting, SourceError};

const MD5_ABC: &str = "900150983cd24fb0d6963f7d28e17f72";
const SHA256_EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Each task has its own algorithms, and a failed one does not affect the others.
#[tokio::test]
async fn each_task_ends_once_with_its_own_digests() {
    let folder = tempfile::tempdir().unwrap();
    let mut tasks = Vec::new();
    for number in 0..50 {
        let path = folder.path().join(number.to_string());
        match number % 3 {
            0 => std::fs::write(&path, "abc").unwrap(),
            1 => std::fs::write(&path, "").unwrap(),
            _ => {}
        }
        let algorithm = if number % 3 == 0 { Algorithm::Md5 } else { Algorithm::Sha256 };
        tasks.push(DigestTask::new(path, [algorithm]));
    }
    for jobs in [1, 7, 100] {
        let options = DigestOptions::default().with_jobs(NonZeroUsize::new(jobs).unwrap());
        let mut digesting = Digesting::start(tasks.clone(), options).unwrap();
        let mut results = BTreeMap::new();
        while let Some((number, result)) = digesting.next().await {
            assert!(results.insert(number, result).is_none(), "{number} ended twice");
        }
        assert_eq!(results.len(), tasks.len());
        assert_eq!(digesting.read_bytes(), 17 * 3);
        assert_eq!(digesting.total_bytes(), Some(17 * 3));
        for (number, result) in results {
            match number % 3 {
                0 => {
                    let digested = result.unwrap();
                    let md5 = digested.digests.get(Algorithm::Md5).unwrap();
                    assert_eq!((digested.bytes, md5.to_string().as_str()), (3, MD5_ABC));
                }
                1 => {
                    let digested = result.unwrap();
                    let sha256 = digested.digests.get(Algorithm::Sha256).unwrap();
                    assert_eq!((digested.bytes, sha256.to_string().as_str()), (0, SHA256_EMPTY));
                }
                _ => assert!(matches!(result, Err(SourceError::Open { .. })), "{result:?}"),
            }
        }
    }
}

#[tokio::test]
async fn without_tasks_hashing_ends_at_once() {
    let mut digesting = Digesting::start(Vec::new(), DigestOptions::default()).unwrap();
    assert!(digesting.next().await.is_none());
}
