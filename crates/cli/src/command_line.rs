//! The command line of this process, for reports.

use std::path::Path;

use imgpush_engine::source::shown;

/// The command line of this process. Addresses are shown without their secrets.
pub(crate) fn command_line() -> String {
    let mut arguments = std::env::args_os();
    arguments.next();
    let word = |argument: std::ffi::OsString| {
        let text = shown(Path::new(&argument)).to_string_lossy().into_owned();
        let is_plain = |c: char| c.is_alphanumeric() || "-_=./:@%+,".contains(c);
        match !text.is_empty() && text.chars().all(is_plain) {
            true => text,
            false => format!("'{}'", text.replace('\'', "'\\''")),
        }
    };
    let words = std::iter::once("imgpush".to_owned()).chain(arguments.map(word));
    words.collect::<Vec<_>>().join(" ")
}
