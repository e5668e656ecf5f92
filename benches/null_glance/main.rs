//! An image service that drops what it gets, for measuring those who send: `null_glance SIZE:MD5:SHA512…`
//! names the data that it knows, and of data of such a size it says that it has arrived whole.
//!
//! The kernel drops the bytes of an image without handing them over, so the service costs as little as
//! one on the same machine can, and everybody the same. It knows as much of Keystone and Glance as
//! uploading takes, prints its address, and ends with its standard input.
#![expect(clippy::print_stdout, reason = "its address is the one thing it says")]
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

mod answers;
mod connection;

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::Arc;

use answers::Service;
use connection::Connection;

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
    // Whoever started this holds the other end.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
