//! `imgpush sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use imgpush_sandbox::{Fault, Operation};

use super::heading;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::SANDBOX)]
#[command(after_help = "\
Example, in two terminals:
  imgpush sandbox --fault upload:drop-after=1048576

  OS_AUTH_TYPE=none OS_ENDPOINT=http://127.0.0.1:9292 \\
    imgpush push disk.qcow2")]
pub(crate) struct SandboxArgs {
    /// Folder for images, which is kept [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,

    /// Address to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9292")]
    pub(crate) listen: SocketAddr,

    /// Fault for the next request of this operation (repeatable)
    ///
    /// Operations: any, token, create, show, list, update, delete, upload, download, stage, import,
    /// tasks, members, tags, locations, stores, cache, usage, schema. Faults: drop-after=BYTES,
    /// forget=BYTES, stall=BYTES,SECONDS, status=CODE, status-json=CODE, busy=SECONDS,
    /// corrupt-byte=OFFSET, wrong-hash, expire-token, import-fails, import-slow=SECONDS and others.
    /// The documentation of imgpush-sandbox lists all.
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
