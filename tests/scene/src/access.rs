//! Addresses of and logins to a service.

use imgpush_client::{Cloud, CloudOptions, ImageClient, Surroundings};
use imgpush_sandbox::{ADMIN, ADMIN_PROJECT, OTHER_PROJECT, OTHER_USER, PROJECT, USER};

/// The addresses of a service, and the password of its users: the test cloud has the same users as the
/// sandbox.
pub(crate) struct Access {
    /// Includes a version.
    pub(crate) auth_url: String,
    /// Without a version.
    pub(crate) image_url: String,
    /// None if no login is required.
    pub(crate) password: Option<String>,
}

impl Access {
    fn auth_type(&self) -> &'static str {
        if self.password.is_some() { "password" } else { "none" }
    }

    /// The content of `auth` in a `clouds.yaml`.
    fn auth<'a>(&'a self, user: &'a str) -> Vec<(&'static str, &'a str)> {
        let Some(password) = &self.password else { return vec![("endpoint", &self.image_url)] };
        let project = match user {
            ADMIN => ADMIN_PROJECT,
            OTHER_USER => OTHER_PROJECT,
            _ => PROJECT,
        };
        vec![
            ("auth_url", &self.auth_url),
            ("username", user),
            ("password", password),
            ("project_name", project),
        ]
    }

    /// The lines of a `clouds.yaml` for a user.
    pub(crate) fn cloud_entry(&self, name: &str, user: &str) -> String {
        let auth =
            self.auth(user).into_iter().map(|(key, value)| format!("      {key}: {value}\n"));
        format!(
            "  {name}:\n    region_name: RegionOne\n    auth_type: {}\n    auth:\n{}",
            self.auth_type(),
            auth.collect::<String>()
        )
    }

    /// A client that finds the service in the catalog of its login.
    pub(crate) async fn login(&self, user: &str) -> ImageClient {
        connect(&self.options(user)).await
    }

    /// A client of the default user that logs in at its first request.
    pub(crate) async fn client(&self) -> ImageClient {
        connect(&self.options(USER).with_setting("image_endpoint_override", &self.image_url)).await
    }

    fn options(&self, user: &str) -> CloudOptions {
        let options = CloudOptions::default()
            .with_setting("auth_type", self.auth_type())
            .with_setting("region_name", "RegionOne");
        let auth = self.auth(user).into_iter();
        auth.fold(options, |options, (key, value)| options.with_setting(key, value))
    }
}

async fn connect(options: &CloudOptions) -> ImageClient {
    let cloud = Cloud::load_from(options, &Surroundings::default()).unwrap();
    ImageClient::connect(&cloud).await.unwrap()
}

/// Returns a client of a service at this address that requires no login.
pub async fn open_client(url: &str) -> ImageClient {
    Access { auth_url: String::new(), image_url: url.to_owned(), password: None }.client().await
}
