//! `imgpush completions` and `imgpush man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush completions bash > /etc/bash_completion.d/imgpush
  imgpush completions zsh > ~/.zfunc/_imgpush
  imgpush completions fish > ~/.config/fish/completions/imgpush.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  imgpush man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// The folder, which is created if it is missing
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,

    /// Replace existing pages
    #[arg(long)]
    pub(crate) overwrite: bool,
}
