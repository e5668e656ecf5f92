//! The plan of an upload: the attributes of the record, and whether the service accepts them. It needs no
//! record.
//!
//! The job calls it with the first inspection of the source.

use std::sync::Arc;

use imgpush_client::ImageSchema;
use imgpush_formats::{Inspection, ServerVerdict};
use tracing::Instrument as _;

use super::state::{JobStage, JobStep, Prepared, Seen, Unprepared, UploadJob};
use crate::progress::Phase;
use crate::push::error::PushFailure;
use crate::push::format_check::{Claim, Examined, GateVerdict};
use crate::push::preflight;
use crate::push::service::CapabilityQuery;
use crate::push::target::Stores;

impl UploadJob<'_> {
    /// Takes the result of the first inspection. Prepares the job, unless the source has to be compared with
    /// existing images first.
    pub(crate) async fn inspected(&mut self, seen: &Seen) {
        let span = self.span();
        let mut comparison = match &mut self.stage {
            JobStage::Uninspected(comparison) => comparison.take(),
            _ => return,
        };
        if let Some(open) = comparison.as_mut().filter(|open| !open.is_for_id_only()) {
            if self.may_be_converted() {
                open.inspected(&seen.inspection, self.source_facts.size);
            }
            if open.is_for_id_only() {
                comparison = match self.plan_new_image(None).instrument(span.clone()).await {
                    Ok(comparison) => comparison,
                    Err(failure) => return self.fail(failure).instrument(span).await,
                };
            }
        }
        let step = match comparison {
            Some(comparison) if !comparison.is_for_id_only() => {
                self.stage = JobStage::Unprepared(Unprepared { seen: seen.clone(), comparison });
                return;
            }
            Some(comparison) => JobStep::PendingComparison(comparison),
            None => JobStep::first(&self.target.via),
        };
        let preparing = async {
            match self.prepare(seen, step).await {
                // The preflight of other targets may still be in progress.
                Ok(()) => self.watch.enter(None),
                Err(failure) => self.fail(failure).await,
            }
        };
        preparing.instrument(span).await;
    }

    /// Decides the attributes of the record, and queries the service for all that is known without a record:
    /// formats, stores, imports, quotas.
    pub(super) async fn prepare(&mut self, seen: &Seen, step: JobStep) -> Result<(), PushFailure> {
        self.enter(Phase::Preflight);
        let client = &self.target.client;
        let (options, source_facts) = (self.options, self.source_facts);
        let (asked, container) = (options.disk_format.as_deref(), &*options.container_format);
        let asking = CapabilityQuery { service: &self.service, client, retry: &options.retry };
        let unknown = ImageSchema::default();
        let schema = asking.schema().await?.or_note("the formats were", &mut self.notes);
        let schema = schema.unwrap_or(&unknown);
        preflight::check_formats(client.base().as_str(), schema, asked, container)?;
        let settings = preflight::settings(&options.image_format, schema);
        let disk_format = match asked {
            Some(asked) => asked.to_owned(),
            None => Claim::recognise(&seen.inspection, container, &settings, options.force_format)?,
        };
        let claim = Claim {
            disk_format,
            container_format: container.to_owned(),
            settings,
            is_forced: options.force_format,
            is_stream: source_facts.size.is_none(),
            is_implied: asked.is_none(),
            file_name: source_facts.file_name.clone(),
        };
        let verdict = claim.check(&seen.inspection, seen.is_complete)?;
        self.image.set_disk_format(&claim.disk_format);
        let inspected = || min_disk(&claim, &seen.inspection, &verdict);
        if let Some(gib) = options.min_disk.or_else(inspected) {
            self.image.set_min_disk(gib);
        }
        if let Stores::These(stores) = &self.target.stores
            && let Some(offers) = asking.stores().await?.or_note("the stores were", &mut self.notes)
        {
            preflight::check_stores(client, stores, offers)?;
        }
        if let Some(import) = self.target.import().or_else(|| self.target.copies())
            && let Some(offers) =
                asking.imports().await?.or_note("the import methods were", &mut self.notes)
        {
            preflight::check_import(client, import.method().name(), offers)?;
        }
        let inspection = Arc::clone(&seen.inspection);
        let share = asking.reserve_quota(source_facts.size, &mut self.notes).await?;
        let examined = Examined { inspection, verdict };
        let verdict = GateVerdict::default();
        let prepared = Prepared { claim, examined, share, step, verdict };
        self.stage = JobStage::Prepared(Box::new(prepared));
        Ok(())
    }
}

/// The `min_disk` in GiB that the disk in the image needs, if the image is a disk. The largest of several
/// sizes counts; a number that does not fit into the field of the service is left out.
fn min_disk(claim: &Claim, inspection: &Inspection, verdict: &ServerVerdict) -> Option<u64> {
    let is_disk = !matches!(&*claim.disk_format, "iso" | "aki" | "ari");
    let inspected =
        inspection.virtual_size.filter(|_| is_disk && claim.container_format == "bare")?;
    let bytes = verdict.virtual_size().map_or(inspected, |predicted| predicted.max(inspected));
    Some(bytes.div_ceil(GIB)).filter(|&gib| i32::try_from(gib).is_ok())
}

const GIB: u64 = 1 << 30;
