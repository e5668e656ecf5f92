//! An image service that discards its data, for measuring clients. The arguments `null_glance
//! SIZE:MD5:SHA512…` define known data; after an upload of one of these sizes the service reports the given
//! digests.
//!
//! The kernel discards the bytes of an image without a copy. So the service has the minimum cost on the same
//! machine, and the same cost for every client. It has the calls of Keystone and Glance that an upload needs,
//! prints its address, and exits when its standard input is closed.
#![expect(clippy::print_stdout, reason = "its address is its output")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

mod connection;
mod message;
mod service;

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;

use connection::Connection;
use service::Service;

fn main() {
    let known: Vec<String> = std::env::args().skip(1).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    println!("{url}");
    let service = Arc::new(Service::new(url, &known));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let service = Arc::clone(&service);
            // A client that disconnects only ends its own thread.
            std::thread::spawn(move || Connection::new(stream?)?.serve(&service));
        }
    });
    // The benchmark holds the other end.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
