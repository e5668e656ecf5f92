//! Configuration and start of scenes.

use std::time::Duration;

use imgpush_sandbox::{PASSWORD, Sandbox, SandboxOptions};
use tokio::runtime::Runtime;

use crate::access::Access;
use crate::cloud::RealCloud;
use crate::scene::Scene;
use crate::suites::Side;
use crate::variable::variable;

impl Scene {
    /// Starts a sandbox that requires a login; its tokens outlive every test.
    pub async fn start() -> Self {
        Scene::builder().start().await
    }

    /// Starts a sandbox that requires no login.
    pub async fn start_open() -> Self {
        Scene::builder().without_login().start().await
    }

    /// Starts a sandbox that requires a login, for a test of the program.
    #[must_use]
    pub fn start_blocking() -> Self {
        Scene::builder().start_blocking()
    }

    /// Returns a builder for other scenes.
    pub fn builder() -> SceneBuilder {
        SceneBuilder {
            side: Side::Sandbox,
            options: SandboxOptions::default(),
            is_open: false,
            token_lifetime: None,
        }
    }
}

/// The configuration of a scene.
#[derive(Debug)]
#[must_use]
pub struct SceneBuilder {
    side: Side,
    options: SandboxOptions,
    is_open: bool,
    token_lifetime: Option<Duration>,
}

impl SceneBuilder {
    /// Sets the service.
    pub fn on(mut self, side: Side) -> Self {
        self.side = side;
        self
    }

    /// Changes the options of a sandbox. The scene sets its folder and its tokens.
    pub fn sandbox(mut self, change: impl FnOnce(SandboxOptions) -> SandboxOptions) -> Self {
        self.options = change(self.options);
        self
    }

    /// Starts a sandbox that requires no login.
    pub fn without_login(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Sets the lifetime of tokens, for either service.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = Some(lifetime);
        self
    }

    /// Starts it on the runtime of the test.
    pub async fn start(self) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let mut options = self.options.with_dir(folder.path().join("images"));
        if !self.is_open {
            options = options.with_tokens(self.token_lifetime.unwrap_or(Duration::from_secs(3600)));
        }
        let (access, sandbox, cloud) = match self.side {
            Side::Sandbox => {
                let started = Sandbox::start(options.clone()).await.unwrap();
                let access = Access {
                    auth_url: started.auth_url(),
                    image_url: started.url().to_owned(),
                    password: options.require_token.then(|| PASSWORD.to_owned()),
                };
                // For a later restart.
                options.listen = started.url().trim_start_matches("http://").parse().unwrap();
                (access, Some(started), None)
            }
            Side::Real => {
                let real = match self.token_lifetime {
                    Some(lifetime) => RealCloud::with_token_lifetime(lifetime),
                    None => RealCloud::from_environment(),
                };
                let access = Access {
                    auth_url: format!("{}/v3", real.identity_url),
                    image_url: real.image_url.clone(),
                    password: Some(variable("OS_PASSWORD")),
                };
                (access, None, Some(real))
            }
        };
        Scene::new(access, options, sandbox, cloud, folder).await
    }

    /// Starts it on a runtime of its own.
    #[must_use]
    pub fn start_blocking(self) -> Scene {
        let runtime = Runtime::new().unwrap();
        let mut scene = runtime.block_on(self.start());
        scene.runtime = Some(runtime);
        scene
    }
}
