//! Sorts failed uploads: skip this image, stop altogether, or retry later.
//!
//! `cargo run -p imgpush-engine --example sort_errors` needs no cloud: it starts a sandbox, uploads images
//! with different faults, and asserts how they are sorted.
//!
//! The engine itself retries transient errors. This example sorts the errors that remain after its retries,
//! without parsing messages.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use imgpush_engine::client::{Cloud, CloudOptions, ImageClient, Surroundings};
use imgpush_engine::source::{self, SourceOptions};
use imgpush_engine::{
    CancellationToken, ErrorKind, Push, PushError, PushOptions, RetryOptions, SourceError, Target,
};
use imgpush_sandbox::{Fault, Operation, PASSWORD, PROJECT, Sandbox, SandboxOptions, USER};

/// What to do about a failed upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advice {
    /// Skip this image: it would fail again, and the others are not affected.
    Skip,
    /// Stop: the cause affects all images.
    Stop,
    /// Retry this image after this time.
    Later(Duration),
}

/// The size of each image.
const BYTES: usize = 100_000;
/// The pause if the service requests none.
const PAUSE: Duration = Duration::from_secs(60);

impl Advice {
    /// Decides from the properties that all errors have.
    fn of(kind: ErrorKind, is_transient: bool, retry_after: Option<Duration>) -> Self {
        match kind {
            _ if is_transient => Advice::Later(retry_after.unwrap_or(PAUSE)),
            // The awaited status may still be reached.
            ErrorKind::WaitedTooLong => Advice::Later(PAUSE),
            // A login, a permission, an option, or the user.
            ErrorKind::NotAuthorised | ErrorKind::Usage | ErrorKind::Interrupted => Advice::Stop,
            _ => Advice::Skip,
        }
    }
}

impl From<PushError> for Advice {
    fn from(error: PushError) -> Self {
        Advice::of(error.kind(), error.is_transient(), error.retry_after())
    }
}

impl From<SourceError> for Advice {
    fn from(error: SourceError) -> Self {
        Advice::of(error.kind(), error.is_transient(), error.retry_after())
    }
}

/// The results of a list of images.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sorted {
    uploaded: Vec<String>,
    skipped: Vec<String>,
    later: Vec<(String, Duration)>,
    /// The image at which it stopped, and the ones after it.
    left: Vec<String>,
}

/// Uploads one image after the other, until one fails for a reason that affects all.
async fn upload_all(client: &ImageClient, folder: &Path, names: &[&str]) -> Sorted {
    let mut sorted = Sorted::default();
    let mut names = names.iter().map(|name| (*name).to_owned());
    while let Some(name) = names.next() {
        match upload(client, &folder.join(&name), &name).await {
            Ok(()) => sorted.uploaded.push(name),
            Err(Advice::Skip) => sorted.skipped.push(name),
            Err(Advice::Later(pause)) => sorted.later.push((name, pause)),
            Err(Advice::Stop) => {
                sorted.left.push(name);
                sorted.left.extend(names.by_ref());
            }
        }
    }
    sorted
}

async fn upload(client: &ImageClient, file: &Path, name: &str) -> Result<(), Advice> {
    let source = source::open(file, &SourceOptions::default()).await?;
    // A single attempt, so that errors that the engine would retry are returned.
    let options = PushOptions::named(name).with_retry(RetryOptions::never());
    let push = Push::to(Target::new(client.clone()), options);
    push.run(source, &CancellationToken::new()).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox =
        Sandbox::start(SandboxOptions::default().with_tokens(Duration::from_secs(3600))).await?;
    let login = CloudOptions::default()
        .with_setting("auth_url", sandbox.auth_url())
        .with_setting("username", USER)
        .with_setting("password", PASSWORD)
        .with_setting("project_name", PROJECT);
    let cloud = Cloud::load_from(&login, &Surroundings::default())?;
    let client = ImageClient::connect(&cloud).await?;
    let folder = tempfile::tempdir()?;
    let names =
        ["busy", "good", "missing", "unavailable", "cut", "large", "damaged", "forbidden", "after"];
    for name in names.iter().filter(|name| **name != "missing") {
        std::fs::write(folder.path().join(name), vec![7; BYTES])?;
    }
    // The first record to be created is that of `busy`; the service sends a `Retry-After`.
    sandbox.inject(Operation::Create, Fault::Busy(Duration::from_secs(7)));
    let after = BYTES as u64;
    for (name, fault) in [
        // A proxy without a service, and a proxy that closes the connection.
        ("unavailable", Fault::Status { status: 503, after }),
        ("cut", Fault::DropAfter(1000)),
        // Faults of the image: too large, or stored with other bytes.
        ("large", Fault::StatusJson { status: 413, after }),
        ("damaged", Fault::CorruptByte(1000)),
        // The project lacks a permission.
        ("forbidden", Fault::StatusJson { status: 403, after }),
    ] {
        sandbox.inject_for_image(name, Operation::Upload, fault);
    }
    let sorted = upload_all(&client, folder.path(), &names).await;
    show(&sorted);
    assert_eq!(sorted.uploaded, ["good"]);
    assert_eq!(sorted.skipped, ["missing", "large", "damaged"]);
    let later = [("busy", Duration::from_secs(7)), ("unavailable", PAUSE), ("cut", PAUSE)];
    assert_eq!(sorted.later, later.map(|(name, pause)| (name.to_owned(), pause)));
    assert_eq!(sorted.left, ["forbidden", "after"]);

    // Later, without the faults, these are uploaded.
    let names: Vec<&str> = sorted.later.iter().map(|(name, _)| &**name).collect();
    let again = upload_all(&client, folder.path(), &names).await;
    assert_eq!(again.uploaded, names);

    // An unreachable service is not the fault of an image, but may be transient.
    sandbox.shutdown().await;
    let sorted = upload_all(&client, folder.path(), &["good"]).await;
    assert_eq!(sorted.later, [("good".to_owned(), PAUSE)]);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows its results")]
fn show(sorted: &Sorted) {
    println!("uploaded: {}", sorted.uploaded.join(", "));
    println!("skipped: {}", sorted.skipped.join(", "));
    for (name, pause) in &sorted.later {
        println!("again in {} s: {name}", pause.as_secs());
    }
    println!("stopped at, and left: {}", sorted.left.join(", "));
}

#[test]
fn the_example_runs() {
    main().expect("the assertions hold");
}
