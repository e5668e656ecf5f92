//! Errors of the calls to the services, as the commands print them that work on existing images.

use std::time::Duration;

use imgpush_client::{ConfigError, Error as ClientError, InvalidAttribute, Status};

use super::samples::{ID, Samples};
use super::{ErrorTable, tables, title};
use crate::commands::failed::{Failed, failed_to};
use crate::exit_code::Code;
use crate::printer::Printer;

tables! { client configuration attribute }

const IDENTITY: &str = "https://keystone.example.com/v3";
const IMAGES: &str = "https://glance.example.com/v2/images";

fn print(error: ClientError) -> impl FnOnce(&Printer) -> Code {
    move |printer| failed_to("find noble")(error).report(printer)
}

fn client(table: &mut ErrorTable) {
    let samples = Samples::new();
    let answer = |status, message| samples.answer("GET", "/v2/images/noble", status, message);
    let of_path = |path, status| samples.answer("GET", path, status, "");
    let by_proxy = |mut answer: Box<imgpush_client::Answer>| {
        answer.request_id = None;
        answer.server = Some("nginx".to_owned());
        answer
    };
    let url = || IMAGES.to_owned();
    let get = || "GET".parse().unwrap();
    let noble = || "noble".to_owned();
    let import_failed = samples.not_active();
    let mut with_messages = import_failed.clone();
    with_messages.id = ID.to_owned();
    with_messages.stores = vec!["fast".to_owned(), "slow".to_owned()];
    with_messages.messages = vec!["the address was not found".to_owned()];
    let mut fell_back = with_messages.clone();
    (fell_back.before, fell_back.status) = (Status::Importing, Status::Queued);
    let no_endpoint = |regions| ClientError::NoEndpoint {
        region: "RegionTwo".to_owned(),
        interface: "public".to_owned(),
        regions,
    };
    for (what, error) in [
        ("", ConfigError::NoCloud { known: Vec::new() }.into()),
        (
            "",
            ClientError::LoginRefused {
                url: IDENTITY.to_owned(),
                message: "The request you have made requires authentication.".to_owned(),
            },
        ),
        (
            "",
            ClientError::Login {
                url: IDENTITY.to_owned(),
                answered: false,
                source: "connection refused".into(),
            },
        ),
        ("", no_endpoint(Vec::new())),
        ("but elsewhere", no_endpoint(vec!["RegionOne".to_owned()])),
        ("", ClientError::BadRequest(answer(400, "Invalid value for the image name"))),
        ("", ClientError::Unauthorized(answer(401, ""))),
        ("", ClientError::Forbidden(answer(403, "You are not authorized to do this"))),
        (
            "of a protected image",
            ClientError::Forbidden(answer(403, "Image noble is protected and cannot be deleted.")),
        ),
        (
            "of the only store",
            ClientError::Forbidden(answer(403, "Cannot delete from the only store of an image")),
        ),
        ("", ClientError::NotFound(answer(404, "No image found with ID noble"))),
        ("of the cache", ClientError::NotFound(of_path("/v2/cache", 404))),
        ("of the stores", ClientError::NotFound(of_path("/v2/info/stores", 404))),
        ("of the schema", ClientError::NotFound(of_path("/v2/schemas/image", 404))),
        ("", ClientError::NoSuchImage { wanted: noble() }),
        ("", ClientError::Duplicate { wanted: noble(), ids: vec![ID.to_owned(), "…".to_owned()] }),
        ("", ClientError::NoSuchProject { resource: "project", wanted: "demo".to_owned() }),
        (
            "",
            ClientError::DuplicateProject {
                resource: "project",
                wanted: "demo".to_owned(),
                ids: vec![ID.to_owned(), "…".to_owned()],
            },
        ),
        ("", ClientError::Conflict(answer(409, "The image is not in the status queued"))),
        ("", ClientError::Gone(answer(410, "Image noble has been deleted"))),
        ("", ClientError::TooLarge(answer(413, "The image exceeds the storage quota"))),
        ("of a proxy", ClientError::TooLarge(by_proxy(answer(413, "")))),
        ("", ClientError::FormatRefused(answer(415, "the file is no qcow2 image"))),
        ("", ClientError::Unavailable(by_proxy(answer(503, "no server is available")))),
        ("", ClientError::Unexpected(answer(500, "The server has erred"))),
        (
            "",
            ClientError::Transport {
                method: get(),
                url: url(),
                source: "connection reset by peer".into(),
            },
        ),
        (
            "",
            ClientError::TimedOut {
                method: get(),
                url: url(),
                source: "connecting took 30 s".into(),
            },
        ),
        ("", ClientError::NoData { id: ID.to_owned() }),
        ("", ClientError::OutOfRange(answer(416, ""))),
        ("", ClientError::ImportFailed(with_messages.clone())),
        ("", ClientError::FellBack(fell_back)),
        (
            "",
            ClientError::WaitedTooLong {
                id: ID.to_owned(),
                status: Status::Importing,
                waited: Duration::from_secs(600),
            },
        ),
        ("", ClientError::Endless { url: url() }),
        ("", ClientError::Decode { method: get(), url: url(), source: "it is not JSON".into() }),
    ] {
        table.case(&title(&error, what), print(error));
    }
    table.covers("client/src/error/mod.rs", "Error", &[]);
}

fn configuration(table: &mut ErrorTable) {
    let cloud = || "mycloud".to_owned();
    let path = || "clouds.yaml".into();
    for error in [
        ConfigError::UnknownCloud { name: cloud(), known: vec!["a".to_owned(), "b".to_owned()] },
        ConfigError::NoCloud { known: Vec::new() },
        ConfigError::UnknownRegion {
            cloud: cloud(),
            region: "RegionThree".to_owned(),
            known: vec!["RegionOne".to_owned(), "RegionTwo".to_owned()],
        },
        ConfigError::MissingFile { variable: "OS_CLIENT_CONFIG_FILE", path: path() },
        ConfigError::File {
            path: path(),
            message: "mapping values are not allowed here at line 3".to_owned(),
        },
        ConfigError::Missing { cloud: cloud(), key: "auth.auth_url" },
        ConfigError::Missing { cloud: cloud(), key: "auth.password" },
        ConfigError::Missing { cloud: "envvars".to_owned(), key: "auth.username" },
        ConfigError::Invalid {
            cloud: cloud(),
            key: "verify",
            message: "it is not a boolean".to_owned(),
        },
        ConfigError::UnsupportedAuthType { cloud: cloud(), auth_type: "v2password".to_owned() },
    ] {
        table.case(&title(&error, ""), print(error.into()));
    }
    table.covers("client/src/error/config.rs", "ConfigError", &[]);
}

fn attribute(table: &mut ErrorTable) {
    for source in [
        InvalidAttribute::BaseAttribute("name".to_owned()),
        InvalidAttribute::ReadOnly("os_hash_value".to_owned()),
        InvalidAttribute::Length,
        InvalidAttribute::Value { name: "min_disk".to_owned(), expected: "a number" },
        InvalidAttribute::Needed("visibility".to_owned()),
    ] {
        let failed = Failed::Unfit { doing: "set name".to_owned(), source: source.clone() };
        table.case(&title(&source, ""), |printer| failed.report(printer));
    }
    table.covers("client/src/invalid_attribute.rs", "InvalidAttribute", &[]);
}
