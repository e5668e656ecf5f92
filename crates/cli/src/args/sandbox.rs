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
    /// Require a login, with an identity service in the same process
    ///
    /// The users are demo, demo-reader, other and admin, or those of --users. A clouds.yaml with a
    /// cloud for each of them is written into the folder, and its path is printed.
    #[arg(long)]
    pub(crate) with_keystone: bool,

    /// YAML or JSON file of users and projects; implies --with-keystone
    #[arg(long, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,

    /// Name of a store, the default one first (repeatable) [default: fast, slow]
    #[arg(long = "store", value_name = "NAME")]
    pub(crate) stores: Vec<String>,

    /// Name of a store without random reads (repeatable)
    ///
    /// Glance refuses ranges of images in such a store, as in rbd, swift, s3 and vmware. A name
    /// without a --store is added as the last store.
    #[arg(long = "sequential-store", value_name = "NAME")]
    pub(crate) sequential_stores: Vec<String>,

    /// Host that web-download and locations may reach besides this machine (repeatable)
    #[arg(long = "allow-host", value_name = "HOST")]
    pub(crate) allowed_hosts: Vec<String>,

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
