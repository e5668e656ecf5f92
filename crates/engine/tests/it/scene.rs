//! What tests of the engine share.

use imgpush_engine::client::{Cloud, CloudOptions, ImageClient, Surroundings};
use imgpush_sandbox::{ADMIN, ADMIN_PROJECT, PASSWORD, PROJECT, Sandbox};

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
