//! A proxy in front of a service, which injects scripted faults into the traffic.
//!
//! By default every byte is forwarded unchanged. Faults wait in a queue: a request takes the first one that
//! matches it. Only the first request of a connection is examined, since the services close the connection
//! after each response; anything after it is forwarded unexamined.
//!
//! It announces small segments and a small receive window, so that at most a few hundred KiB are in transit
//! at the time of a fault, in addition to data that the client itself has buffered.

mod body;
mod exchange;
mod fault;
mod head;
mod shared;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

pub use fault::{Answer, Ending, Fault, Pace, Requests};
pub use shared::Passed;
use shared::{Rule, Shared, lock};

/// A running proxy. Dropping it cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

impl Proxy {
    /// A proxy on a free port of the loopback address, in front of the service at an address such as
    /// `http://127.0.0.1:9292`. The service need not run yet.
    ///
    /// # Panics
    ///
    /// If the address has another form, or no port is free.
    #[must_use]
    pub fn before(service: &str) -> Self {
        let host = service.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let service = host.parse().unwrap_or_else(|error| panic!("{service}: {error}"));
        let shared = Arc::new(Shared::before(service));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(async { listen() }).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Proxy { address, shared, _runtime: runtime }
    }

    /// The address of the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Applies the fault to the next of these requests.
    pub fn once(&self, requests: Requests, fault: Fault) {
        self.times(1, requests, fault);
    }

    /// Applies the fault to the next `count` of these requests.
    pub fn times(&self, count: usize, requests: Requests, fault: Fault) {
        lock(&self.shared.rules).push(Rule { requests, fault, left: count });
    }

    /// Applies the fault to all of these requests that take no earlier fault.
    pub fn always(&self, requests: Requests, fault: Fault) {
        self.times(usize::MAX, requests, fault);
    }

    /// Continues a request that [`Fault::Hold`] stalls, or the next one.
    pub fn resume(&self) {
        self.shared.resumed.notify_one();
    }

    /// The requests so far.
    #[must_use]
    pub fn journal(&self) -> Vec<Passed> {
        lock(&self.shared.journal).clone()
    }

    /// The same for some requests only.
    #[must_use]
    pub fn passed(&self, requests: Requests) -> Vec<Passed> {
        let fits = |passed: &Passed| requests.fit(&passed.method, &passed.path);
        self.journal().into_iter().filter(fits).collect()
    }

    /// Waits until the last of these requests has forwarded this number of bytes of its body.
    ///
    /// # Panics
    ///
    /// If that takes longer than half a minute of polling, or more on a busy machine.
    pub fn wait_for(&self, requests: Requests, bytes: u64) {
        for _ in 0..6000 {
            if self.passed(requests).last().is_some_and(|passed| passed.body_bytes >= bytes) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{:#?}", self.journal());
    }
}

/// Connections inherit both options, which keep the buffers between a client and a fault small: Linux sizes
/// the sender's buffer by the segments that fit into it.
fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket2::SockRef::from(&socket).set_tcp_mss(SEGMENT_BYTES)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(128)
}

const RECEIVE_BUFFER_BYTES: u32 = 64 << 10;
/// The segment size of Ethernet.
const SEGMENT_BYTES: u32 = 1448;

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // A connection may fail before it is accepted.
        if let Ok((client, _)) = listener.accept().await {
            tokio::spawn(exchange::serve(client, Arc::clone(&shared)));
        }
    }
}
