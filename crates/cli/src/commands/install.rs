//! `imgpush completions` and `imgpush man`: what a package installs beside the program.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;

use clap_mangen::Man;

use crate::args::{Args, CompletionsArgs, ManArgs};
use crate::exit_code::{self, Code};
use crate::printer::Printer;

pub(crate) fn completions(args: &CompletionsArgs, printer: &Printer) -> Code {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::cli(), "imgpush", &mut script);
    printer.result_lines(String::from_utf8_lossy(&script).trim_end());
    exit_code::DONE
}

pub(crate) fn man(args: &ManArgs, printer: &Printer) -> Code {
    match write_pages(args) {
        Ok(count) => {
            printer.note(&format!("wrote {count} pages to {}", args.folder.display()));
            exit_code::DONE
        }
        Err(PageError { path, source }) => {
            let exists = source.kind() == std::io::ErrorKind::AlreadyExists;
            let hint = exists.then(|| "use --overwrite to replace existing pages".to_owned());
            let chain = [format!("cannot write {path}"), source.to_string()];
            printer.error(&chain, &Vec::from_iter(hint));
            exit_code::UNEXPECTED
        }
    }
}

struct PageError {
    path: String,
    source: std::io::Error,
}

/// Writes a page for each command and returns their number.
fn write_pages(args: &ManArgs) -> Result<usize, PageError> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| PageError { path, source }
    };
    std::fs::create_dir_all(&args.folder).map_err(failed(&args.folder))?;
    // `image import info` and `image import-info` have one page.
    let mut written = HashSet::new();
    let mut cli = Args::cli();
    // Gives the commands their full names.
    cli.build();
    let mut commands = vec![cli];
    while let Some(command) = commands.pop() {
        let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
        commands.extend(shown.filter(|it| it.get_name() != "help").cloned());
        let man = Man::new(command);
        let path = args.folder.join(man.get_filename());
        if !written.insert(path.clone()) {
            continue;
        }
        let mut page = Vec::new();
        man.render(&mut page).map_err(failed(&path))?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true);
        match args.overwrite {
            true => options.create(true).truncate(true),
            false => options.create_new(true),
        };
        let file = options.open(&path).and_then(|mut file| file.write_all(&page));
        file.map_err(failed(&path))?;
    }
    Ok(written.len())
}
