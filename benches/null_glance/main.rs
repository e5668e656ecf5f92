//! An image service that discards its data, for measuring clients. `null_glance SIZE:MD5:SHA512…` names
//! the data that it knows; for an upload of one of these sizes it reports the digests given.
//!
//! The kernel drops the bytes of an image without a copy, so the service costs as little as one on the
//! same machine can, and the same for every client. It has the calls of Keystone and Glance that an
//! upload needs, prints its address, and exits when its standard input is closed.
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
            // A client that goes away ends its thread and nothing else.
            std::thread::spawn(move || Connection::new(stream?)?.serve(&service));
        }
    });
    // The benchmark holds the other end.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
