//! Sandboxes, clients that are logged in to them, and what tests ask of both.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use imgpush_engine::client::{Cloud, CloudOptions, Image, ImageClient, ImageQuery, Surroundings};
use imgpush_sandbox::{ADMIN, ADMIN_PROJECT, PASSWORD, PROJECT, Sandbox, SandboxOptions};
use sha2::{Digest as _, Sha512};

/// A client of a sandbox: logged in as that user to one that asks for it, else as anyone.
pub(crate) async fn connect(sandbox: &Sandbox, user: Option<&str>) -> ImageClient {
    let login = match user {
        Some(user) => CloudOptions::default()
            .with_setting("auth_url", sandbox.auth_url())
            .with_setting("username", user)
            .with_setting("password", PASSWORD)
            .with_setting("project_name", if user == ADMIN { ADMIN_PROJECT } else { PROJECT }),
        None => CloudOptions::default()
            .with_setting("auth_type", "none")
            .with_setting("endpoint", sandbox.url()),
    };
    let cloud = Cloud::load_from(&login, &Surroundings::default()).unwrap();
    ImageClient::connect(&cloud).await.unwrap()
}

/// A sandbox, and a client that is logged in as that user, or without a login.
pub(crate) async fn start(options: SandboxOptions, user: Option<&str>) -> (Sandbox, ImageClient) {
    let sandbox = Sandbox::start(options).await.unwrap();
    let client = connect(&sandbox, user).await;
    (sandbox, client)
}

/// Options of a sandbox that asks for a login; its tokens outlive every test.
pub(crate) fn tokens() -> SandboxOptions {
    SandboxOptions::default().with_tokens(Duration::from_secs(3600))
}

/// The images that a list shows.
pub(crate) async fn images(client: &ImageClient) -> Vec<Image> {
    client.images(&ImageQuery::default()).try_collect().await.unwrap()
}

/// The SHA-512 in hex.
pub(crate) fn sha512(data: &[u8]) -> String {
    hex(Sha512::digest(data))
}

pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
