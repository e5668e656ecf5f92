//! Explores every interleaving of several runs against a model of Glance.
//!
//! Each request is two events: Glance executes it, and its response arrives. Between them every other run may
//! act, and an upload is several events. Once each, a run may crash, be interrupted, be suspended for more
//! than [`IDLE`](super::IDLE), or lose a response; an upload may be cut or damaged. The search visits each
//! state once. It fails with the sequence of events that leads to a violated invariant.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use imgpush_test_support::is_full;

use super::{Ask, Creation, End, Ownership, Publication, Rule, Sight};

/// Enough for each run to fail once.
const NUMBERS: u32 = 5;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    records: Vec<Slot>,
    runs: Vec<Runner>,
    /// Whether a run has not waited for another one that was alive.
    is_hasty: bool,
}

/// An image id. Glance never accepts it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Slot {
    Free,
    Taken(ModelRecord),
    Deleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ModelRecord {
    /// The run that has created it.
    creator: usize,
    has_token: bool,
    data: Data,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Data {
    Queued,
    /// An upload by that run. `is_sent` is true once its last byte is in transit.
    Saving {
        uploader: usize,
        is_sent: bool,
    },
    Active {
        is_right: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Runner {
    protocol: Ownership,
    request: Request,
    life: Life,
    /// Whether the last byte of an upload was sent whose result is unknown.
    may_be_complete: bool,
    /// Whether the run was suspended while its image was active.
    is_late: bool,
    /// The lowest published number at the time of its verification.
    published_before: Option<u32>,
    has_crashed: bool,
    /// Whether the run has crashed, was interrupted or suspended.
    has_fault: bool,
    can_crash: bool,
    can_be_suspended: bool,
    can_lose_an_answer: bool,
    can_fail_an_upload: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Life {
    Alive,
    Suspended,
    /// Crashed, or ended.
    Dead,
}

/// The state of the current request of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Request {
    /// The next request is not executed yet.
    None,
    /// An upload is in progress.
    Uploading,
    /// The last byte is sent.
    Uploaded,
    /// Executed; the response is in transit.
    Answered(Ask, Answer),
    /// Waits until the record differs from this.
    Waiting(u32, Slot),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Answer {
    Creation(Creation),
    Sight(Sight),
    Same(bool),
    /// The result of an upload: a right or a wrong image, or none.
    Upload(Option<bool>),
    Done(bool),
}

impl Runner {
    /// Before each request a run reads its clock.
    fn notice_lateness(&mut self) {
        if self.is_late && self.request == Request::None {
            self.protocol.is_too_late();
        }
    }
}

/// An event of the model.
#[derive(Clone, Copy, Debug)]
struct Event {
    run: usize,
    what: &'static str,
}

/// Receives a possible event, and the change that it makes.
type Happen<'a> = dyn FnMut(&'static str, &dyn Fn(&mut World)) + 'a;

impl World {
    /// A hash that identifies the state. Among millions of states a collision is improbable.
    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// Formats a line of a trace.
    fn line(&self, event: &Event) -> String {
        let Event { run, what } = event;
        let Runner { protocol, request, .. } = &self.runs[*run];
        let records: Vec<_> = self.records.iter().filter(|slot| **slot != Slot::Free).collect();
        format!("run {run} {what}: {:?}, {request:?}; {records:?}\n", protocol.next())
    }

    /// Creates a world with one run for each element; a run may have these faults.
    fn new(runs: &[Faults], without: Option<Rule>) -> Self {
        let runner = |faults: &Faults| Runner {
            protocol: Ownership { without, ..Ownership::new(NUMBERS) },
            request: Request::None,
            life: Life::Alive,
            may_be_complete: false,
            is_late: false,
            published_before: None,
            has_crashed: false,
            has_fault: false,
            can_crash: faults.crash,
            can_be_suspended: faults.suspension,
            can_lose_an_answer: faults.lost_answer,
            can_fail_an_upload: faults.failed_upload,
        };
        World {
            records: vec![Slot::Free; NUMBERS as usize],
            runs: runs.iter().map(runner).collect(),
            is_hasty: false,
        }
    }

    fn slot(&self, number: u32) -> Slot {
        self.records[number as usize]
    }

    fn set(&mut self, number: u32, slot: Slot) {
        self.records[number as usize] = slot;
    }

    /// Returns all possible next events with the resulting worlds.
    fn successors(&self) -> Vec<(Event, World)> {
        let mut all = Vec::new();
        for run in 0..self.runs.len() {
            self.events_of(run, &mut |what, change| {
                let mut next = self.clone();
                change(&mut next);
                all.push((Event { run, what }, next));
            });
        }
        self.late_ends(&mut all);
        all
    }

    /// An upload whose run has ended finishes by itself: complete if its last byte was sent, otherwise cut.
    fn late_ends(&self, all: &mut Vec<(Event, World)>) {
        for (number, slot) in self.records.iter().enumerate() {
            let Slot::Taken(record) = *slot else { continue };
            let Data::Saving { uploader, is_sent } = record.data else { continue };
            let is_open =
                matches!(self.runs[uploader].request, Request::Uploading | Request::Uploaded);
            if is_open && self.runs[uploader].life != Life::Dead {
                continue;
            }
            let mut next = self.clone();
            let data = if is_sent { Data::Active { is_right: true } } else { Data::Queued };
            next.records[number] = Slot::Taken(ModelRecord { data, ..record });
            all.push((Event { run: uploader, what: "its abandoned upload ends" }, next));
        }
    }

    fn events_of(&self, run: usize, happen: &mut Happen<'_>) {
        let runner = &self.runs[run];
        match runner.life {
            Life::Dead => return,
            Life::Suspended => {
                let is_active = runner.protocol.own().is_some_and(|own| {
                    matches!(
                        self.slot(own),
                        Slot::Taken(ModelRecord { data: Data::Active { .. }, .. })
                    )
                });
                happen("wakes", &|world| {
                    let runner = &mut world.runs[run];
                    runner.life = Life::Alive;
                    runner.is_late |= is_active;
                    runner.notice_lateness();
                });
                // A deletion may be in transit already.
                if (&runner.request, runner.protocol.next()) == (&Request::None, Ask::Delete) {
                    self.execute(run, Ask::Delete, happen);
                }
                // The service continues with the data that it has received.
                self.continue_upload(run, happen);
                return;
            }
            Life::Alive => {}
        }
        if runner.can_crash {
            happen("crashes", &|world| {
                let runner = &mut world.runs[run];
                (runner.life, runner.has_crashed, runner.has_fault) = (Life::Dead, true, true);
            });
            happen("is interrupted", &|world| world.interrupt(run));
        }
        if runner.can_be_suspended {
            happen("is suspended", &|world| {
                let runner = &mut world.runs[run];
                (runner.life, runner.can_be_suspended) = (Life::Suspended, false);
                runner.has_fault = true;
            });
        }
        match runner.request {
            Request::None => self.execute(run, runner.protocol.next(), happen),
            Request::Uploading | Request::Uploaded => self.continue_upload(run, happen),
            Request::Waiting(number, before) => {
                if self.slot(number) != before || self.is_settled(number) {
                    self.look(run, number, happen);
                }
            }
            Request::Answered(ask, answer) => {
                happen("gets the answer", &|world| world.deliver(run, answer));
                if runner.can_lose_an_answer {
                    happen("does not get the answer", &|world| {
                        world.lose(run, ask, answer);
                    });
                }
            }
        }
    }

    /// Whether the record of this number has reached its final state.
    fn is_settled(&self, number: u32) -> bool {
        match self.slot(number) {
            Slot::Taken(ModelRecord { data: Data::Saving { .. }, .. }) => false,
            Slot::Taken(ModelRecord { data: Data::Active { .. }, has_token: false, .. }) => true,
            Slot::Taken(_) => self.is_abandoned(number),
            Slot::Free | Slot::Deleted => true,
        }
    }

    /// Whether no run works on the record of this number any more.
    fn is_abandoned(&self, number: u32) -> bool {
        match self.slot(number) {
            Slot::Taken(record) => self.runs[record.creator].life != Life::Alive,
            _ => false,
        }
    }

    /// The user interrupts the run, which cleans up.
    fn interrupt(&mut self, run: usize) {
        let runner = &mut self.runs[run];
        (runner.can_crash, runner.has_fault) = (false, true);
        runner.protocol.give_up(runner.may_be_complete);
        runner.request = Request::None;
    }

    /// Glance returns the record of this number.
    fn look(&self, run: usize, number: u32, happen: &mut Happen<'_>) {
        for sight in self.sights(run, number) {
            happen("Glance shows a record", &|world| {
                let is_alive = !world.is_abandoned(number);
                world.is_hasty |= sight == Sight::Unfinished { is_idle: true } && is_alive;
                world.answer(run, Ask::Look(number), Answer::Sight(sight));
            });
        }
    }

    /// Glance executes the request.
    fn execute(&self, run: usize, ask: Ask, happen: &mut Happen<'_>) {
        let own = self.runs[run].protocol.own();
        match ask {
            Ask::Nothing(_) => happen("ends", &|world| world.runs[run].life = Life::Dead),
            Ask::Look(number) => self.look(run, number, happen),
            Ask::LookAgain(number) => happen("waits", &|world| {
                world.runs[run].request = Request::Waiting(number, world.slot(number));
            }),
            Ask::Create(number) => {
                happen("Glance creates, or refuses", &|world| {
                    let creation = match world.slot(number) {
                        Slot::Free => {
                            let data = Data::Queued;
                            let record = ModelRecord { creator: run, has_token: true, data };
                            world.set(number, Slot::Taken(record));
                            Creation::Created
                        }
                        _ => Creation::Taken,
                    };
                    world.answer(run, ask, Answer::Creation(creation));
                });
            }
            Ask::Compare(number) => {
                let is_same = matches!(
                    self.slot(number),
                    Slot::Taken(ModelRecord { data: Data::Active { is_right: true }, .. })
                );
                happen("compares", &|world| {
                    world.answer(run, ask, Answer::Same(is_same));
                });
            }
            Ask::Upload => {
                let Some(number) = own else { return };
                happen("Glance begins the upload", &|world| match world.slot(number) {
                    Slot::Taken(record) if record.data == Data::Queued => {
                        let data = Data::Saving { uploader: run, is_sent: false };
                        world.set(number, Slot::Taken(ModelRecord { data, ..record }));
                        world.runs[run].request = Request::Uploading;
                    }
                    _ => world.answer(run, ask, Answer::Upload(None)),
                });
            }
            Ask::Delete => {
                let Some(number) = own else { return };
                happen("Glance deletes", &|world| {
                    world.set(number, Slot::Deleted);
                    world.answer(run, ask, Answer::Done(true));
                });
            }
            Ask::Publish => {
                let Some(number) = own else { return };
                happen("Glance publishes", &|world| {
                    if let Slot::Taken(record) = world.slot(number) {
                        world.set(number, Slot::Taken(ModelRecord { has_token: false, ..record }));
                    }
                    world.answer(run, ask, Answer::Done(true));
                });
            }
        }
    }

    /// The upload continues.
    fn continue_upload(&self, run: usize, happen: &mut Happen<'_>) {
        let runner = &self.runs[run];
        let Some(number) = runner.protocol.own() else { return };
        let to = |world: &mut World, data: Data| {
            if let Slot::Taken(record) = world.slot(number) {
                world.set(number, Slot::Taken(ModelRecord { data, ..record }));
            }
        };
        if runner.request == Request::Uploading && runner.life == Life::Alive {
            happen("sends the last byte", &|world| {
                to(world, Data::Saving { uploader: run, is_sent: true });
                let runner = &mut world.runs[run];
                (runner.request, runner.may_be_complete) = (Request::Uploaded, true);
            });
            if runner.can_fail_an_upload {
                happen("its connection breaks", &|world| {
                    to(world, Data::Queued);
                    world.runs[run].can_fail_an_upload = false;
                    world.answer(run, Ask::Upload, Answer::Upload(None));
                });
            }
        }
        if runner.request == Request::Uploaded {
            let is_there = matches!(self.slot(number), Slot::Taken(_));
            let outcomes: &[bool] = match runner.can_fail_an_upload {
                _ if !is_there => &[],
                true => &[true, false],
                false => &[true],
            };
            for &is_right in outcomes {
                happen(
                    if is_right { "Glance stores the data" } else { "Glance damages the data" },
                    &|world| {
                        to(world, Data::Active { is_right });
                        world.runs[run].can_fail_an_upload &= is_right;
                        world.answer(run, Ask::Upload, Answer::Upload(Some(is_right)));
                    },
                );
            }
            if !is_there {
                happen("its record is gone", &|world| {
                    world.answer(run, Ask::Upload, Answer::Upload(None));
                });
            }
        }
    }

    /// What Glance may return to this run for a number. Whether another run is idle depends on how long this
    /// one waits.
    fn sights(&self, run: usize, number: u32) -> Vec<Sight> {
        let Slot::Taken(record) = self.slot(number) else { return vec![Sight::Gone] };
        if record.creator == run && record.has_token {
            return vec![Sight::Own];
        }
        let is_abandoned = self.is_abandoned(number);
        match record.data {
            Data::Queued if is_abandoned => vec![Sight::Unfinished { is_idle: true }],
            Data::Queued => [false, true].map(|is_idle| Sight::Unfinished { is_idle }).into(),
            Data::Saving { .. } => vec![Sight::Unfinished { is_idle: false }],
            Data::Active { .. } if !record.has_token => {
                vec![Sight::Active(Publication::Published)]
            }
            Data::Active { .. } => {
                let publication =
                    if is_abandoned { Publication::Idle } else { Publication::Pending };
                vec![Sight::Active(publication), Sight::Unfinished { is_idle: true }]
            }
        }
    }

    fn answer(&mut self, run: usize, ask: Ask, answer: Answer) {
        self.runs[run].request = Request::Answered(ask, answer);
    }

    /// The run receives the response.
    fn deliver(&mut self, run: usize, answer: Answer) {
        let published = |slot: &Slot| {
            matches!(
                slot,
                Slot::Taken(ModelRecord {
                    has_token: false,
                    data: Data::Active { is_right: true },
                    ..
                })
            )
        };
        let published_before = self.records.iter().position(published);
        let runner = &mut self.runs[run];
        runner.request = Request::None;
        match answer {
            Answer::Creation(creation) => runner.protocol.created(creation),
            Answer::Sight(sight) => runner.protocol.seen(sight),
            Answer::Same(is_same) => runner.protocol.compared(is_same),
            Answer::Upload(Some(true)) => {
                runner.published_before = published_before.and_then(|n| u32::try_from(n).ok());
                runner.protocol.verified();
            }
            Answer::Upload(Some(false)) => runner.protocol.differs(),
            // The run retries with the same record if it still exists, otherwise it ends.
            Answer::Upload(None) => {
                let own = runner.protocol.own();
                let is_there = own.is_some_and(|own| {
                    matches!(self.records[own as usize],
                        Slot::Taken(record) if record.data == Data::Queued)
                });
                if !is_there {
                    runner.protocol.give_up(runner.may_be_complete);
                }
            }
            Answer::Done(is_done) => match runner.protocol.next() {
                Ask::Delete => runner.protocol.deleted(is_done),
                _ => runner.protocol.published(),
            },
        }
        self.runs[run].notice_lateness();
    }

    /// The response is lost: the run repeats the request, or fetches the result of its upload.
    fn lose(&mut self, run: usize, ask: Ask, answer: Answer) {
        let runner = &mut self.runs[run];
        runner.can_lose_an_answer = false;
        match (ask, answer) {
            (Ask::Upload, answer) => self.deliver(run, answer),
            _ => runner.request = Request::None,
        }
    }

    /// The image that a run reports.
    fn reported(&self, run: usize) -> Option<u32> {
        match self.runs[run].protocol.next() {
            Ask::Nothing(End::Own) => self.runs[run].protocol.own(),
            Ask::Nothing(End::Theirs(number)) => Some(number),
            _ => None,
        }
    }

    /// The invariants of every state.
    fn violation(&self) -> Option<String> {
        for run in 0..self.runs.len() {
            let Some(number) = self.reported(run) else { continue };
            let data = match self.slot(number) {
                Slot::Taken(record) => Some(record.data),
                _ => None,
            };
            if data != Some(Data::Active { is_right: true }) {
                return Some(format!("run {run} reported {number}, which is {data:?}"));
            }
            let runner = &self.runs[run];
            let is_own = runner.protocol.own() == Some(number);
            if is_own && !runner.is_late && runner.published_before.is_some_and(|n| n < number) {
                return Some(format!("run {run} kept {number} beside a published lower one"));
            }
        }
        None
    }

    /// The invariants of a final state.
    fn violation_at_the_end(&self) -> Option<String> {
        if let Some(run) = self.runs.iter().position(|runner| runner.life != Life::Dead) {
            return Some(format!("run {run} never ends"));
        }
        let mut right = 0;
        for (number, slot) in self.records.iter().enumerate() {
            let Slot::Taken(ModelRecord { creator, data: Data::Active { is_right }, .. }) = *slot
            else {
                continue;
            };
            right += usize::from(is_right);
            // A run that ends with its own record reports that record; a crashed run reports nothing.
            let Runner { protocol, has_crashed, .. } = &self.runs[creator];
            let is_reported = protocol.own().is_some_and(|own| own as usize == number);
            if !is_right && !has_crashed && !is_reported {
                return Some(format!("{number} is wrong, and no run reports it"));
            }
        }
        let is_without_faults = !self.is_hasty && !self.runs.iter().any(|runner| runner.has_fault);
        (is_without_faults && right > 1).then(|| format!("{right} images"))
    }
}

/// The faults that each run may have, once.
#[derive(Clone, Copy)]
struct Faults {
    crash: bool,
    suspension: bool,
    lost_answer: bool,
    failed_upload: bool,
}

const ALL: Faults =
    Faults { crash: true, suspension: true, lost_answer: true, failed_upload: true };
const NO: Faults =
    Faults { crash: false, suspension: false, lost_answer: false, failed_upload: false };

/// Visits every state. Returns the number of states, or the events that lead to a violated invariant. No
/// event may repeat forever: a state that leads back to itself is a violation too.
fn explore(runs: &[Faults], without: Option<Rule>) -> Result<usize, String> {
    let mut visited = HashSet::new();
    let mut on_path = HashSet::new();
    let start = World::new(runs, without);
    let begin = Event { run: 0, what: "begins" };
    on_path.insert(start.key());
    visited.insert(start.key());
    let next = start.successors();
    let mut path = vec![(begin, start, next)];
    while let Some((_, _, open)) = path.last_mut() {
        let Some((event, world)) = open.pop() else {
            let (_, world, _) = path.pop().unwrap();
            on_path.remove(&world.key());
            continue;
        };
        let trace = |what: &str, path: &[(Event, World, Vec<_>)]| {
            let steps =
                path.iter().map(|(event, world, _)| (event, world)).chain([(&event, &world)]);
            let steps: String = steps.map(|(event, world)| world.line(event)).collect();
            Err(format!("{what}\n{steps}"))
        };
        let key = world.key();
        if on_path.contains(&key) {
            return trace("this can go on for ever", &path);
        }
        if !visited.insert(key) {
            continue;
        }
        let next = world.successors();
        let violation = match next.is_empty() {
            true => world.violation().or_else(|| world.violation_at_the_end()),
            false => world.violation(),
        };
        if let Some(what) = violation {
            return trace(&what, &path);
        }
        on_path.insert(key);
        path.push((event, world, next));
    }
    Ok(visited.len())
}

fn assert_holds(runs: &[Faults]) {
    let states = explore(runs, None).unwrap_or_else(|trace| panic!("{trace}"));
    assert!(states > 10_000, "{states} states are too few to mean anything");
}

#[test]
fn two_runs_never_harm_each_other() {
    assert_holds(&[ALL, ALL]);
}

/// All faults in all runs would result in too many states.
#[test]
fn three_runs_never_harm_each_other() {
    let crash = Faults { crash: true, ..NO };
    let suspension = Faults { suspension: true, ..NO };
    let upload = Faults { lost_answer: true, failed_upload: true, ..NO };
    assert_holds(&[suspension, NO, NO]);
    if is_full() {
        assert_holds(&[suspension, upload, NO]);
        assert_holds(&[suspension, crash, NO]);
        assert_holds(&[suspension, suspension, NO]);
        assert_holds(&[crash, upload, NO]);
        assert_holds(&[ALL, NO, NO]);
    }
}

#[test]
fn every_rule_is_necessary() {
    for rule in [
        Rule::OwnRecordsOnly,
        Rule::TokenDecides,
        Rule::CompleteDataStays,
        Rule::PublishedOnly,
        Rule::LowestNumberStays,
    ] {
        assert!(explore(&[ALL, ALL], Some(rule)).is_err(), "{rule:?} is not needed");
    }
    // This takes a third run that has accepted the image of a suspended run.
    let suspension = Faults { suspension: true, ..NO };
    let rule = Some(Rule::NoLateWithdrawal);
    assert!(explore(&[suspension, suspension, NO], rule).is_err(), "{rule:?} is not needed");
}
