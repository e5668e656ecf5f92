//! The ownership protocol: which image records a run may upload to, accept and delete. It is decided from the
//! responses of Glance, without I/O.
//!
//! A *run* is one attempt of one process to upload one image to one project. Runs that upload the same source
//! under the same name use the same ids, one for each number from 0. `push::job` asks [`Ownership::next`] for
//! the next request, and reports the response. The tests explore every interleaving of several runs against a
//! model of Glance. Decision 10 gives the reasons for the rules.

#[cfg(test)]
mod explore;

/// The property of a record whose run has not finished with it. Its value is the token of that run.
pub(crate) const RUN_PROPERTY: &str = "imgpush_run";

/// The next request of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    /// Create the record of this number.
    Create(u32),
    /// Fetch the record of this number.
    Look(u32),
    /// Fetch it after a pause, because another run is working on it.
    LookAgain(u32),
    /// Compare the active image of this number, which another run has created, with the source.
    Compare(u32),
    /// Upload to the record of this run, and compare the image with the source.
    Upload,
    /// Remove [`RUN_PROPERTY`] from the verified image of this run.
    Publish,
    /// Delete the record of this run.
    Delete,
    /// No further request.
    Nothing(End),
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    /// The verified image of this run.
    Own,
    /// The image of this number, which another run has created.
    Theirs(u32),
    /// No image.
    Failed,
}

/// The response of Glance to the creation of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Creation {
    Created,
    /// A record has this id or had it. Glance never accepts an id twice.
    Taken,
}

/// The state of the record of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sight {
    /// There is no record, or none that can become the image: it is deleted, has failed, or belongs to
    /// another project.
    Gone,
    /// This run has created it: it has the token of this run.
    Own,
    /// Another run has created it, and has not finished. `is_idle` is true if the record is `queued`, or
    /// active without being published, for longer than this run waits.
    Unfinished { is_idle: bool },
    /// An active image of another run or another program.
    Active(Publication),
}

/// Whether the run that has created an active image has finished with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Publication {
    /// The image does not have [`RUN_PROPERTY`]: its run does not delete it any more.
    Published,
    /// The image has the property, and has not changed for [`IDLE`].
    Idle,
    /// The image has the property: its run may still delete it in favour of another image.
    Pending,
}

/// After this time without a change, an active image that is not published may be accepted.
pub(crate) const IDLE: std::time::Duration = std::time::Duration::from_secs(3600);
/// A run whose image became active longer ago than this does not delete it in favour of another. It is half of
/// [`IDLE`], so that no other run can have accepted it yet.
pub(crate) const LATEST_WITHDRAWAL: std::time::Duration = std::time::Duration::from_secs(1800);

/// The state of one run in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ownership {
    /// Number of possible ids.
    numbers: u32,
    step: ProtocolStep,
    /// The number of the record of this run.
    own: Option<u32>,
    /// An idle active image, to be accepted if there is no published one.
    idle_image: Option<u32>,
    #[cfg(test)]
    without: Option<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ProtocolStep {
    Create(u32),
    Look(u32),
    Wait(u32),
    Compare(u32),
    Upload,
    /// The image of this run is verified. Look for an equal one.
    LookAtOther(u32),
    CompareOther(u32),
    Publish,
    Delete(Then),
    Over(End),
}

/// What follows after the record of this run is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Then {
    /// Create the record of the next number.
    Create,
    /// End the run.
    End(End),
}

/// A rule of the protocol. For each rule, a test leaves it out and expects the exploration to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// A run uploads only to records that it has created.
    OwnRecordsOnly,
    /// After a lost answer the token decides who created a record.
    TokenDecides,
    /// A record whose data may be complete is deleted only after a comparison that failed.
    CompleteDataStays,
    /// Only published images are accepted, or displace the image of this run.
    PublishedOnly,
    /// A verified image is deleted in favour of a published one of a lower number.
    LowestNumberStays,
    /// An image that became active too long ago is not deleted in favour of another.
    NoLateWithdrawal,
}

impl Ownership {
    /// Creates the state of a run that may use this many numbers; 1 if the id is given.
    pub(crate) fn new(numbers: u32) -> Self {
        Ownership {
            numbers,
            step: ProtocolStep::Create(0),
            own: None,
            idle_image: None,
            #[cfg(test)]
            without: None,
        }
    }

    /// Returns the next request.
    pub(crate) fn next(&self) -> Ask {
        match self.step {
            ProtocolStep::Create(number) => Ask::Create(number),
            ProtocolStep::Look(number) | ProtocolStep::LookAtOther(number) => Ask::Look(number),
            ProtocolStep::Wait(number) => Ask::LookAgain(number),
            ProtocolStep::Compare(number) | ProtocolStep::CompareOther(number) => {
                Ask::Compare(number)
            }
            ProtocolStep::Upload => Ask::Upload,
            ProtocolStep::Publish => Ask::Publish,
            ProtocolStep::Delete(_) => Ask::Delete,
            ProtocolStep::Over(end) => Ask::Nothing(end),
        }
    }

    /// Returns the number of the record of this run.
    pub(crate) fn own(&self) -> Option<u32> {
        self.own
    }

    /// Takes the response to [`Ask::Create`].
    pub(crate) fn created(&mut self, creation: Creation) {
        let ProtocolStep::Create(number) = self.step else { return };
        match creation {
            Creation::Created => self.owns(number),
            Creation::Taken if !self.has(Rule::TokenDecides) => self.owns(number),
            Creation::Taken => self.step = ProtocolStep::Look(number),
        }
    }

    /// Takes the response to [`Ask::Look`] and [`Ask::LookAgain`].
    pub(crate) fn seen(&mut self, sight: Sight) {
        match self.step {
            ProtocolStep::Look(number) | ProtocolStep::Wait(number) => self.found(number, sight),
            ProtocolStep::LookAtOther(number) => match sight {
                Sight::Active(publication) if self.counts(publication) => {
                    self.step = ProtocolStep::CompareOther(number);
                }
                sight => self.look_at_next(number, sight == Sight::Gone),
            },
            _ => {}
        }
    }

    fn counts(&self, publication: Publication) -> bool {
        publication == Publication::Published || !self.has(Rule::PublishedOnly)
    }

    /// Decides about a record that existed before that of this run.
    fn found(&mut self, number: u32, sight: Sight) {
        if let Some(idle) = self.idle_image {
            return self.look_for_published(number, sight, idle);
        }
        match sight {
            Sight::Own => self.owns(number),
            Sight::Unfinished { is_idle: true } if !self.has(Rule::OwnRecordsOnly) => {
                self.owns(number);
            }
            Sight::Gone | Sight::Unfinished { is_idle: true } => self.try_number(number + 1),
            Sight::Active(publication) if self.counts(publication) => {
                self.step = ProtocolStep::Compare(number);
            }
            Sight::Active(Publication::Idle) => {
                self.idle_image = Some(number);
                self.step = ProtocolStep::Look(0);
            }
            Sight::Unfinished { is_idle: false } | Sight::Active(_) => {
                self.step = ProtocolStep::Wait(number);
            }
        }
    }

    /// Accepts an idle image only if no equal one is published. Its run may have decided to delete it in
    /// favour of that one.
    fn look_for_published(&mut self, number: u32, sight: Sight, idle: u32) {
        let is_last = number > idle && sight == Sight::Gone;
        self.step = match sight {
            Sight::Active(Publication::Published) => ProtocolStep::Compare(number),
            _ if is_last || number + 1 >= self.numbers => ProtocolStep::Compare(idle),
            _ => ProtocolStep::Look(number + 1),
        };
    }

    fn owns(&mut self, number: u32) {
        self.own = Some(number);
        self.step = ProtocolStep::Upload;
    }

    /// Continues with the creation of another number, or ends if there is none.
    fn try_number(&mut self, number: u32) {
        self.step = if number < self.numbers {
            ProtocolStep::Create(number)
        } else {
            ProtocolStep::Over(End::Failed)
        };
    }

    /// Takes the result of [`Ask::Compare`].
    pub(crate) fn compared(&mut self, is_same: bool) {
        match (self.step, self.own) {
            (ProtocolStep::Compare(number), _) if is_same => {
                self.step = ProtocolStep::Over(End::Theirs(number));
            }
            (ProtocolStep::Compare(number), _) => match self.idle_image {
                Some(idle) if idle != number => self.step = ProtocolStep::Look(number + 1),
                _ => {
                    self.idle_image = None;
                    self.try_number(number + 1);
                }
            },
            (ProtocolStep::CompareOther(number), Some(_)) if is_same => {
                self.step = ProtocolStep::Delete(Then::End(End::Theirs(number)));
            }
            (ProtocolStep::CompareOther(number), _) => self.look_at_next(number, false),
            _ => {}
        }
    }

    /// The image of this run is active and has the bytes of the source.
    pub(crate) fn verified(&mut self) {
        let Some(own) = self.own else { return };
        self.step = match own {
            _ if !self.has(Rule::LowestNumberStays) => ProtocolStep::Publish,
            0 => ProtocolStep::LookAtOther(1),
            _ => ProtocolStep::LookAtOther(0),
        };
    }

    /// The image of this run became active longer ago than [`LATEST_WITHDRAWAL`]. Must be called before each
    /// request after the verification.
    pub(crate) fn is_too_late(&mut self) {
        let is_withdrawing = matches!(
            self.step,
            ProtocolStep::LookAtOther(_)
                | ProtocolStep::CompareOther(_)
                | ProtocolStep::Delete(Then::End(End::Theirs(_)))
        );
        if is_withdrawing && self.has(Rule::NoLateWithdrawal) {
            self.step = ProtocolStep::Publish;
        }
    }

    /// Continues with the next of the other numbers: those below its own, and those above up to the first
    /// without a record.
    fn look_at_next(&mut self, number: u32, is_gone: bool) {
        let is_above = self.own.is_some_and(|own| number > own);
        let next = if self.own == Some(number + 1) { number + 2 } else { number + 1 };
        self.step = if (is_above && is_gone) || next >= self.numbers {
            ProtocolStep::Publish
        } else {
            ProtocolStep::LookAtOther(next)
        };
    }

    /// The image of this run differs from the source: it will be deleted.
    pub(crate) fn differs(&mut self) {
        self.step = ProtocolStep::Delete(Then::End(End::Failed));
    }

    /// The record of this run does not accept uploads any more. It will be deleted, and the next number is
    /// used.
    pub(crate) fn replace_record(&mut self) {
        self.step = ProtocolStep::Delete(Then::Create);
    }

    /// This run ends without an image. Its record is deleted, unless its data may be complete: then another
    /// run may have accepted the image. An earlier decision is carried out.
    pub(crate) fn give_up(&mut self, may_be_complete: bool) {
        let stays = may_be_complete && self.has(Rule::CompleteDataStays);
        self.step = match (self.step, self.own) {
            (ProtocolStep::Delete(Then::End(_)) | ProtocolStep::Over(_), _) => return,
            (ProtocolStep::Delete(Then::Create), _) => ProtocolStep::Delete(Then::End(End::Failed)),
            (_, Some(_)) if !stays => ProtocolStep::Delete(Then::End(End::Failed)),
            _ => ProtocolStep::Over(End::Failed),
        };
    }

    /// Takes the response to [`Ask::Delete`]. A verified image that cannot be deleted is the result of this
    /// run.
    pub(crate) fn deleted(&mut self, is_deleted: bool) {
        let ProtocolStep::Delete(then) = self.step else { return };
        let own = self.own.unwrap_or_default();
        if is_deleted {
            self.own = None;
        }
        match then {
            Then::Create => self.try_number(own + 1),
            Then::End(End::Theirs(_)) if !is_deleted => self.step = ProtocolStep::Publish,
            Then::End(end) => self.step = ProtocolStep::Over(end),
        }
    }

    /// Takes the response to [`Ask::Publish`].
    pub(crate) fn published(&mut self) {
        self.step = ProtocolStep::Over(End::Own);
    }

    #[cfg(test)]
    fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "the tests leave rules out")]
    fn has(&self, _: Rule) -> bool {
        true
    }
}
