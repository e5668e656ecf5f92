//! `imgpush sandbox`.

use std::time::Duration;

use imgpush_sandbox::{Error as SandboxError, Sandbox, SandboxOptions, Users};

use crate::args::SandboxArgs;
use crate::exit_code::{self, Code};
use crate::printer::Printer;
use crate::{interrupt, output, threads};

pub(crate) async fn run(args: &SandboxArgs, printer: &Printer) -> Code {
    if let Err(error) = threads::for_sandbox() {
        printer.error(&[error], &[]);
        return exit_code::UNEXPECTED;
    }
    let options = match options(args) {
        Ok(options) => options,
        Err(error) => {
            refuse(printer, &error);
            return exit_code::USAGE;
        }
    };
    let with_login = options.require_token;
    let stop = interrupt::token(printer);
    let sandbox = match Sandbox::start(options).await {
        Ok(sandbox) => sandbox,
        Err(error) => {
            refuse(printer, &error);
            return exit_code::UNEXPECTED;
        }
    };
    let clouds = match with_login.then(|| sandbox.write_clouds_file()).transpose() {
        Ok(clouds) => clouds,
        Err(error) => {
            refuse(printer, &error);
            sandbox.shutdown().await;
            return exit_code::UNEXPECTED;
        }
    };
    if !args.listen.ip().is_loopback() {
        printer.note(&format!(
            "warning: {} is reachable from other machines; the service is for tests only",
            sandbox.url()
        ));
    }
    for (operation, fault) in &args.faults {
        sandbox.inject(*operation, fault.clone());
    }
    printer.result(sandbox.url());
    printer.note("The image service runs until Ctrl-C. In another terminal:");
    match &clouds {
        None => {
            let url = sandbox.url();
            printer.note(&format!("    OS_AUTH_TYPE=none OS_ENDPOINT={url} imgpush push FILE"));
        }
        Some((path, names)) => {
            let first = names.first().map_or("NAME", String::as_str);
            // The other terminal may be in another folder.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            printer.note(&format!("    export OS_CLIENT_CONFIG_FILE={}", path.display()));
            printer.note(&format!("    imgpush push --os-cloud {first} FILE"));
            printer.note(&format!("Clouds in that file: {}", names.join(", ")));
        }
    }
    stop.cancelled().await;
    sandbox.shutdown().await;
    exit_code::DONE
}

fn options(args: &SandboxArgs) -> Result<SandboxOptions, SandboxError> {
    let mut options = SandboxOptions::default()
        .with_listen(args.listen)
        .with_allowed_hosts(&args.allowed_hosts)
        .with_sequential_stores(&args.sequential_stores);
    if !args.stores.is_empty() || !args.sequential_stores.is_empty() {
        let mut stores = args.stores.clone();
        if stores.is_empty() {
            stores.clone_from(&options.stores);
        }
        let more = args.sequential_stores.iter().filter(|store| !args.stores.contains(store));
        stores.extend(more.cloned());
        options = options.with_stores(stores);
    }
    if let Some(dir) = &args.dir {
        options = options.with_dir(dir);
    }
    if args.with_keystone || args.users.is_some() {
        options = options.with_tokens(TOKEN_LIFETIME);
    }
    if let Some(users) = &args.users {
        options = options.with_users(Users::read(users)?);
    }
    Ok(options)
}

/// The lifetime of a token: the default of Keystone.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

fn refuse(printer: &Printer, error: &SandboxError) {
    let hint = match error {
        SandboxError::Listen { .. } => {
            "use another address with --listen, or port 0 for any free port"
        }
        SandboxError::Users { .. } => {
            "--users needs a YAML or JSON file such as: users: [{name: demo, password: X, project: demo}]"
        }
        _ => "--dir needs a folder that imgpush can write to",
    };
    printer.error(&output::chain(error), &[hint.to_owned()]);
}
