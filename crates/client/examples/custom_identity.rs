//! A custom [`Identity`]: a token that another program keeps valid in a file.
//!
//! It runs against a service in this process: `cargo run -p imgpush-client --example custom_identity`.

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use imgpush_client::{
    BoxFuture, Cloud, CloudOptions, Error, HttpOptions, Identity, ImageClient, ImageQuery,
    NewImage, Secret, Surroundings, Token, UploadOptions, url::Url,
};
use imgpush_sandbox::{PASSWORD, PROJECT, Sandbox, SandboxOptions, USER};

/// The image service at `endpoint`, and the file with the token.
#[derive(Debug)]
struct TokenFile {
    path: PathBuf,
    endpoint: Url,
}

impl TokenFile {
    fn read(&self) -> Result<Secret, Error> {
        let failed = |source: std::io::Error| Error::Login {
            url: self.path.display().to_string(),
            answered: false,
            source: Box::new(source),
        };
        Ok(Secret::new(std::fs::read_to_string(&self.path).map_err(failed)?.trim()))
    }
}

impl Identity for TokenFile {
    fn token(&self) -> BoxFuture<'_, Result<Token, Error>> {
        Box::pin(async { Ok(Token::Keystone(self.read()?)) })
    }

    /// The service has refused `stale`. Either the file contains another token by now, or there is none.
    fn renew<'a>(&'a self, stale: &'a Token) -> BoxFuture<'a, Result<Option<Token>, Error>> {
        Box::pin(async move {
            let fresh = self.read()?;
            let is_same = matches!(stale, Token::Keystone(old) if old.expose() == fresh.expose());
            Ok((!is_same).then_some(Token::Keystone(fresh)))
        })
    }

    fn endpoint(&self) -> BoxFuture<'_, Result<Url, Error>> {
        Box::pin(async { Ok(self.endpoint.clone()) })
    }
}

/// The other program: it logs in and writes the token to the file.
async fn write_token(sandbox: &Sandbox, path: &PathBuf) -> Result<(), Box<dyn std::error::Error>> {
    let options = CloudOptions::default()
        .with_setting("auth_url", sandbox.auth_url())
        .with_setting("username", USER)
        .with_setting("password", PASSWORD)
        .with_setting("project_name", PROJECT);
    let identity = Cloud::load_from(&options, &Surroundings::default())?.identity()?;
    if let Token::Keystone(token) = identity.token().await? {
        std::fs::write(path, token.expose())?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run().await
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let lifetime = Duration::from_secs(1);
    let sandbox = Sandbox::start(SandboxOptions::default().with_tokens(lifetime)).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("token");
    write_token(&sandbox, &path).await?;

    let identity = TokenFile { path: path.clone(), endpoint: sandbox.url().parse()? };
    let client = ImageClient::builder(Arc::new(identity))
        .with_name("sandbox")
        .with_http_options(HttpOptions::default().with_call_timeout(Duration::from_secs(10)))
        .connect()
        .await?;
    let image = client.create(&NewImage::named("noble").with_formats("raw", "bare")).await?;
    client.upload(image.id(), "data".to_owned(), &UploadOptions::sized(4)).await?;

    // The token expires, another one is written, and the next call uses it.
    tokio::time::sleep(lifetime).await;
    write_token(&sandbox, &path).await?;
    let images: Vec<_> = client.images(&ImageQuery::default()).try_collect().await?;
    for image in &images {
        println!("{} {}", image.id(), image.status());
    }
    if images.len() == 1 { Ok(()) } else { Err("one image was expected".into()) }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn it_runs() {
        super::run().await.expect("the example works");
    }
}
