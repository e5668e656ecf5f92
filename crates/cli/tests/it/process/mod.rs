//! The program as a process: where its output goes, what signals do, and what it may have of the system.

#[cfg(target_os = "linux")]
mod full_disk;
mod hostile_names;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod threads;
