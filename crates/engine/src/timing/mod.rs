//! Where the time of a push goes, and what would help.
//!
//! Each part of a push records its times with a [`Stopwatch`]: one is the pass's, which all targets share,
//! and there is one for each target. Writers keep tallies of their own and record them a hundred
//! times a second, so what is measured costs a look at the clock and no lock.

mod bottleneck;
mod reader_clock;
mod report;
mod sender_clock;
mod step;
mod stopwatch;
mod timeline;

pub use bottleneck::Bottleneck;
pub(crate) use reader_clock::ReaderWatch;
pub use report::Timing;
pub(crate) use sender_clock::SenderWatch;
pub use step::Stages;
pub(crate) use step::Step;
pub(crate) use stopwatch::Stopwatch;
pub use timeline::Timeline;
