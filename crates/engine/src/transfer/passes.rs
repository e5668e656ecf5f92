//! Readings of one source, until all who take part have what they want, or cannot get it.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use imgpush_digest::Algorithm;
use tokio::time::{Instant, sleep_until, timeout};

use crate::progress::{Phase, Progress};
use crate::push::format_check::Claim;
use crate::resources::Workbench;
use crate::timing::Stopwatch;
use crate::transfer::pass::{
    LONGEST_SILENCE, Produced, READER_TIMEOUT, Reading, Slowest, Stop, Tap,
};
use crate::transfer::upload::ALWAYS;
use imgpush_source::Source;
use imgpush_source::SourceError;
use imgpush_source::off_runtime;

/// What somebody wants of the next reading.
pub(crate) enum Want {
    /// Nothing any more.
    Nothing,
    /// The bytes, if they are what is claimed.
    Data(Option<Claim>),
    /// The digests: those of all readings, and this one where it is another.
    Digests(Option<Algorithm>),
}

/// Why there is no other reading.
#[derive(Clone)]
pub(crate) enum Over {
    /// The source failed.
    Source(Arc<SourceError>),
    /// The source of this name cannot be read again.
    NoWayBack(String),
}

/// Takes part in readings. What it does it does to itself: when it is dropped in the middle, it knows how
/// far it is.
pub(crate) trait Participant: Send {
    /// What it wants of the next reading.
    fn want(&self) -> Want;

    /// When it wants that.
    fn not_before(&self) -> Option<Instant>;

    /// Who hears how far a reading is that is for its digests.
    fn progress(&self) -> &Arc<dyn Progress>;

    /// Gets the data.
    fn take_part(&mut self, tap: Tap) -> impl Future<Output = ()> + Send;

    /// Gets the digests that it wanted.
    fn digested(&mut self, produced: &Produced) -> impl Future<Output = ()> + Send;

    /// Hears that it gets no more; wants nothing afterwards.
    fn end(&mut self, over: Over) -> impl Future<Output = ()> + Send;
}

/// What readings are made with.
pub(crate) struct Means<'a> {
    pub(crate) bench: &'a Workbench,
    pub(crate) slowest: Slowest,
    /// What the times of the readings are written down with.
    pub(crate) watch: &'a Arc<Stopwatch>,
}

/// Reads the source, of which the chunks in `head` are read already, as often as it takes.
///
/// # Cancel safety
///
/// Dropping the future ends the reading, and cuts what is being sent.
pub(crate) async fn run<P: Participant>(
    mut source: Box<dyn Source>,
    mut head: Vec<Bytes>,
    means: &Means<'_>,
    participants: &mut [P],
) {
    loop {
        let wants: Vec<Want> = participants.iter().map(P::want).collect();
        if wants.iter().all(|want| matches!(want, Want::Nothing)) {
            return;
        }
        let name = source.name().to_owned();
        let reading = Reading {
            source,
            head: std::mem::take(&mut head),
            pool: means.bench.pool.clone(),
            hashing: means.bench.hashing.clone(),
            algorithms: algorithms(&wants),
            is_to_the_end: wants.iter().any(|want| matches!(want, Want::Digests(_))),
            claims: wants.iter().filter_map(claim).collect(),
            slowest: means.slowest,
            watch: Arc::clone(means.watch),
            longest_silence: LONGEST_SILENCE,
            listeners: listeners(participants, &wants),
        };
        let over = match read_once(reading, participants, &wants).await {
            Ok(back) => match back {
                Some(back) => match again(back, participants).await {
                    Ok(back) => {
                        source = back;
                        continue;
                    }
                    Err(over) => over,
                },
                None => Over::NoWayBack(name),
            },
            Err(over) => over,
        };
        join_all(unsatisfied(participants).map(|one| one.end(over.clone()))).await;
        return;
    }
}

/// Reads once. Gives the source back, unless its reader hangs.
async fn read_once<P: Participant>(
    reading: Reading,
    participants: &mut [P],
    wants: &[Want],
) -> Result<Option<Box<dyn Source>>, Over> {
    let name = reading.source.name().to_owned();
    let is_to_the_end = reading.is_to_the_end;
    let failed = |source| Over::Source(Arc::new(SourceError::Read { name, at: 0, source }));
    let flow = reading.start().map_err(failed)?;
    let mut taps = flow.taps.into_iter();
    let sending = participants.iter_mut().zip(wants).filter_map(|(one, want)| match want {
        Want::Data(_) => Some(one.take_part(taps.next().expect("a tap for each who wants data"))),
        _ => None,
    });
    join_all(sending).await;
    let end = if is_to_the_end {
        flow.end.await.ok()
    } else {
        timeout(READER_TIMEOUT, flow.end).await.ok().and_then(Result::ok)
    };
    let Some(end) = end else { return Ok(None) };
    match end.result {
        Ok(produced) => {
            let digested = participants.iter_mut().zip(wants).filter_map(|(one, want)| {
                matches!(want, Want::Digests(_)).then(|| one.digested(&produced))
            });
            join_all(digested).await;
            Ok(Some(end.source))
        }
        Err(Stop::Source(error)) => Err(Over::Source(error)),
        Err(Stop::Unwanted | Stop::TooSlow | Stop::Claim(_)) => Ok(Some(end.source)),
    }
}

/// The source at its start, when all who want it again can have it.
async fn again<P: Participant>(
    mut source: Box<dyn Source>,
    participants: &mut [P],
) -> Result<Box<dyn Source>, Over> {
    let times: Vec<_> = unsatisfied(participants).map(|one| one.not_before()).collect();
    if times.is_empty() {
        return Ok(source);
    }
    if source.rewind().is_none() {
        return Err(Over::NoWayBack(source.name().to_owned()));
    }
    if let Some(time) = times.into_iter().flatten().max() {
        sleep_until(time).await;
    }
    tracing::info!(source = source.name(), "reading again");
    off_runtime(move || {
        let way_back = source.rewind().expect("it had one a moment ago");
        way_back.to_start().map_err(|error| Over::Source(Arc::new(error)))?;
        Ok(source)
    })
    .await
}

fn unsatisfied<P: Participant>(participants: &mut [P]) -> impl Iterator<Item = &mut P> {
    participants.iter_mut().filter(|one| !matches!(one.want(), Want::Nothing))
}

/// Those for whom a reading is nothing but hashing, which is told to them.
fn listeners<P: Participant>(participants: &[P], wants: &[Want]) -> Vec<Arc<dyn Progress>> {
    let hashing =
        participants.iter().zip(wants).filter(|(_, want)| matches!(want, Want::Digests(_)));
    let listeners: Vec<_> = hashing.map(|(one, _)| Arc::clone(one.progress())).collect();
    listeners.iter().for_each(|listener| listener.phase(Phase::Hashing));
    listeners
}

fn claim(want: &Want) -> Option<Option<Claim>> {
    match want {
        Want::Data(claim) => Some(claim.clone()),
        _ => None,
    }
}

fn algorithms(wants: &[Want]) -> Vec<Algorithm> {
    let mut algorithms = ALWAYS.to_vec();
    for want in wants {
        if let Want::Digests(Some(algorithm)) = want
            && !algorithms.contains(algorithm)
        {
            algorithms.push(*algorithm);
        }
    }
    algorithms
}
