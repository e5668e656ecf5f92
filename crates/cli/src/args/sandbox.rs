//! `imgpush sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use imgpush_sandbox::{Fault, Operation};

#[derive(Debug, Args)]
#[command(after_help = "Example, in two terminals:
  imgpush sandbox --listen 127.0.0.1:9292 --fault upload:drop-after=1048576
  OS_AUTH_TYPE=none OS_ENDPOINT=http://127.0.0.1:9292 imgpush push disk.qcow2")]
pub(crate) struct SandboxArgs {
    /// Where images are kept; they are still there at the next start
    ///
    /// Without it they go to a temporary folder and are removed at the end.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: Option<PathBuf>,

    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9292")]
    pub(crate) listen: SocketAddr,

    /// Go wrong once, as OPERATION:FAULT; repeat for more, each for the next such request
    ///
    /// Operations: any, token, create, show, list, update, delete, upload, download, stage, import,
    /// tasks, members, tags, locations, stores, cache, usage, schema. Faults: drop-after=BYTES,
    /// forget=BYTES, stall=BYTES,SECONDS, status=CODE, status-json=CODE, busy=SECONDS,
    /// corrupt-byte=OFFSET, wrong-hash, expire-token, import-fails, import-slow=SECONDS and more; the
    /// documentation of imgpush-sandbox names all.
    #[arg(long = "fault", value_name = "OPERATION:FAULT", value_parser = fault)]
    pub(crate) faults: Vec<(Operation, Fault)>,
}

fn fault(text: &str) -> Result<(Operation, Fault), String> {
    let (operation, fault) = text.split_once(':').ok_or("expected OPERATION:FAULT")?;
    Ok((
        operation.parse().map_err(|error| format!("{operation}: {error}"))?,
        fault.parse().map_err(|error| format!("{fault}: {error}"))?,
    ))
}
