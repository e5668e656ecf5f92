//! Resolution of host names.

use std::net::ToSocketAddrs as _;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

/// Resolves names with the system's resolver, each on a thread of its own. The resolver of the HTTP library
/// uses a thread of the async runtime, which panics or waits endlessly when the system starts no more
/// threads.
#[derive(Debug)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let (done, found) = oneshot::channel();
            std::thread::Builder::new().name("imgpush-resolve".into()).spawn(move || {
                // The caller may have been dropped in the meantime.
                let _ = done.send((name.as_str(), 0).to_socket_addrs());
            })?;
            let addresses: Addrs = Box::new(found.await??);
            Ok(addresses)
        })
    }
}
