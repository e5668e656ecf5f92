//! Times of a push: the seconds spent in each stage, and the bottleneck.
//!
//! Each part of a push records its times with a [`Stopwatch`]. All targets share the one of the pass, and
//! each target has its own. Writers keep their own tallies and record them at most 100 times per second, so a
//! measurement reads the clock and takes no lock.

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
