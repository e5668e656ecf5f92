//! Sorts failed uploads: leave this image out, stop altogether, or come back later.
//!
//! `cargo run -p imgpush-engine --example sort_errors` needs no cloud: it starts a sandbox, uploads images
//! that each meet another fault, and asserts how they are sorted.
//!
//! The engine retries by itself what passes in moments. What is sorted here is what is still wrong after that:
//! nobody has to take messages apart for it.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use imgpush_engine::client::{Cloud, CloudOptions, ImageClient, Surroundings};
use imgpush_engine::source::{self, SourceOptions};
use imgpush_engine::{
    CancellationToken, ErrorKind, Push, PushError, PushOptions, RetryOptions, SourceError, Target,
};
use imgpush_sandbox::{Fault, Operation, PASSWORD, PROJECT, Sandbox, SandboxOptions, USER};

/// What to do about an upload that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advice {
    /// Leave this image out: it fails again, and says nothing about the others.
    Skip,
    /// Stop: what is wrong is wrong for all images.
    Stop,
    /// Try this image again, after so much time at the earliest.
    Later(Duration),
}

/// The size of each image.
const BYTES: usize = 100_000;
/// Where a service does not say when to come again.
const PAUSE: Duration = Duration::from_secs(60);

impl Advice {
    /// By what every error says of itself.
    fn of(kind: ErrorKind, is_transient: bool, retry_after: Option<Duration>) -> Self {
        match kind {
            _ if is_transient => Advice::Later(retry_after.unwrap_or(PAUSE)),
            // The state that was waited for may still come.
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

/// What became of a list of images.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sorted {
    uploaded: Vec<String>,
    skipped: Vec<String>,
    later: Vec<(String, Duration)>,
    /// The image at which it stopped, and those behind it.
    left: Vec<String>,
}

/// Uploads one image after the other, until one fails in a way in which all would.
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
    // One attempt: what the engine would retry by itself comes out as an error here.
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
    let names = [
        "busy",
        "good",
        "missing",
        "unavailable",
        "cut",
        "large",
        "damaged",
        "forbidden",
        "behind",
    ];
    for name in names.iter().filter(|name| **name != "missing") {
        std::fs::write(folder.path().join(name), vec![7; BYTES])?;
    }
    // The first record to be made is that of `busy`: the service says when to come again.
    sandbox.inject(Operation::Create, Fault::Busy(Duration::from_secs(7)));
    let after = BYTES as u64;
    for (name, fault) in [
        // A proxy that has no service behind it, and one that goes away.
        ("unavailable", Fault::Status { status: 503, after }),
        ("cut", Fault::DropAfter(1000)),
        // The image itself: too large, or stored as other bytes.
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
    assert_eq!(sorted.left, ["forbidden", "behind"]);

    // Later, when the faults have passed, these are uploaded.
    let names: Vec<&str> = sorted.later.iter().map(|(name, _)| &**name).collect();
    let again = upload_all(&client, folder.path(), &names).await;
    assert_eq!(again.uploaded, names);

    // A service that cannot be reached is no fault of an image, but may be back.
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
    main().expect("all is as asserted");
}
