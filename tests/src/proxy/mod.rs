//! A proxy in front of a service, which breaks what passes it when it is told to.
//!
//! Without a word from the test every byte goes on as it came. Faults wait in a queue: a request takes
//! the first one that is meant for it. The first request of a connection is looked at, as the services
//! close behind each answer; what may follow it goes on unseen.
//!
//! It announces small segments and a small window, so that no more than some hundred KiB are on their way
//! when something happens; what a client holds ready itself comes on top.

mod body;
mod exchange;
mod fault;
mod head;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

pub use fault::{Answer, Ending, Fault, Pace, Requests};
use head::Head;

/// A running proxy. Dropping it cuts what passes.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// A request that passed, as far as it has come.
#[derive(Clone)]
#[non_exhaustive]
pub struct Passed {
    /// When its head was there.
    pub at: Instant,
    /// The method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The headers, by lower-case name; secrets are left out.
    pub headers: Vec<(String, String)>,
    /// Bytes of its body that went on to the service, without what frames them.
    pub body_bytes: u64,
    /// The status that the client was sent; none while there is none.
    pub status: Option<u16>,
    /// What was done to it.
    pub fault: Option<Fault>,
}

impl Passed {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A line, as a failed test shows many of them.
impl std::fmt::Debug for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Passed { method, path, body_bytes, status, fault, .. } = self;
        write!(f, "{method} {path}: {body_bytes} bytes, ")?;
        match status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("no answer")?,
        }
        fault.iter().try_for_each(|fault| write!(f, ", {fault:?}"))
    }
}

impl Proxy {
    /// A proxy on a free port of the loopback address, in front of the service at an address such as
    /// `http://127.0.0.1:9292`. The service need not run yet.
    ///
    /// # Panics
    ///
    /// When the address is not of that form, or there is no port.
    #[must_use]
    pub fn before(service: &str) -> Self {
        let host = service.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let service = host.parse().unwrap_or_else(|error| panic!("{service}: {error}"));
        let shared =
            Arc::new(Shared { service, rules: Mutex::default(), journal: Mutex::default() });
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

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Breaks the next of these requests.
    pub fn once(&self, requests: Requests, fault: Fault) {
        self.times(1, requests, fault);
    }

    /// Breaks so many of these requests.
    pub fn times(&self, count: usize, requests: Requests, fault: Fault) {
        lock(&self.shared.rules).push(Rule { requests, fault, left: count });
    }

    /// Breaks all of these requests that no fault before takes.
    pub fn always(&self, requests: Requests, fault: Fault) {
        self.times(usize::MAX, requests, fault);
    }

    /// What passed so far.
    #[must_use]
    pub fn journal(&self) -> Vec<Passed> {
        lock(&self.shared.journal).clone()
    }

    /// The same of some requests only.
    #[must_use]
    pub fn passed(&self, requests: Requests) -> Vec<Passed> {
        let fits = |passed: &Passed| requests.fit(&passed.method, &passed.path);
        self.journal().into_iter().filter(fits).collect()
    }

    /// Waits until the last of these requests has sent so many bytes of its body.
    ///
    /// # Panics
    ///
    /// When that takes longer than half a minute.
    pub fn wait_for(&self, requests: Requests, bytes: u64) {
        let begun = Instant::now();
        while self.passed(requests).last().is_none_or(|passed| passed.body_bytes < bytes) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{:#?}", self.journal());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[derive(Debug)]
struct Shared {
    service: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    journal: Mutex<Vec<Passed>>,
}

#[derive(Debug)]
struct Rule {
    requests: Requests,
    fault: Fault,
    left: usize,
}

impl Shared {
    /// Enters a request into the journal; its number there, and the fault that is meant for it.
    fn begin(&self, head: &Head) -> (usize, Option<Fault>) {
        let fault = self.next_fault(head);
        let mut journal = lock(&self.journal);
        journal.push(Passed {
            at: Instant::now(),
            method: head.method.clone(),
            path: head.path.clone(),
            headers: head.headers.iter().filter(|(name, _)| !is_secret(name)).cloned().collect(),
            body_bytes: 0,
            status: None,
            fault: fault.clone(),
        });
        (journal.len() - 1, fault)
    }

    fn next_fault(&self, head: &Head) -> Option<Fault> {
        let mut rules = lock(&self.rules);
        let at = rules.iter().position(|rule| rule.requests.fit(&head.method, &head.path))?;
        rules[at].left -= 1;
        match rules[at].left {
            0 => Some(rules.remove(at).fault),
            _ => Some(rules[at].fault.clone()),
        }
    }

    /// Changes an entry of the journal.
    fn note(&self, number: usize, change: impl FnOnce(&mut Passed)) {
        change(&mut lock(&self.journal)[number]);
    }
}

fn is_secret(header: &str) -> bool {
    matches!(header, "x-auth-token" | "authorization" | "x-subject-token")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both are inherited by the connections, and keep the buffers between a client and a fault small:
/// Linux sizes the sender's buffer by the segments that fit into it.
fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket2::SockRef::from(&socket).set_tcp_mss(SEGMENT_BYTES)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(128)
}

const RECEIVE_BUFFER_BYTES: u32 = 64 << 10;
/// That of an Ethernet.
const SEGMENT_BYTES: u32 = 1448;

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // A connection that broke before it was accepted harms nobody.
        if let Ok((client, _)) = listener.accept().await {
            tokio::spawn(exchange::serve(client, Arc::clone(&shared)));
        }
    }
}
