//! An image service that discards its data, for measuring clients. The arguments `null_glance [--tls FILE]
//! SIZE:MD5:SHA512:PATH…` define known data; after an upload of one of these sizes the service reports the
//! given digests, and a download gets the bytes of that file. With `--tls` it uses TLS, and writes its
//! certificate to a file.
//!
//! The kernel discards the bytes of an image without a copy. So the service has the minimum cost on the same
//! machine, and the same cost for every client. It has the calls of Keystone and Glance that an upload needs,
//! prints its address, and exits when its standard input is closed.
#![expect(clippy::print_stdout, reason = "its address is its output")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

mod connection;
mod message;
mod service;
mod transport;

use std::io::{Read as _, Result};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use connection::Connection;
use rustls::ServerConfig;
use service::Service;

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let tls = (arguments.first().map(String::as_str) == Some("--tls")).then(|| {
        let (tls, certificate) = transport::tls();
        std::fs::write(&arguments[1], certificate).unwrap();
        arguments.drain(..2);
        tls
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = match tls {
        Some(_) => format!("https://localhost:{port}"),
        None => format!("http://127.0.0.1:{port}"),
    };
    println!("{url}");
    let service = Arc::new(Service::new(url, &arguments));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (service, tls) = (Arc::clone(&service), tls.clone());
            // A client that disconnects only ends its own thread.
            std::thread::spawn(move || serve(stream?, tls.as_ref(), &service));
        }
    });
    // The benchmark holds the other end.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn serve(stream: TcpStream, tls: Option<&Arc<ServerConfig>>, service: &Service) -> Result<()> {
    stream.set_nodelay(true)?;
    let stream = match tls {
        Some(tls) => transport::accept(tls, stream)?,
        None => Box::new(stream),
    };
    Connection::new(stream).serve(service)
}
