//! Which settings suit a machine and a cloud, found by trying them.

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

/// How settings are tried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TuneOptions {
    /// How often each of them, 2 by default.
    pub rounds: usize,
    /// The most images at a time, 16 by default.
    pub most_jobs: NonZeroUsize,
    /// No other trial when so much time has gone, two minutes by default.
    pub max_time: Duration,
    /// Bytes of memory that the process should stay within.
    pub memory_bytes: u64,
    /// How the source is read, but for what is tried.
    pub source: SourceOptions,
    /// How images are pushed, but for their names.
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
        /// Sets how often each setting is tried.
        with_rounds(rounds: usize) = rounds;
        /// Sets the most images at a time.
        with_most_jobs(most_jobs: NonZeroUsize) = most_jobs;
        /// Sets the time after which there is no other trial.
        with_max_time(max_time: Duration) = max_time;
        /// Sets the bytes of memory that the process should stay within.
        with_memory_bytes(memory_bytes: u64) = memory_bytes;
        /// Sets how the source is read.
        with_source(source: SourceOptions) = source;
        /// Sets how images are pushed.
        with_push(push: PushOptions) = push;
    }
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Settings {
    /// Images at a time.
    pub jobs: usize,
    /// Bytes of one buffer; what suits the memory when none.
    pub chunk_bytes: Option<usize>,
    /// How files are read.
    pub io: Io,
}

/// Settings that were tried, and how fast they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial {
    /// What was tried.
    pub settings: Settings,
    /// Bytes a second over all images, from the first call to the last proof; the median.
    pub rate: f64,
    /// The slowest and the fastest time.
    pub range: (f64, f64),
}

/// What came of it. Its JSON is `imgpush tune --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TuneReport {
    /// All that was tried, in that order.
    pub trials: Vec<Trial>,
    /// What to use: of those that are as fast as the fastest, but for the noise, the one that takes least.
    pub recommended: Trial,
    /// How many times as fast that is as what is used without any setting for one image.
    pub gain: f64,
    /// Whether all was tried that was to be; else the time was over.
    pub is_complete: bool,
    /// Bytes that were sent in all.
    pub bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// Why nothing can be recommended, and what it has left.
#[derive(Debug, thiserror::Error)]
#[error("trying settings in {cloud} failed{}", still_there(left))]
#[non_exhaustive]
pub struct TuneError {
    /// The cloud.
    pub cloud: String,
    /// What failed.
    #[source]
    pub failure: Box<PushFailure>,
    /// Ids of images that could not be removed.
    pub left: Vec<String>,
}

fn still_there(left: &[String]) -> String {
    if left.is_empty() {
        return String::new();
    }
    format!("; these images could not be removed: {}", left.join(", "))
}

/// Tries settings against a real target, with images that are removed again.
///
/// More images at a time first, as long as that is faster; then the size of a buffer; then how files are
/// read. Each round goes the other way round than the one before, so that a target that becomes slower is
/// not held against what comes last. The images are hidden, and called `imgpush-tune-…`.
#[derive(Clone, Debug)]
pub struct Tuning {
    target: Target,
    options: TuneOptions,
}

impl Tuning {
    /// Trials with that target.
    #[must_use]
    pub fn new(target: Target, options: TuneOptions) -> Self {
        Tuning { target, options }
    }

    /// Tries with this source, and tells of each trial.
    ///
    /// # Errors
    ///
    /// [`TuneError`] as soon as one push fails.
    ///
    /// # Cancel safety
    ///
    /// Cancel through `cancel`: images that were pushed are removed. Dropping the future leaves those.
    pub async fn run(
        &self,
        place: &Path,
        cancel: &CancellationToken,
        told: impl FnMut(&Trial) + Send,
    ) -> Result<TuneReport, TuneError> {
        let start = Instant::now();
        let mut course = TrialCourse {
            tuning: self,
            place,
            cancel,
            told,
            start,
            trials: Vec::new(),
            bytes: 0,
            is_complete: true,
            left: Vec::new(),
        };
        let first = Settings { jobs: 1, chunk_bytes: None, io: self.options.source.io };
        match course.all(first).await {
            Ok(recommended) => {
                let base = course.trials.first().map_or(recommended.rate, |trial| trial.rate);
                Ok(TuneReport {
                    gain: recommended.rate / base.max(1.0),
                    recommended,
                    trials: course.trials,
                    is_complete: course.is_complete,
                    bytes: course.bytes,
                    seconds: start.elapsed().as_secs_f64(),
                })
            }
            Err(failure) => {
                Err(TuneError { cloud: self.target.cloud().to_owned(), failure, left: course.left })
            }
        }
    }
}

struct TrialCourse<'a, F> {
    tuning: &'a Tuning,
    place: &'a Path,
    cancel: &'a CancellationToken,
    told: F,
    start: Instant,
    trials: Vec<Trial>,
    bytes: u64,
    is_complete: bool,
    left: Vec<String>,
}

impl<F: FnMut(&Trial) + Send> TrialCourse<'_, F> {
    async fn all(&mut self, first: Settings) -> Result<Trial, Box<PushFailure>> {
        // The first push warms up caches and connections, and does not count.
        self.push(first).await?;
        let mut best = self.try_all(&[first]).await?.remove(0);
        loop {
            let jobs = best.settings.jobs * 2;
            if jobs > self.tuning.options.most_jobs.get() {
                break;
            }
            let more = Settings { jobs, ..best.settings };
            match self.try_all(&[more]).await?.pop() {
                Some(trial) if trial.rate > best.rate * NOISE => best = trial,
                _ => break,
            }
        }
        let chunks: Vec<_> = self.chunks(best.settings).collect();
        best = thriftiest(best, self.try_all(&chunks).await?);
        if cfg!(target_os = "linux") && !is_address(self.place) {
            let io = if best.settings.io == Io::Read { Io::Mmap } else { Io::Read };
            best =
                thriftiest(best.clone(), self.try_all(&[Settings { io, ..best.settings }]).await?);
        }
        Ok(best)
    }

    /// Other sizes of a buffer, as far as there is memory for them.
    fn chunks(&self, settings: Settings) -> impl Iterator<Item = Settings> + use<F> {
        let room = self.tuning.options.memory_bytes.saturating_sub(OVERHEAD_BYTES);
        let room = room / settings.jobs as u64;
        let usual = push_chunk_bytes(room, settings.jobs);
        let is_other =
            move |bytes: &usize| *bytes != usual && *bytes as u64 * LEAST_BUFFERS <= room;
        let fitting = CHUNKS.into_iter().filter(is_other);
        fitting.map(move |bytes| Settings { chunk_bytes: Some(bytes), ..settings })
    }

    /// Tries each of them so often as was asked for; those for which there was time.
    async fn try_all(&mut self, candidates: &[Settings]) -> Result<Vec<Trial>, Box<PushFailure>> {
        let mut rates = vec![Vec::new(); candidates.len()];
        for round in 0..self.tuning.options.rounds.max(1) {
            let mut turn: Vec<usize> = (0..candidates.len()).collect();
            if round % 2 == 1 {
                turn.reverse();
            }
            for at in turn {
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
            (self.told)(trial);
        }
        self.trials.extend_from_slice(&trials);
        Ok(trials)
    }

    /// Pushes as many images at a time as these settings say, and removes them; bytes a second.
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
            let removed = retry.call("removing an image", ClientError::is_transient, remove).await;
            removed.err().map(|_| id.to_owned())
        });
        self.left.extend(join_all(removing).await.into_iter().flatten());
    }
}

/// The images with their bytes, the first failure, and the seconds until all were proved.
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

/// What was there before, unless another is faster by more than the noise.
fn thriftiest(before: Trial, others: Vec<Trial>) -> Trial {
    let fastest = others.into_iter().max_by(|one, other| one.rate.total_cmp(&other.rate));
    match fastest {
        Some(fastest) if fastest.rate > before.rate * NOISE => fastest,
        _ => before,
    }
}

/// Less than that is noise on most machines.
const NOISE: f64 = 1.05;

/// Sizes of a buffer that differ where any do.
const CHUNKS: [usize; 3] = [256 << 10, 1 << 20, 4 << 20];

/// As few as a push can do with.
const LEAST_BUFFERS: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(jobs: usize, rates: &[f64]) -> Trial {
        Trial::of(Settings { jobs, chunk_bytes: None, io: Io::Read }, rates.to_vec())
    }

    #[test]
    fn what_is_hardly_faster_is_not_recommended() {
        let before = trial(1, &[100.0]);
        assert_eq!(thriftiest(before.clone(), vec![trial(2, &[104.0])]), before);
        let faster = vec![trial(2, &[110.0]), trial(4, &[120.0]), trial(8, &[90.0])];
        assert_eq!(thriftiest(before.clone(), faster).settings.jobs, 4);
        assert_eq!(thriftiest(before.clone(), Vec::new()), before);
    }

    #[test]
    fn a_trial_is_its_median_with_the_range() {
        let trial = trial(1, &[3.0, 1.0, 2.0]);
        assert_eq!((trial.rate, trial.range), (2.0, (1.0, 3.0)));
        assert_eq!(Trial::of(trial.settings, vec![4.0, 1.0]).rate, 2.5);
    }
}
