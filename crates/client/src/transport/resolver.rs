//! Names of hosts.

use std::net::ToSocketAddrs as _;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// Looks names up by the system, each on a thread of its own. The resolver of the library takes a thread of the
/// async runtime, which panics, or waits for ever, when the system starts no more of them.
#[derive(Debug)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let (done, found) = oneshot::channel();
            std::thread::Builder::new().name("imgpush-resolve".into()).spawn(move || {
                // The caller may have been dropped meanwhile.
                let _ = done.send((name.as_str(), 0).to_socket_addrs());
            })?;
            let addresses: Addrs = Box::new(found.await??);
            Ok(addresses)
        })
    }
}
