//! The tasks of a push: one for each file and each format of its image.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use imgpush_client::Error as ClientError;
use imgpush_engine::checksum::Expected;
use imgpush_engine::source::{self, Source, SourceOptions};
use imgpush_engine::{Conversion, PushTask, SourceError, Target};

use super::clouds::shown;
use crate::args::{OutputKind, PushArgs};

/// A format of an image. Some of the clouds get the image in it.
#[derive(Clone)]
pub(super) struct Variant {
    /// None to leave the image as it is.
    format: Option<OutputKind>,
    conversion: Option<Conversion>,
}

impl Variant {
    /// The variants that these clouds get, in the order of the clouds.
    pub(super) fn of<'c>(args: &PushArgs, clouds: impl Iterator<Item = &'c str>) -> Vec<Self> {
        let mut variants: Vec<Variant> = Vec::new();
        for format in clouds.map(|cloud| args.format_for(cloud)) {
            if variants.iter().all(|variant| variant.format != format) {
                variants.push(Variant { format, conversion: format.map(|to| args.conversion(to)) });
            }
        }
        variants
    }
}

/// How sources are opened.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) options: SourceOptions,
    pub(super) expected: Expected,
}

impl Open {
    pub(super) async fn open(
        &self,
        place: &Path,
        variant: &Variant,
    ) -> Result<Box<dyn Source>, SourceError> {
        let source = self.expected.of(source::open(place, &self.options).await?)?;
        match &variant.conversion {
            Some(conversion) => conversion.source(source).await,
            None => Ok(source),
        }
    }
}

/// What the tasks have in common.
pub(super) struct Tasks<'a> {
    pub(super) args: &'a PushArgs,
    pub(super) open: Open,
    pub(super) variants: &'a [Variant],
    /// The clouds, with the error of those whose login failed.
    pub(super) clouds: Vec<(String, Result<Target, Arc<ClientError>>)>,
}

impl Tasks<'_> {
    /// The tasks of these files: for each file, one for each variant. `first` is the source of the first task if
    /// it is open already.
    pub(super) fn of(&self, files: &[PathBuf], first: Option<Box<dyn Source>>) -> Vec<PushTask> {
        let mut first = first;
        let pairs =
            files.iter().flat_map(|file| self.variants.iter().map(move |variant| (file, variant)));
        pairs.map(|(file, variant)| self.task(file, variant, first.take())).collect()
    }

    fn task(&self, file: &Path, variant: &Variant, source: Option<Box<dyn Source>>) -> PushTask {
        let (open, place, variant_of_task) = (self.open.clone(), file.to_owned(), variant.clone());
        let opening = async move || match source {
            Some(source) => Ok(source),
            None => open.open(&place, &variant_of_task).await,
        };
        let mut task = PushTask::opened_by(shown(file), self.args.options(), || opening().boxed());
        for (cloud, target) in &self.clouds {
            if self.args.format_for(cloud) == variant.format {
                task = match target {
                    Ok(target) => task.to(target.clone()),
                    Err(error) => task.to_unreached(cloud, Arc::clone(error)),
                };
            }
        }
        task.via(self.args.target.via(file))
    }
}
