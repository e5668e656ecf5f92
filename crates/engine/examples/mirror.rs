//! A small mirror: copies images from a list of addresses to several clouds, verified by a list of checksums.
//!
//! ```text
//! cargo run --example mirror SHA256SUMS ADDRESSES JOURNAL CLOUD…
//! ```
//!
//! `SHA256SUMS` is a file or an address, `ADDRESSES` a file with one address per line. Run it every night.
//! Existing images are not downloaded again, because their id is derived from name and checksum. A changed
//! image replaces the old one, which is hidden.
//!
//! `cargo test --example mirror` runs it against a sandbox with a different fault for each image.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::Path;

use futures_util::{FutureExt as _, StreamExt as _};
use imgpush_engine::checksum::{ChecksumList, Expected};
use imgpush_engine::client::{Cloud, CloudOptions};
use imgpush_engine::source::{self, HttpOptions, SourceOptions};
use imgpush_engine::{
    Batch, BatchEvent, BatchOptions, CancellationToken, IfExists, JournalError, Outcome,
    PushOptions, PushTask, Retire, RetryOptions, Target,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [sums, addresses, journal, clouds @ ..] = &arguments[..] else {
        return Err("usage: mirror SHA256SUMS ADDRESSES JOURNAL CLOUD…".into());
    };
    let list = ChecksumList::read(Path::new(sums), &HttpOptions::default()).await?;
    let retry = RetryOptions::default();

    let mut batch = Batch::new(BatchOptions::default().with_journal(journal));
    for cloud in clouds {
        let cloud = Cloud::load(&CloudOptions::named(Some(cloud.clone())))?;
        batch = batch.to(Target::connect(&cloud, &retry).await?);
    }
    let addresses = std::fs::read_to_string(addresses)?;
    let addresses: Vec<&str> = addresses.lines().map(str::trim).collect();

    let outcomes = mirror(batch, &addresses, list, &retry).await?;
    let mut failed = 0;
    for outcome in &outcomes {
        for result in outcome.pushes() {
            match result {
                Ok(report) => println!("{} {} in {}", report.action, outcome.name, report.cloud),
                Err(error) => {
                    failed += 1;
                    println!("{error}: {}; {}", error.failure, error.outcome);
                }
            }
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(format!("{failed} images failed").into()),
    }
}

/// Pushes the images at the addresses to the targets of the batch. Returns the outcomes in the order of the
/// addresses.
async fn mirror(
    batch: Batch,
    addresses: &[&str],
    list: ChecksumList,
    retry: &RetryOptions,
) -> Result<Vec<Outcome>, JournalError> {
    let expected = Expected::default().with_list(list);
    let tasks: Vec<_> =
        addresses.iter().map(|address| task(address, expected.clone(), retry.clone())).collect();
    let mut running = batch.start(tasks, &CancellationToken::new())?;
    let mut outcomes = Vec::new();
    while let Some(event) = running.next().await {
        if let BatchEvent::Ended(outcome) = event {
            outcomes.push(outcome);
        }
    }
    outcomes.sort_by_key(|outcome| outcome.number);
    Ok(outcomes)
}

/// Creates the task of one image. The image is decompressed if necessary; the push fails if the image does
/// not match the list.
fn task(address: &str, expected: Expected, retry: RetryOptions) -> PushTask {
    let options = PushOptions::default()
        .with_property("mirrored_from", address)
        .with_if_exists(IfExists::Replace(Retire::Hide))
        .with_retry(retry);
    let mut source_options = SourceOptions::default();
    source_options.decompress = true;
    let place = address.to_owned();
    let opening =
        async move { expected.of(source::open(Path::new(&place), &source_options).await?) };
    PushTask::opened_by(address, options, || opening.boxed())
}

/// An example of a test of a program that uses the engine: one night with a different fault for each image,
/// and the night after it.
#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::PathBuf;
    use std::time::Duration;

    use futures_util::TryStreamExt as _;
    use imgpush_engine::client::{Image, ImageClient, ImageQuery, Status, Surroundings};
    use imgpush_engine::{ErrorKind, PushError, RecordOutcome, Report};
    use imgpush_sandbox::{Fault, Operation, PASSWORD, PROJECT, Sandbox, SandboxOptions, USER};
    use sha2::Digest as _;

    use super::*;

    const IMAGES: [&str; 5] = ["good", "damaged", "busy", "refused", "changed"];

    const BYTES: usize = 300_000;

    /// A sandbox, a client of it, and a folder with the images and the list of their checksums.
    struct Site {
        sandbox: Sandbox,
        client: ImageClient,
        folder: tempfile::TempDir,
    }

    impl Site {
        async fn new() -> Result<Self, Box<dyn std::error::Error>> {
            let options = SandboxOptions::default().with_tokens(Duration::from_secs(3600));
            let sandbox = Sandbox::start(options).await?;
            let login = CloudOptions::default()
                .with_setting("auth_url", sandbox.auth_url())
                .with_setting("username", USER)
                .with_setting("password", PASSWORD)
                .with_setting("project_name", PROJECT);
            let cloud = Cloud::load_from(&login, &Surroundings::default())?;
            let client = ImageClient::connect(&cloud).await?;
            let site = Site { sandbox, client, folder: tempfile::tempdir()? };
            let mut sums = String::new();
            for name in IMAGES {
                let data = data(name);
                std::fs::write(site.place(name), &data)?;
                for byte in sha2::Sha256::digest(&data) {
                    write!(sums, "{byte:02x}")?;
                }
                writeln!(sums, "  {name}.img")?;
            }
            std::fs::write(site.folder.path().join("SHA256SUMS"), sums)?;
            Ok(site)
        }

        fn place(&self, name: &str) -> PathBuf {
            self.folder.path().join(format!("{name}.img"))
        }

        /// Runs the mirror. Returns the outcomes in the order of the images.
        async fn night(&self) -> Result<Vec<Outcome>, Box<dyn std::error::Error>> {
            let sums = self.folder.path().join("SHA256SUMS");
            let list = ChecksumList::read(&sums, &HttpOptions::default()).await?;
            let journal = BatchOptions::default().with_journal(self.folder.path().join("journal"));
            let batch = Batch::new(journal).to(Target::new(self.client.clone()));
            let retry = RetryOptions::default()
                .with_pauses(Duration::from_millis(1), Duration::from_millis(1));
            let places = IMAGES.map(|name| self.place(name).display().to_string());
            Ok(mirror(batch, &places.each_ref().map(String::as_str), list, &retry).await?)
        }

        /// Returns all images, sorted by name.
        async fn images(&self) -> Result<Vec<Image>, imgpush_engine::client::Error> {
            let images = self.client.images(&ImageQuery::default());
            let mut images: Vec<Image> = images.try_collect().await?;
            images.sort_by_key(|image| image.name().map(str::to_owned));
            Ok(images)
        }

        fn uploads(&self) -> usize {
            let journal = self.sandbox.journal();
            journal.iter().filter(|got| got.method == "PUT" && got.path.ends_with("/file")).count()
        }
    }

    /// Different bytes for each image.
    fn data(name: &str) -> Vec<u8> {
        // Text would be refused, since it is no disk.
        [0xeb].into_iter().chain(name.bytes()).cycle().take(BYTES).collect()
    }

    #[track_caller]
    fn report(outcome: &Outcome) -> &Report {
        match outcome.pushes().collect::<Vec<_>>()[..] {
            [Ok(report)] => report,
            ref results => panic!("{}: {results:?}", outcome.name),
        }
    }

    #[track_caller]
    fn error(outcome: &Outcome) -> &PushError {
        match outcome.pushes().collect::<Vec<_>>()[..] {
            [Err(error)] => error,
            ref results => panic!("{}: {results:?}", outcome.name),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_image_has_its_own_result_and_the_next_night_retries()
    -> Result<(), Box<dyn std::error::Error>> {
        let site = Site::new().await?;
        // The images are uploaded concurrently, so each fault is for a named image. The response is sent
        // after all bytes, because a response during the upload may be lost with its connection.
        let refusal = Fault::StatusJson { status: 413, after: BYTES as u64 };
        let unavailable = Fault::StatusJson { status: 503, after: BYTES as u64 };
        site.sandbox.inject_for_image("damaged", Operation::Upload, Fault::CorruptByte(200_000));
        site.sandbox.inject_for_image("busy", Operation::Upload, unavailable);
        site.sandbox.inject_for_image("refused", Operation::Upload, refusal);
        // This one does not match the list.
        std::fs::write(site.place("changed"), data("other"))?;

        let outcomes = site.night().await?;
        let [good, damaged, busy, refused, changed] = &outcomes[..] else {
            panic!("one outcome for each image: {outcomes:?}")
        };
        assert_eq!((report(good).verified, report(good).attempts), (true, 1));
        assert_eq!((report(busy).verified, report(busy).attempts), (true, 2));
        for (outcome, kind) in [
            (damaged, ErrorKind::ServerDiffers),
            (refused, ErrorKind::Refused),
            (changed, ErrorKind::SourceDiffers),
        ] {
            let error = error(outcome);
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(!error.is_transient(), "{error:?}");
            let is_clean =
                matches!(error.outcome, RecordOutcome::Removed { .. } | RecordOutcome::NoRecord);
            assert!(is_clean, "{error:?}");
        }
        let images = site.images().await?;
        let names: Vec<_> = images.iter().filter_map(Image::name).collect();
        assert_eq!(names, ["busy", "good"]);
        assert!(images.iter().all(|image| image.status() == Status::Active));

        // The next night, without faults: existing images are not sent again, the others are.
        std::fs::write(site.place("changed"), data("changed"))?;
        let uploads = site.uploads();
        let outcomes = site.night().await?;
        let ids: Vec<_> = outcomes.iter().map(|outcome| &*report(outcome).id).collect();
        // The ids are those of the night before.
        assert_eq!([ids[0], ids[2]], [images[1].id(), images[0].id()]);
        let images = site.images().await?;
        assert_eq!(site.uploads() - uploads, 3, "{outcomes:?}");
        let names: Vec<_> = images.iter().filter_map(Image::name).collect();
        assert_eq!(names, ["busy", "changed", "damaged", "good", "refused"]);
        assert!(images.iter().all(|image| image.status() == Status::Active));
        Ok(())
    }
}
