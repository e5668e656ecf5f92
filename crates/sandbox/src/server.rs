//! The server: one request per connection, as with uWSGI, and the faults of connections.

use std::convert::Infallible;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::body_meter::{BodyMeter, cut_off};
use crate::directory::clouds_file;
use crate::error::Error;
use crate::faults::{Fault, Operation, PlannedFault, Scripted};
use crate::options::SandboxOptions;
use crate::request_log::Received;
use crate::response::{Refusal, RequestId, busy_page, finish, proxy_page, refuse};
use crate::routes;
use crate::state::State;

/// A running service. Dropping it stops it.
pub struct Sandbox {
    url: String,
    state: Arc<State>,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
    /// Deleted with its images when the service stops.
    _temporary: Option<tempfile::TempDir>,
}

impl fmt::Debug for Sandbox {
    /// Shows no state, since it contains tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts the service on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] or [`Error::Folder`].
    pub async fn start(options: SandboxOptions) -> Result<Self, Error> {
        let address = options.listen;
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(listen)?);
        let (dir, temporary) = match &options.dir {
            Some(dir) => (dir.clone(), None),
            None => {
                let dir = std::env::temp_dir();
                let temporary = tempfile::tempdir()
                    .map_err(|source| Error::Folder { dir: dir.clone(), source })?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let state = State::open(options, dir.clone(), url.clone())
            .map_err(|source| Error::Folder { dir, source })?;
        let state = Arc::new(state);
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state), stop.clone()));
        Ok(Sandbox { url, state, stop, accepting, _temporary: temporary })
    }

    /// Returns the URL of the image service, without a version.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of the identity service.
    #[must_use]
    pub fn auth_url(&self) -> String {
        format!("{}/v3", self.url)
    }

    /// Writes a `clouds.yaml` into the directory of the service, readable only by its owner: one cloud for each
    /// user and project. Returns its path and the names of the clouds.
    ///
    /// # Errors
    ///
    /// [`Error::Folder`] if the file cannot be written.
    pub fn write_clouds_file(&self) -> Result<(PathBuf, Vec<String>), Error> {
        let auth_url = format!("{}/identity", self.url);
        let (text, names) = clouds_file(&self.state.lock().directory, &auth_url);
        let path = self.state.dir().join("clouds.yaml");
        write_private(&path, &text)
            .map_err(|source| Error::Folder { dir: self.state.dir().to_owned(), source })?;
        Ok((path, names))
    }

    /// Makes the next request of this operation fail. Several faults are used in order, one per request.
    pub fn inject(&self, operation: Operation, fault: Fault) {
        self.plan(PlannedFault { operation, image: None, fault });
    }

    /// Makes the next request of this operation for one image fail, independent of concurrent transfers of
    /// other images.
    ///
    /// `image` is an id or a name. A request that creates an image or lists images has no image.
    pub fn inject_for_image(&self, image: impl Into<String>, operation: Operation, fault: Fault) {
        self.plan(PlannedFault { operation, image: Some(image.into()), fault });
    }

    fn plan(&self, fault: PlannedFault) {
        self.state.lock().faults.push(fault);
    }

    /// Returns the requests received so far, the last 100 000 of them.
    #[must_use]
    pub fn journal(&self) -> Vec<Received> {
        self.state.lock().journal.iter().cloned().collect()
    }

    /// Stops the service and cuts open connections.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // The task ends by the cancellation; a panic in it has been reported already.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Replaces a file by one that only its owner can read.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

async fn accept(listener: TcpListener, state: Arc<State>, stop: CancellationToken) {
    let router = routes::router(Arc::clone(&state));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => {
                // A connection that failed before it was accepted is no error of the service.
                if let Ok((stream, _)) = accepted {
                    let serving = serve(stream, router.clone(), Arc::clone(&state), stop.clone());
                    tokio::spawn(serving);
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, router: Router, state: Arc<State>, stop: CancellationToken) {
    let cut = CancellationToken::new();
    let service = service_fn(|request| {
        let (router, state, cut) = (router.clone(), Arc::clone(&state), cut.clone());
        async move { Ok::<_, Infallible>(handle(router, state, cut, request).await) }
    });
    let connection =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        // Dropping the connection with unread data resets it.
        () = cut.cancelled() => {}
        () = stop.cancelled() => {}
        // A client that has disconnected is not reported.
        _ = connection => {}
    }
}

async fn handle(
    router: Router,
    state: Arc<State>,
    cut: CancellationToken,
    request: Request<Incoming>,
) -> Response {
    let operation = Operation::of(request.method(), request.uri().path());
    let request_id = RequestId::new();
    let mut entry = LogEntry::new(&state, &request);
    let mut request = request.map(Body::new);
    let mut fault = state.next_fault(operation, request.uri().path());
    let accept: HeaderMap = request
        .headers()
        .get(header::ACCEPT)
        .map(|a| (header::ACCEPT, a.clone()))
        .into_iter()
        .collect();
    let instead = match fault {
        Some(Fault::Status { status, after }) => {
            read(request.body_mut(), after, &entry.meter).await;
            Some(proxy_page(status))
        }
        Some(Fault::StatusJson { status, after }) => {
            read(request.body_mut(), after, &entry.meter).await;
            Some(refuse(status, "Something has gone wrong, as it was told to.").respond(&accept))
        }
        Some(Fault::Busy(pause)) => Some(busy_page(pause)),
        _ => None,
    };
    if let Some(mut response) = instead {
        finish(&mut response, &request_id);
        entry.received.status = Some(response.status().as_u16());
        return response;
    }
    match fault {
        // The handlers of data cut the connection at the exact byte themselves.
        Some(Fault::DropAfter(_))
            if !matches!(operation, Some(Operation::Upload | Operation::Stage)) =>
        {
            cut_off(&cut).await;
        }
        Some(Fault::ExpireToken) => {
            state.lock().tokens.clear();
            fault = None;
        }
        _ => {}
    }
    request.extensions_mut().insert(Scripted(fault.clone()));
    request.extensions_mut().insert(request_id.clone());
    request.extensions_mut().insert(cut.clone());
    request.extensions_mut().insert(entry.meter.clone());
    let mut response = routes::respond(router, request).await;
    if let Some(refusal) = response.extensions().get::<Refusal>() {
        let refused = refusal.respond(&accept);
        let (mut parts, body) = refused.into_parts();
        // Keeps headers from the handler, such as a challenge; the body, and so its length, is another.
        response.headers_mut().remove(header::CONTENT_LENGTH);
        parts.headers.extend(response.headers_mut().drain().filter_map(|(n, v)| Some((n?, v))));
        response = Response::from_parts(parts, body);
    }
    match fault {
        Some(Fault::DropAnswer) => cut_off(&cut).await,
        Some(Fault::StatusAfter(status)) => response = proxy_page(status),
        Some(Fault::SlowAnswer(pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    finish(&mut response, &request_id);
    entry.received.status = Some(response.status().as_u16());
    response
}

/// Reads at least this many bytes of a body, or all of it.
async fn read(body: &mut Body, bytes: u64, meter: &BodyMeter) {
    while meter.bytes() < bytes {
        match body.frame().await {
            Some(Ok(frame)) => meter.add(frame.data_ref().map_or(0, bytes::Bytes::len)),
            _ => return,
        }
    }
}

/// The log entry of a request, written when the request ends in any way.
struct LogEntry<'a> {
    state: &'a State,
    received: Received,
    meter: BodyMeter,
}

impl<'a> LogEntry<'a> {
    fn new<B>(state: &'a State, request: &Request<B>) -> Self {
        let secret =
            |name: &str| matches!(name, "x-auth-token" | "authorization" | "x-subject-token");
        let headers = request.headers().iter();
        let headers = headers.filter(|(name, _)| !secret(name.as_str())).map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let received = Received {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: headers.collect(),
            body_bytes: 0,
            largest_piece: 0,
            status: None,
        };
        LogEntry { state, received, meter: BodyMeter::default() }
    }
}

impl Drop for LogEntry<'_> {
    fn drop(&mut self) {
        let mut received = self.received.clone();
        received.body_bytes = self.meter.bytes();
        received.largest_piece = self.meter.largest_piece();
        self.state.lock().log(received);
    }
}
