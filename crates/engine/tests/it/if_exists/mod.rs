//! What is there already is not made again, and what is to take its place does so whole; against the sandbox.

mod ids;
mod modes;
mod others;
mod published;
mod records;
mod replacing;
mod scene;
