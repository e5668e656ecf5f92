//! The passes over one source, repeated until every [`Participant`] has its result or an error.
//!
//! Called by `push` and `push::stage`. It promises that every participant ends, and that the source is read
//! again only if a participant needs it.

use std::sync::Arc;

use futures_util::future::join_all;
use imgpush_digest::Algorithm;
use imgpush_source::{Chunk, Source, SourceError};
use tokio::time::{Instant, sleep_until, timeout};

use super::branch::Branch;
use super::error::TransferError;
use super::gate::TailGate;
use super::lent::lend;
use super::pass::{Pass, READER_TIMEOUT, SILENCE_TIMEOUT, Slowest};
use crate::convert::StoredView;
use crate::inspect::to_start;
use crate::integrity::Produced;
use crate::integrity::produced::DEFAULT_ALGORITHMS;
use crate::progress::{Phase, Progress};
use crate::resources::TransferResources;
use crate::timing::Stopwatch;

/// What a participant needs from the next pass.
pub(crate) enum Want {
    /// Nothing more.
    Nothing,
    /// The data.
    Data,
    /// The digests: the default ones, and this additional one.
    Digests(Option<Algorithm>),
    /// The digests of what a service has made of the data. That pass follows when no participant needs the
    /// unchanged source.
    View(StoredView, Option<Algorithm>),
}

/// Takes part in passes. A participant that is dropped during a pass keeps a consistent state.
pub(crate) trait Participant: Send {
    /// Returns what it needs from the next pass.
    fn want(&self) -> Want;

    /// Returns the gate of its branch; called once for each pass whose data it needs.
    fn gate(&mut self) -> Option<Box<dyn TailGate>>;

    /// Returns the earliest time of the next pass.
    fn not_before(&self) -> Option<Instant>;

    /// Returns the receiver of progress events of a pass for its digests.
    fn progress(&self) -> &Arc<dyn Progress>;

    /// Receives the data.
    fn take_part(&mut self, branch: Branch) -> impl Future<Output = ()> + Send;

    /// Receives the digests that it needed.
    fn digested(&mut self, produced: &Produced) -> impl Future<Output = ()> + Send;

    /// A pass for its digests has failed with a transient error of the source. The participant retries, or
    /// needs nothing more.
    fn retry_digests(&mut self, error: TransferError) -> impl Future<Output = ()> + Send;

    /// Receives the error that ends it. It needs nothing afterwards.
    fn end(&mut self, error: TransferError) -> impl Future<Output = ()> + Send;
}

/// The resources and policies of the passes.
pub(crate) struct PassContext<'a> {
    pub(crate) resources: &'a TransferResources,
    pub(crate) slowest: Slowest,
    /// Records the times of the passes.
    pub(crate) watch: &'a Arc<Stopwatch>,
}

/// Reads the source as often as the participants need it. The chunks in `head` are read already.
///
/// # Cancel safety
///
/// Dropping the future ends the pass, and aborts the uploads.
pub(crate) async fn run<P: Participant>(
    mut source: Box<dyn Source>,
    mut head: Vec<Chunk>,
    context: &PassContext<'_>,
    participants: &mut [P],
) {
    loop {
        let mut wants: Vec<Want> = participants.iter().map(P::want).collect();
        if wants.iter().all(|want| matches!(want, Want::Nothing)) {
            return;
        }
        let name = source.name().to_owned();
        let outcome = match take_view(&mut wants) {
            None => {
                let head = std::mem::take(&mut head);
                run_pass(source, head, context, participants, &wants).await
            }
            Some(view) => {
                // The inspection may have read the start of the source.
                if !std::mem::take(&mut head).is_empty() {
                    source = match rewound(source).await {
                        Ok(source) => source,
                        Err(error) => return end(participants, &error).await,
                    };
                }
                run_view(view, source, context, participants, &wants).await
            }
        };
        let error = match (outcome.source, outcome.failure) {
            (Some(back), None) => rewind_for_next(back, participants).await,
            (Some(back), Some(error)) if error.is_worth_a_retry() => {
                retry_digests(participants, &wants, &error).await;
                rewind_for_next(back, participants).await
            }
            (_, Some(error)) => Err(error),
            (None, None) => Err(read_only_once(name)),
        };
        let error = match error {
            Ok(back) => {
                source = back;
                continue;
            }
            Err(error) => error,
        };
        return end(participants, &error).await;
    }
}

/// Reads the source, or a view of it, once.
async fn run_pass<P: Participant>(
    source: Box<dyn Source>,
    head: Vec<Chunk>,
    context: &PassContext<'_>,
    participants: &mut [P],
    wants: &[Want],
) -> PassOutcome {
    let gates = participants.iter_mut().zip(wants);
    let gates = gates.filter_map(|(one, want)| matches!(want, Want::Data).then(|| one.gate()));
    let gates = gates.collect();
    let pass = Pass {
        source,
        head,
        pool: context.resources.pool.clone(),
        hashing: context.resources.hashing.clone(),
        algorithms: algorithms(wants),
        needs_digests: wants.iter().any(|want| matches!(want, Want::Digests(_))),
        gates,
        slowest: context.slowest,
        watch: Arc::clone(context.watch),
        silence_timeout: SILENCE_TIMEOUT,
        listeners: listeners(participants, wants),
    };
    run_once(pass, participants, wants).await
}

/// Hashes a view of the source once. A view that cannot be read ends only the participants that needed it.
async fn run_view<P: Participant>(
    view: StoredView,
    source: Box<dyn Source>,
    context: &PassContext<'_>,
    participants: &mut [P],
    wants: &[Want],
) -> PassOutcome {
    let (lent, lender) = lend(source);
    let failure = match view.of(lent).await {
        Ok(viewed) => run_pass(viewed, Vec::new(), context, participants, wants).await.failure,
        Err(error) => Some(error.into()),
    };
    match failure {
        Some(error) if !error.is_worth_a_retry() => {
            let readers = participants.iter_mut().zip(wants);
            let ending = readers.filter_map(|(one, want)| {
                matches!(want, Want::Digests(_)).then(|| one.end(error.clone()))
            });
            join_all(ending).await;
            PassOutcome { source: lender.take(), failure: None }
        }
        failure => PassOutcome { source: lender.take(), failure },
    }
}

async fn end<P: Participant>(participants: &mut [P], error: &TransferError) {
    join_all(unfinished(participants).map(|one| one.end(error.clone()))).await;
}

/// Reduces the needs to those of one pass. If it returns a view, the pass is over that view.
fn take_view(wants: &mut [Want]) -> Option<StoredView> {
    let is_for_views = wants.iter().all(|want| matches!(want, Want::Nothing | Want::View(..)));
    let mut taken = None;
    for want in wants {
        if let Want::View(view, algorithm) = *want {
            let is_now = is_for_views && *taken.get_or_insert(view) == view;
            *want = if is_now { Want::Digests(algorithm) } else { Want::Nothing };
        }
    }
    taken
}

/// The outcome of a pass for all participants. Each keeps its own result.
struct PassOutcome {
    /// `None` if the reader hangs.
    source: Option<Box<dyn Source>>,
    failure: Option<TransferError>,
}

async fn run_once<P: Participant>(
    pass: Pass,
    participants: &mut [P],
    wants: &[Want],
) -> PassOutcome {
    let name = pass.source.name().to_owned();
    let needs_digests = pass.needs_digests;
    let running = match pass.start() {
        Ok(running) => running,
        Err(source) => {
            let failure = Some(SourceError::NoThread { name, source }.into());
            return PassOutcome { source: None, failure };
        }
    };
    let mut branches = running.branches.into_iter();
    let sending =
        participants.iter_mut().zip(wants).filter_map(|(one, want)| match want {
            Want::Data => Some(one.take_part(
                branches.next().expect("one branch for each participant that needs data"),
            )),
            _ => None,
        });
    join_all(sending).await;
    let end = if needs_digests {
        running.end.await.ok()
    } else {
        timeout(READER_TIMEOUT, running.end).await.ok().and_then(Result::ok)
    };
    let Some(end) = end else { return PassOutcome { source: None, failure: None } };
    let failure = match end.result {
        Ok(produced) => {
            let digested = participants.iter_mut().zip(wants).filter_map(|(one, want)| {
                matches!(want, Want::Digests(_)).then(|| one.digested(&produced))
            });
            join_all(digested).await;
            None
        }
        Err(error @ TransferError::Source(_)) => Some(error),
        // The participants know the results of their branches.
        Err(_) => None,
    };
    PassOutcome { source: Some(end.source), failure }
}

async fn retry_digests<P: Participant>(
    participants: &mut [P],
    wants: &[Want],
    error: &TransferError,
) {
    let retrying = participants.iter_mut().zip(wants).filter_map(|(one, want)| {
        matches!(want, Want::Digests(_)).then(|| one.retry_digests(error.clone()))
    });
    join_all(retrying).await;
}

/// Rewinds the source if a participant needs another pass, after the latest of their pauses.
async fn rewind_for_next<P: Participant>(
    mut source: Box<dyn Source>,
    participants: &mut [P],
) -> Result<Box<dyn Source>, TransferError> {
    let times: Vec<_> = unfinished(participants).map(|one| one.not_before()).collect();
    if times.is_empty() {
        return Ok(source);
    }
    if source.rewind().is_none() {
        return Err(read_only_once(source.name().to_owned()));
    }
    if let Some(time) = times.into_iter().flatten().max() {
        sleep_until(time).await;
    }
    tracing::info!(source = source.name(), "reading the source again");
    rewound(source).await
}

async fn rewound(mut source: Box<dyn Source>) -> Result<Box<dyn Source>, TransferError> {
    if source.rewind().is_none() {
        return Err(read_only_once(source.name().to_owned()));
    }
    Ok(to_start(source).await?)
}

fn unfinished<P: Participant>(participants: &mut [P]) -> impl Iterator<Item = &mut P> {
    participants.iter_mut().filter(|one| !matches!(one.want(), Want::Nothing))
}

/// Returns the progress receivers of the participants that need only digests.
fn listeners<P: Participant>(participants: &[P], wants: &[Want]) -> Vec<Arc<dyn Progress>> {
    let hashing =
        participants.iter().zip(wants).filter(|(_, want)| matches!(want, Want::Digests(_)));
    let listeners: Vec<_> = hashing.map(|(one, _)| Arc::clone(one.progress())).collect();
    listeners.iter().for_each(|listener| listener.phase(Phase::Hashing));
    listeners
}

fn read_only_once(name: String) -> TransferError {
    TransferError::ReadOnce { name, source: None }
}

fn algorithms(wants: &[Want]) -> Vec<Algorithm> {
    let mut algorithms = DEFAULT_ALGORITHMS.to_vec();
    for want in wants {
        if let Want::Digests(Some(algorithm)) = want
            && !algorithms.contains(algorithm)
        {
            algorithms.push(*algorithm);
        }
    }
    algorithms
}
