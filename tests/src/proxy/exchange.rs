//! One request to the service and its response.

use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{Duration, sleep, timeout};

use super::body::Framing;
use super::fault::{Ending, Fault, Pace};
use super::head::{Head, end_of_head};
use super::shared::Shared;

/// Serves one connection.
pub(super) async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let Some((head, rest)) = Head::read(&mut client).await else { return };
    let (number, fault) = shared.begin(&head);
    let entry = Entry { shared: &shared, number };
    if let Some(Fault::Refuse { after, answer, ending }) = &fault {
        let left = after.saturating_sub(rest.len() as u64);
        // A client that disconnects in the meantime gets no response.
        let _ = tokio::io::copy(&mut (&mut client).take(left), &mut tokio::io::sink()).await;
        entry.answered(answer.status);
        let _ = client.write_all(&answer.bytes()).await;
        return end(client, *ending).await;
    }
    // If the service is not running, the connection is closed.
    let Ok(mut service) = TcpStream::connect(shared.service).await else { return };
    if head.send(&mut service).await.is_err() {
        return;
    }
    let framing = Framing::of(head.header("content-length"), head.header("transfer-encoding"));
    let body = Body { framing, held: rest, passed: 0, entry };
    Exchange { client, service, body }.run(fault.unwrap_or(Fault::None)).await;
}

/// A request whose head was forwarded.
struct Exchange<'a> {
    client: TcpStream,
    service: TcpStream,
    body: Body<'a>,
}

impl Exchange<'_> {
    async fn run(mut self, fault: Fault) {
        match fault {
            Fault::None => self.relay(None, None).await,
            Fault::SlowBody(pace) => self.relay(Some(pace), None).await,
            Fault::SlowAnswer(pace) => self.relay(None, Some(pace)).await,
            Fault::Stall { after, lasting } => {
                self.forward(after).await;
                sleep(lasting).await;
                self.relay(None, None).await;
            }
            Fault::Hold { after } => {
                self.forward(after).await;
                self.body.entry.shared.resumed.notified().await;
                self.relay(None, None).await;
            }
            Fault::Cut { after, ending } => {
                self.forward(after).await;
                self.end(ending).await;
            }
            Fault::Answer { after, answer, ending } => {
                self.forward(after).await;
                self.answer(answer.status, &answer.bytes()).await;
                self.end(ending).await;
            }
            Fault::Refuse { .. } => unreachable!("its head has not gone on"),
            Fault::Lose(ending) => {
                self.real_answer().await;
                self.end(ending).await;
            }
            Fault::Replace(answer) => {
                self.real_answer().await;
                self.answer(answer.status, &answer.bytes()).await;
                self.end(Ending::Fin).await;
            }
            Fault::Rewrite(changes) => {
                let answer = self.real_answer().await;
                self.answer(status(&answer), &rewritten(&answer, &changes)).await;
                self.end(Ending::Fin).await;
            }
            Fault::Twice => {
                let answer = self.real_answer().await;
                self.answer(status(&answer), &[&answer[..], &answer].concat()).await;
                self.end(Ending::Fin).await;
            }
        }
    }

    /// Forwards everything until the response is complete or the client has disconnected.
    async fn relay(&mut self, body_pace: Option<Pace>, answer_pace: Option<Pace>) {
        let entry = self.body.entry;
        let (mut from_client, mut to_client) = self.client.split();
        let (mut from_service, mut to_service) = self.service.split();
        let upwards = async {
            let (from, to) = (&mut from_client, &mut to_service);
            match self.body.forward(from, to, u64::MAX, body_pace).await {
                // The response of the service ends the exchange.
                Moved::ServiceGone => std::future::pending().await,
                Moved::ClientGone => {}
                Moved::All => self.body.pass_on(from, to).await,
            }
        };
        let downwards = async {
            let mut buffer = vec![0; answer_pace.map_or(PIECE_BYTES, |pace| pace.bytes)];
            while let Ok(count @ 1..) = from_service.read(&mut buffer).await {
                entry.answered(status(&buffer[..count]));
                if to_client.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
                pause_after_piece(answer_pace).await;
            }
        };
        tokio::select! {
            () = upwards => {}
            () = downwards => {}
        }
    }

    /// Forwards this number of bytes of the body, or all of it.
    async fn forward(&mut self, bytes: u64) {
        let (mut from, _) = self.client.split();
        let (_, mut to) = self.service.split();
        self.body.forward(&mut from, &mut to, bytes, None).await;
    }

    /// Forwards the body, and receives the complete response.
    async fn real_answer(&mut self) -> Vec<u8> {
        self.forward(u64::MAX).await;
        let mut answer = Vec::new();
        // A reset after the response removes nothing of it.
        let _ = self.service.read_to_end(&mut answer).await;
        answer
    }

    async fn answer(&mut self, status: Option<u16>, bytes: &[u8]) {
        self.body.entry.answered(status);
        // The client may have disconnected.
        let _ = self.client.write_all(bytes).await;
    }

    async fn end(self, ending: Ending) {
        tokio::join!(end(self.service, ending), end(self.client, ending));
    }
}

/// The part of a request's body that was not forwarded yet.
struct Body<'a> {
    framing: Framing,
    /// Bytes that were received and not forwarded yet.
    held: Vec<u8>,
    /// Bytes of data that were forwarded.
    passed: u64,
    entry: Entry<'a>,
}

/// The result of forwarding a body.
enum Moved {
    /// The requested part was forwarded.
    All,
    ClientGone,
    ServiceGone,
}

impl Body<'_> {
    /// Forwards the first `limit` bytes of data, as far as they arrive.
    async fn forward(
        &mut self,
        from: &mut ReadHalf<'_>,
        to: &mut WriteHalf<'_>,
        limit: u64,
        pace: Option<Pace>,
    ) -> Moved {
        let mut buffer = vec![0; pace.map_or(PIECE_BYTES, |pace| pace.bytes)];
        while !self.framing.is_over() && self.passed < limit {
            if self.held.is_empty() {
                match from.read(&mut buffer).await {
                    Ok(count @ 1..) => self.held.extend_from_slice(&buffer[..count]),
                    _ => return Moved::ClientGone,
                }
            }
            let there = &self.held[..self.held.len().min(buffer.len())];
            let (wire, data) = self.framing.take(there, limit - self.passed);
            if to.write_all(&self.held[..wire]).await.is_err() {
                return Moved::ServiceGone;
            }
            self.held.drain(..wire);
            self.passed += data;
            self.entry.sent(self.passed);
            pause_after_piece(pace).await;
        }
        Moved::All
    }

    /// Forwards the bytes after the body, until the client disconnects.
    async fn pass_on(&mut self, from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>) {
        loop {
            if to.write_all(&self.held).await.is_err() {
                return std::future::pending().await;
            }
            self.held.clear();
            if !matches!(from.read_buf(&mut self.held).await, Ok(1..)) {
                return;
            }
        }
    }
}

/// The journal entry of a request.
#[derive(Clone, Copy)]
struct Entry<'a> {
    shared: &'a Shared,
    number: usize,
}

impl Entry<'_> {
    fn sent(self, bytes: u64) {
        self.shared.note(self.number, |passed| passed.body_bytes = bytes);
    }

    /// The first status is recorded.
    fn answered(self, status: Option<u16>) {
        self.shared.note(self.number, |passed| passed.status = passed.status.or(status));
    }
}

/// Ends a connection. A client that does not close its side is abandoned after a time-out.
async fn end(mut stream: TcpStream, ending: Ending) {
    match ending {
        Ending::Fin => {
            let draining = async {
                stream.shutdown().await?;
                tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
            };
            // Any end of the connection is accepted.
            let _ = timeout(LINGER, draining).await;
        }
        // If the option is not supported, unread data causes the reset.
        Ending::Reset => _ = stream.set_zero_linger(),
    }
}

async fn pause_after_piece(pace: Option<Pace>) {
    if let Some(pace) = pace {
        sleep(pace.pause).await;
    }
}

/// The status in the first bytes of a response.
fn status(bytes: &[u8]) -> Option<u16> {
    let line = bytes.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// A response with other values in its JSON; a response without JSON stays unchanged.
fn rewritten(answer: &[u8], changes: &[(&'static str, Value)]) -> Vec<u8> {
    let Some(end) = end_of_head(answer) else { return answer.to_vec() };
    let Ok(mut json) = serde_json::from_slice::<Value>(&answer[end..]) else {
        return answer.to_vec();
    };
    for (key, value) in changes {
        json[key] = value.clone();
    }
    let json = json.to_string();
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines: Vec<&str> = head.trim_end().lines().collect();
    lines.retain(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
    let length = format!("Content-Length: {}", json.len());
    lines.push(&length);
    format!("{}\r\n\r\n{json}", lines.join("\r\n")).into_bytes()
}

/// Small, so that a fault happens close to its byte.
const PIECE_BYTES: usize = 16 << 10;
const LINGER: Duration = Duration::from_secs(2);
