//! `imgpush sandbox`.

use imgpush_sandbox::{Error as SandboxError, Sandbox, SandboxOptions};

use crate::args::SandboxArgs;
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{interrupt, output, threads};

pub(crate) async fn run(args: &SandboxArgs, printer: &Printer) -> Code {
    if let Err(error) = threads::for_sandbox() {
        printer.error(&[error], &[]);
        return exit_code::UNEXPECTED;
    }
    let mut options = SandboxOptions::default().with_listen(args.listen);
    if let Some(dir) = &args.dir {
        options = options.with_dir(dir);
    }
    let stop = interrupt::token(printer);
    let sandbox = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            let hint = match error {
                SandboxError::Listen { .. } => {
                    "use another address with --listen, or port 0 for any free port"
                }
                _ => "--dir needs a folder that imgpush can write to",
            };
            printer.error(&output::chain(&error), &[hint.to_owned()]);
            return exit_code::UNEXPECTED;
        }
    };
    for (operation, fault) in &args.faults {
        sandbox.inject(*operation, fault.clone());
    }
    printer.result(sandbox.url());
    printer.note("The image service runs until Ctrl-C. In another terminal:");
    printer.note(&format!("    OS_AUTH_TYPE=none OS_ENDPOINT={} imgpush push FILE", sandbox.url()));
    stop.cancelled().await;
    sandbox.shutdown().await;
    exit_code::DONE
}
