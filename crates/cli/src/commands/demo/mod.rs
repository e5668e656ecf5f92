//! `imgpush demo`: a push, damage in transit, and a broken connection, in ten seconds.

mod qcow2;

use std::path::Path;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use imgpush_client::{Cloud, CloudOptions, Image, ImageClient, ImageQuery, Surroundings};
use imgpush_engine::{
    CancellationToken, IntegrityError, Push, PushError, PushFailure, PushOptions, Report,
    source::FileSource,
};
use imgpush_sandbox::{Fault, Operation, Sandbox, SandboxOptions};

use crate::exit_code::{self, Code};
use crate::output::DigestStyle;
use crate::printer::Printer;
use crate::{output, threads};

pub(crate) async fn run(printer: &Printer) -> Code {
    match show(printer).await {
        Ok(()) => exit_code::DONE,
        Err(error) => {
            printer.error(&output::chain(error.as_ref()), &[]);
            exit_code::UNEXPECTED
        }
    }
}

async fn show(printer: &Printer) -> anyhow::Result<()> {
    threads::for_sandbox().map_err(anyhow::Error::msg)?;
    let folder = tempfile::tempdir().context("cannot create a folder for the demo")?;
    let file = folder.path().join("demo.qcow2");
    let mut out = std::fs::File::create(&file).context("cannot write the demo image")?;
    qcow2::write(&mut out, 256 << 20, 160).context("cannot write the demo image")?;
    let size = out.metadata()?.len();

    let sandbox = Sandbox::start(SandboxOptions::default())
        .await
        .context("cannot start the image service")?;
    let options = CloudOptions::default()
        .with_setting("auth_type", "none")
        .with_setting("endpoint", sandbox.url());
    let cloud = Cloud::load_from(&options, &Surroundings::default())?;
    let client = ImageClient::connect(&cloud).await?;

    printer.result(&format!("An image service runs at {} during this demo.", sandbox.url()));
    printer.result(&format!(
        "The demo uploads a small disk image: demo.qcow2, {}.",
        output::bytes(size)
    ));

    title(printer, "1. A push", "imgpush push demo.qcow2");
    let report = push(&client, &file).await?;
    good(printer, &report);

    title(printer, "2. A push whose data is damaged in transit", "one bit flips at byte 4,194,304");
    sandbox.inject(Operation::Upload, Fault::CorruptByte(4 << 20));
    bad(printer, push(&client, &file).await, |failure| {
        matches!(failure, PushFailure::Integrity(IntegrityError::Mismatch { .. }))
    })?;

    title(printer, "3. A push that is interrupted", "the connection breaks after half of the data");
    sandbox.inject(Operation::Upload, Fault::DropAfter(size / 2));
    let report = push(&client, &file).await?;
    retried(printer, &report);

    let left: Vec<Image> = client.images(&ImageQuery::default()).try_collect().await?;
    anyhow::ensure!(left.len() == 2, "{} images are left, not two", left.len());
    printer.result("");
    printer.result("Two images are in the service, both verified. Now upload your own:");
    printer.result("");
    printer.result("    imgpush push --cloud NAME FILE      NAME is a cloud in clouds.yaml");
    printer.result("");
    sandbox.shutdown().await;
    Ok(())
}

async fn push(client: &ImageClient, file: &Path) -> Result<Report, PushError> {
    let source = FileSource::open(file).expect("the demo has just written it");
    let options = PushOptions::named("demo");
    Push::new(client.clone(), options)
        .on_cloud("the sandbox")
        .run(Box::new(source), &CancellationToken::new())
        .await
}

fn title(printer: &Printer, what: &str, how: &str) {
    printer.result("");
    printer.result(&format!("{what}    ({how})"));
}

fn good(printer: &Printer, report: &Report) {
    let rate = output::rate(report);
    let show = |label: &str, text: &str| printer.result_lines(&format!("   {label:<12}{text}"));
    show(
        "detected",
        &format!(
            "{}, virtual size {}",
            report.disk_format.as_deref().unwrap_or("?"),
            output::bytes(report.virtual_size.unwrap_or(0)),
        ),
    );
    show(
        "sent",
        &format!(
            "{} in one pass, hashed during the upload, {rate}/s",
            output::bytes(report.size.unwrap_or(0))
        ),
    );
    for (name, digest) in &report.digests {
        show(name, &format!("{} is the same in the service", DigestStyle::Short.shown(digest)));
    }
    show(
        "result",
        &printer.painted_result(&format!("image {} is active and verified", report.id), "1;32"),
    );
}

fn retried(printer: &Printer, report: &Report) {
    let show = |label: &str, text: &str| printer.result_lines(&format!("   {label:<12}{text}"));
    let reason = report.notes.first().map_or("nothing", |note| &note.text);
    show("error", reason.split(": ").next().unwrap_or_default());
    show("retried", &format!("on the same image, {} attempts", report.attempts));
    show(
        "result",
        &printer.painted_result(&format!("image {} is active and verified", report.id), "1;32"),
    );
}

fn bad(
    printer: &Printer,
    result: Result<Report, PushError>,
    expected: impl Fn(&PushFailure) -> bool,
) -> anyhow::Result<()> {
    let error = match result {
        Ok(report) => anyhow::bail!("the damage of image {} was not detected", report.id),
        Err(error) if expected(&error.failure) => error,
        Err(error) => return Err(error).context("the demo failed unexpectedly"),
    };
    let noticed = match &*error.failure {
        PushFailure::Integrity(IntegrityError::Mismatch { field, .. }) => {
            format!("the {field} of the service differs from that of the uploaded data")
        }
        other => other.to_string(),
    };
    printer.result(&format!("   {:<12}{noticed}", "error"));
    printer.result(&format!("   {:<12}{}", "cleanup", error.outcome));
    let code = exit_code::of(error.kind()).number();
    let verdict = format!("no damaged image is left; exit code {code}");
    printer.result_lines(&format!(
        "   {:<12}{}",
        "result",
        printer.painted_result(&verdict, "1;33")
    ));
    Ok(())
}
