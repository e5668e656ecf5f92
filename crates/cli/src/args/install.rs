//! `imgpush completions` and `imgpush man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::heading;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  imgpush completions bash > /etc/bash_completion.d/imgpush
  imgpush completions zsh > ~/.zfunc/_imgpush
  imgpush completions fish > ~/.config/fish/completions/imgpush.fish")]
pub(crate) struct CompletionsArgs {
    /// Shell to complete for
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  imgpush man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Folder for the pages; it is created if missing
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// Replace existing pages; without it, they are an error
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) overwrite: bool,
}
