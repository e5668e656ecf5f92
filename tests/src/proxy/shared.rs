//! State shared by the test and the connections: the queued faults, and a journal of requests.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::fault::{Fault, Requests};
use super::head::Head;

/// A request in the journal, with its current state.
#[derive(Clone)]
#[non_exhaustive]
pub struct Passed {
    /// The time when its head was complete.
    pub at: Instant,
    /// The method.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The headers by lower-case name, without secrets.
    pub headers: Vec<(String, String)>,
    /// Bytes of its body that were forwarded to the service, without the framing.
    pub body_bytes: u64,
    /// The status that was sent to the client; none before that.
    pub status: Option<u16>,
    /// The applied fault.
    pub fault: Option<Fault>,
}

impl Passed {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Uses one line, since a failed test prints many of them.
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

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) service: SocketAddr,
    pub(super) rules: Mutex<Vec<Rule>>,
    pub(super) journal: Mutex<Vec<Passed>>,
    /// Notified to continue a held request.
    pub(super) resumed: Notify,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) requests: Requests,
    pub(super) fault: Fault,
    pub(super) left: usize,
}

impl Shared {
    pub(super) fn before(service: SocketAddr) -> Self {
        Shared {
            service,
            rules: Mutex::default(),
            journal: Mutex::default(),
            resumed: Notify::new(),
        }
    }

    /// Adds a request to the journal; returns its number, and the fault that matches it.
    pub(super) fn begin(&self, head: &Head) -> (usize, Option<Fault>) {
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
    pub(super) fn note(&self, number: usize, change: impl FnOnce(&mut Passed)) {
        change(&mut lock(&self.journal)[number]);
    }
}

fn is_secret(header: &str) -> bool {
    matches!(header, "x-auth-token" | "authorization" | "x-subject-token")
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
