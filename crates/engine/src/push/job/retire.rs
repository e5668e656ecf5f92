//! The retirement of images that a new one replaces.
//!
//! The job calls it after the verification of the new image, so a failed push retires nothing.

use futures_util::TryStreamExt as _;
use imgpush_client::{Error as ClientError, Image, ImageQuery, Status};

use super::existing::is_published;
use super::state::UploadJob;
use crate::push::error::PushFailure;
use crate::push::if_exists::{IfExists, Replaced, Retire, Retirement};

impl UploadJob<'_> {
    /// Retires all images of the name that have data, except the verified one. Images that were created after
    /// the list was fetched belong to other runs and are kept. Each image is fetched again before it is
    /// retired; one that does not match any more is kept.
    pub(super) async fn retire(&mut self, right: &str) -> Result<(), PushFailure> {
        let IfExists::Replace(how) = self.options.if_exists else { return Ok(()) };
        let is_other = |image: &&Image| image.id() != right && self.is_old(image);
        let listed: Vec<Image> = self.existing.named.iter().filter(is_other).cloned().collect();
        let mut old = Vec::new();
        for image in listed {
            let client = &self.target.client;
            let retry = self.options.retry.for_small_calls();
            let fetch = || client.image(image.id());
            match retry.call("the request for an old image", ClientError::is_transient, fetch).await
            {
                Ok(now) if self.is_old(&now) && now.name() == image.name() => old.push(now),
                // Another run has deleted it, or a user has renamed it to keep it.
                Ok(_) | Err(ClientError::NotFound(_)) => {}
                Err(source) => {
                    let left = vec![image.id().to_owned()];
                    return Err(PushFailure::NotReplaced { left, source });
                }
            }
        }
        let names = match how {
            Retire::Rename => self.names_of_old(&old).await,
            _ => Ok(Vec::new()),
        };
        let mut names = names.map_err(|source| PushFailure::NotReplaced {
            left: old.iter().map(|image| image.id().to_owned()).collect(),
            source,
        })?;
        let mut left = Vec::new();
        let mut first = None;
        for image in old.into_iter().rev() {
            match self.retire_one(image.clone(), how, names.pop()).await {
                Ok(how) => {
                    self.existing.replaced.push(Replaced { id: image.id().to_owned(), how });
                }
                Err(error) => {
                    left.push(image.id().to_owned());
                    first = first.or(Some(error));
                }
            }
        }
        first.map_or(Ok(()), |source| Err(PushFailure::NotReplaced { left, source }))
    }

    /// Whether the new image replaces this one: it has data, and no run is working on it.
    fn is_old(&self, image: &Image) -> bool {
        let has_data = image.status() == Status::Deactivated || is_published(image);
        has_data && self.is_ours(image)
    }

    /// Retires one image. An image that is not found has been retired by another run.
    async fn retire_one(
        &self,
        mut image: Image,
        how: Retire,
        name: Option<String>,
    ) -> Result<Retirement, ClientError> {
        let client = &self.target.client;
        let retry = self.options.retry.for_small_calls();
        let (how, done) = match (how, name) {
            (Retire::Delete, _) => {
                let delete = || client.delete_if_exists(image.id());
                let deleted =
                    retry.call("the deletion of an old image", ClientError::is_transient, delete);
                (Retirement::Deleted, deleted.await.map(drop))
            }
            (_, Some(name)) => {
                image.set_name(name);
                let rename = || client.commit(&image);
                let renamed =
                    retry.call("the renaming of an old image", ClientError::is_transient, rename);
                (Retirement::Renamed, renamed.await.map(drop))
            }
            (_, None) => {
                image.set_hidden(true);
                let hide = || client.commit(&image);
                let hidden =
                    retry.call("the hiding of an old image", ClientError::is_transient, hide);
                (Retirement::Hidden, hidden.await.map(drop))
            }
        };
        match done {
            Ok(()) | Err(ClientError::NotFound(_)) => Ok(how),
            Err(error) => Err(error),
        }
    }

    /// Returns the new names of the old images, in their order: with the creation time, and with the start of
    /// the id if that name is in use.
    async fn names_of_old(&self, old: &[Image]) -> Result<Vec<String>, ClientError> {
        let plain: Vec<String> = old.iter().map(|image| dated(self.name(), image)).collect();
        let mut taken: Vec<String> = Vec::new();
        for name in &plain {
            let mut query = ImageQuery::default().with("name", name);
            if let Some(project) = &self.existing.project {
                query = query.with("owner", project);
            }
            let client = &self.target.client;
            let asking = || client.images(&query).try_collect::<Vec<Image>>();
            let retry = self.options.retry.for_small_calls();
            let found =
                retry.call("the search for names", ClientError::is_transient, asking).await?;
            if found.iter().any(|image| image.name() == Some(name)) {
                taken.push(name.clone());
            }
        }
        let mut names: Vec<String> = Vec::new();
        for (name, image) in plain.into_iter().zip(old) {
            let is_taken = taken.contains(&name) || names.contains(&name);
            let start = image.id().split('-').next().unwrap_or_default();
            names.push(if is_taken { format!("{name}-{start}") } else { name });
        }
        Ok(names)
    }
}

/// Returns `NAME-YYYYMMDDTHHMMSSZ`.
fn dated(name: &str, image: &Image) -> String {
    let made = image.created_at().unwrap_or_default();
    let made: String = made.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{name}-{made}")
}
