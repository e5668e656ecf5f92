//! Resolution of host names.

use std::net::ToSocketAddrs as _;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::blocking::off_runtime;

/// Resolves names with the system's resolver, each on a thread of its own. The resolver of the HTTP library
/// uses a thread of the async runtime, which panics when the system starts no more threads.
#[derive(Debug)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = off_runtime(move || (name.as_str(), 0).to_socket_addrs()).await??;
            let addresses: Addrs = Box::new(found);
            Ok(addresses)
        })
    }
}
