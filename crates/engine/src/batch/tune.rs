//! Measurement of the settings that suit a machine and a cloud. `imgpush tune` uses [`Tuning`].

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use imgpush_client::Error as ClientError;
use imgpush_source::pool::OVERHEAD_BYTES;
use imgpush_source::{Io, SourceOptions, is_address};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::event::BatchEvent;
use super::options::BatchOptions;
use super::push_task::PushTask;
use super::runner::Batch;
use crate::push::error::{PushError, PushFailure};
use crate::push::options::PushOptions;
use crate::push::target::Target;
use crate::resources::push_chunk_bytes;
use crate::setters::setters;

/// Options of the measurement.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TuneOptions {
    /// Number of pushes for each setting, 2 by default.
    pub rounds: usize,
    /// Maximum number of concurrent images, 16 by default.
    pub most_jobs: NonZeroUsize,
    /// No trial starts after this time; 120 s by default.
    pub max_time: Duration,
    /// The memory limit of the process in bytes.
    pub memory_bytes: u64,
    /// How the source is read; the trials change `io`.
    pub source: SourceOptions,
    /// How images are pushed; the trials set the name.
    pub push: PushOptions,
}

impl Default for TuneOptions {
    fn default() -> Self {
        TuneOptions {
            rounds: 2,
            most_jobs: NonZeroUsize::new(16).expect("it is not zero"),
            max_time: Duration::from_secs(120),
            memory_bytes: 64 << 20,
            source: SourceOptions::default(),
            push: PushOptions::default(),
        }
    }
}

impl TuneOptions {
    setters! {
        /// Sets how often each setting is measured.
        with_rounds(rounds: usize) = rounds;
        /// Sets the maximum number of concurrent images.
        with_most_jobs(most_jobs: NonZeroUsize) = most_jobs;
        /// Sets the time after which no trial starts.
        with_max_time(max_time: Duration) = max_time;
        /// Sets the memory limit of the process in bytes.
        with_memory_bytes(memory_bytes: u64) = memory_bytes;
        /// Sets how the source is read.
        with_source(source: SourceOptions) = source;
        /// Sets how images are pushed.
        with_push(push: PushOptions) = push;
    }
}

/// The settings that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Settings {
    /// Number of concurrent images.
    pub jobs: usize,
    /// Bytes of one buffer; derived from the memory if `None`.
    pub chunk_bytes: Option<usize>,
    /// How files are read.
    pub io: Io,
}

/// Settings and their measured rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial {
    /// The settings.
    pub settings: Settings,
    /// The median rate in bytes per second over all images, from the first request to the last verification.
    pub rate: f64,
    /// The lowest and the highest rate.
    pub range: (f64, f64),
}

/// The result of the measurement. Its JSON is `imgpush tune --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TuneReport {
    /// All trials, in their order.
    pub trials: Vec<Trial>,
    /// The recommended settings: of those within the noise of the fastest, the ones that use the fewest
    /// resources.
    pub recommended: Trial,
    /// The ratio of its rate to that of a single image with default settings.
    pub gain: f64,
    /// Whether all trials ran; `false` if the time limit was reached.
    pub is_complete: bool,
    /// Total bytes sent.
    pub bytes: u64,
    /// Duration in seconds.
    pub seconds: f64,
}

/// Why no settings can be recommended, and which images were left.
#[derive(Debug, thiserror::Error)]
#[error("cannot test settings against {cloud}{}", still_there(left))]
#[non_exhaustive]
pub struct TuneError {
    /// The name of the cloud.
    pub cloud: String,
    /// The cause.
    #[source]
    pub failure: Box<PushFailure>,
    /// Ids of images that could not be deleted.
    pub left: Vec<String>,
}

fn still_there(left: &[String]) -> String {
    if left.is_empty() {
        return String::new();
    }
    format!("; these images could not be deleted: {}", left.join(", "))
}

/// Measures settings against a real target, with images that are deleted afterwards.
///
/// The order is: the number of concurrent images, doubled as long as the rate grows; the size of a buffer;
/// how files are read. Every second round runs in reverse order, so that a target that slows down over time
/// does not penalise the last setting. The images are hidden, and are named `imgpush-tune-…`.
#[derive(Clone, Debug)]
pub struct Tuning {
    target: Target,
    options: TuneOptions,
}

impl Tuning {
    /// Creates a measurement with that target.
    #[must_use]
    pub fn new(target: Target, options: TuneOptions) -> Self {
        Tuning { target, options }
    }

    /// Measures with this source, and calls `told` with each trial.
    ///
    /// # Errors
    ///
    /// Returns a [`TuneError`] as soon as one push fails.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel`: the pushed images are deleted. Dropping the future leaves them.
    pub async fn run(
        &self,
        place: &Path,
        cancel: &CancellationToken,
        told: impl FnMut(&Trial) + Send,
    ) -> Result<TuneReport, TuneError> {
        let start = Instant::now();
        let mut trial_run = TrialRun {
            tuning: self,
            place,
            cancel,
            reported: told,
            start,
            trials: Vec::new(),
            bytes: 0,
            is_complete: true,
            left: Vec::new(),
        };
        let first = Settings { jobs: 1, chunk_bytes: None, io: self.options.source.io };
        match trial_run.all(first).await {
            Ok(recommended) => {
                let base = trial_run.trials.first().map_or(recommended.rate, |trial| trial.rate);
                Ok(TuneReport {
                    gain: recommended.rate / base.max(1.0),
                    recommended,
                    trials: trial_run.trials,
                    is_complete: trial_run.is_complete,
                    bytes: trial_run.bytes,
                    seconds: start.elapsed().as_secs_f64(),
                })
            }
            Err(failure) => Err(TuneError {
                cloud: self.target.cloud().to_owned(),
                failure,
                left: trial_run.left,
            }),
        }
    }
}

struct TrialRun<'a, F> {
    tuning: &'a Tuning,
    place: &'a Path,
    cancel: &'a CancellationToken,
    reported: F,
    start: Instant,
    trials: Vec<Trial>,
    bytes: u64,
    is_complete: bool,
    left: Vec<String>,
}

impl<F: FnMut(&Trial) + Send> TrialRun<'_, F> {
    async fn all(&mut self, first: Settings) -> Result<Trial, Box<PushFailure>> {
        // The first push warms up caches and connections, and does not count.
        self.push(first).await?;
        let mut best = self.measure_all(&[first]).await?.remove(0);
        loop {
            let jobs = best.settings.jobs * 2;
            if jobs > self.tuning.options.most_jobs.get() {
                break;
            }
            let more = Settings { jobs, ..best.settings };
            match self.measure_all(&[more]).await?.pop() {
                Some(trial) if trial.rate > best.rate * NOISE => best = trial,
                _ => break,
            }
        }
        let chunks: Vec<_> = self.chunks(best.settings).collect();
        best = best_setting(best, self.measure_all(&chunks).await?);
        if cfg!(target_os = "linux") && !is_address(self.place) {
            let io = if best.settings.io == Io::Read { Io::Mmap } else { Io::Read };
            best = best_setting(
                best.clone(),
                self.measure_all(&[Settings { io, ..best.settings }]).await?,
            );
        }
        Ok(best)
    }

    /// Returns the other buffer sizes that fit into the memory.
    fn chunks(&self, settings: Settings) -> impl Iterator<Item = Settings> + use<F> {
        let available = self.tuning.options.memory_bytes.saturating_sub(OVERHEAD_BYTES);
        let available = available / settings.jobs as u64;
        let usual = push_chunk_bytes(available, settings.jobs);
        let is_other =
            move |bytes: &usize| *bytes != usual && *bytes as u64 * MIN_BUFFERS <= available;
        let fitting = CHUNKS.into_iter().filter(is_other);
        fitting.map(move |bytes| Settings { chunk_bytes: Some(bytes), ..settings })
    }

    /// Measures each of them for the configured number of rounds, within the time limit.
    async fn measure_all(
        &mut self,
        candidates: &[Settings],
    ) -> Result<Vec<Trial>, Box<PushFailure>> {
        let mut rates = vec![Vec::new(); candidates.len()];
        for round in 0..self.tuning.options.rounds.max(1) {
            let mut order: Vec<usize> = (0..candidates.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for at in order {
                if !self.trials.is_empty() && self.start.elapsed() > self.tuning.options.max_time {
                    self.is_complete = false;
                    break;
                }
                rates[at].push(self.push(candidates[at]).await?);
            }
        }
        let tried = candidates.iter().zip(rates).filter(|(_, rates)| !rates.is_empty());
        let trials: Vec<_> = tried.map(|(settings, rates)| Trial::of(*settings, rates)).collect();
        for trial in &trials {
            (self.reported)(trial);
        }
        self.trials.extend_from_slice(&trials);
        Ok(trials)
    }

    /// Pushes the number of concurrent images that the settings request, and deletes them. Returns bytes per
    /// second.
    async fn push(&mut self, settings: Settings) -> Result<f64, Box<PushFailure>> {
        let options = &self.tuning.options;
        let jobs = NonZeroUsize::new(settings.jobs).unwrap_or(NonZeroUsize::MIN);
        let mut batch = BatchOptions::default()
            .with_jobs(jobs)
            .with_memory_bytes(options.memory_bytes)
            .with_retry(options.push.retry.clone());
        batch.chunk_bytes = settings.chunk_bytes;
        let source = options.source.clone().with_io(settings.io);
        let tasks: Vec<_> = (0..settings.jobs)
            .map(|_| {
                let mut push = options.push.clone();
                push.name = Some(format!("imgpush-tune-{}", uuid::Uuid::new_v4().simple()));
                push.hidden = Some(true);
                PushTask::new(self.place, source.clone(), push)
            })
            .collect();
        let running = Batch::new(batch).to(self.tuning.target.clone()).start(tasks, self.cancel);
        let running = running.expect("a batch without a journal has nothing to open");
        let (ids, failed, seconds) = ended(running).await;
        self.remove(ids.iter().map(|(id, _)| id.as_str())).await;
        match failed {
            Some(error) => Err(error.failure),
            None if self.cancel.is_cancelled() => Err(Box::new(PushFailure::Interrupted)),
            None => {
                let bytes: u64 = ids.iter().map(|(_, bytes)| bytes).sum();
                self.bytes += bytes;
                #[expect(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
                Ok(bytes as f64 / seconds.max(0.001))
            }
        }
    }

    async fn remove<'i>(&mut self, ids: impl Iterator<Item = &'i str>) {
        let (client, retry) = (self.tuning.target.client(), &self.tuning.options.push.retry);
        let removing = ids.map(async |id| {
            let remove = || client.delete_if_exists(id);
            let removed =
                retry.call("the deletion of an image", ClientError::is_transient, remove).await;
            removed.err().map(|_| id.to_owned())
        });
        self.left.extend(join_all(removing).await.into_iter().flatten());
    }
}

/// Returns the ids of the images with their sizes, the first failure, and the seconds until all were
/// verified.
async fn ended(
    mut running: crate::batch::RunningBatch,
) -> (Vec<(String, u64)>, Option<PushError>, f64) {
    let (mut ids, mut failed) = (Vec::new(), None);
    while let Some(event) = running.next().await {
        let BatchEvent::Ended(outcome) = event else { continue };
        for result in outcome.into_pushes() {
            match result {
                Ok(report) => ids.push((report.id, report.size.unwrap_or(0))),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
    }
    (ids, failed, running.summary().seconds)
}

impl Trial {
    fn of(settings: Settings, mut rates: Vec<f64>) -> Self {
        rates.sort_by(f64::total_cmp);
        let range = (rates[0], rates[rates.len() - 1]);
        let (low, high) = (rates[(rates.len() - 1) / 2], rates[rates.len() / 2]);
        Trial { settings, rate: f64::midpoint(low, high), range }
    }
}

/// Returns the earlier setting, unless another one is faster by more than the noise.
fn best_setting(before: Trial, others: Vec<Trial>) -> Trial {
    let fastest = others.into_iter().max_by(|one, other| one.rate.total_cmp(&other.rate));
    match fastest {
        Some(fastest) if fastest.rate > before.rate * NOISE => fastest,
        _ => before,
    }
}

/// Smaller differences are noise on most machines.
const NOISE: f64 = 1.05;

/// Buffer sizes to measure.
const CHUNKS: [usize; 3] = [256 << 10, 1 << 20, 4 << 20];

/// The minimum number of buffers of a push.
const MIN_BUFFERS: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(jobs: usize, rates: &[f64]) -> Trial {
        Trial::of(Settings { jobs, chunk_bytes: None, io: Io::Read }, rates.to_vec())
    }

    #[test]
    fn a_setting_within_the_noise_is_not_recommended() {
        let before = trial(1, &[100.0]);
        assert_eq!(best_setting(before.clone(), vec![trial(2, &[104.0])]), before);
        let faster = vec![trial(2, &[110.0]), trial(4, &[120.0]), trial(8, &[90.0])];
        assert_eq!(best_setting(before.clone(), faster).settings.jobs, 4);
        assert_eq!(best_setting(before.clone(), Vec::new()), before);
    }

    #[test]
    fn a_trial_has_the_median_and_the_range() {
        let trial = trial(1, &[3.0, 1.0, 2.0]);
        assert_eq!((trial.rate, trial.range), (2.0, (1.0, 3.0)));
        assert_eq!(Trial::of(trial.settings, vec![4.0, 1.0]).rate, 2.5);
    }
}
