//! The proxy in front of a trivial server, tested with sockets without an HTTP library.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Answer, Ending, Fault, Pace, Proxy, Requests};

const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\n{\"size\":5,\"a\":1}\n";
const TO_X: Requests = Requests::new("PUT", "/x");

/// Responds to each request when its body is complete, and reports what it received and how the connection
/// ended.
struct Server {
    proxy: Proxy,
    got: Receiver<(Vec<u8>, Option<ErrorKind>)>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::before(&format!("http://{}", listener.local_addr().unwrap()));
        let (send, got) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut bytes = Vec::new();
                let mut buffer = [0; 4096];
                let mut broke = None;
                while !is_complete(&bytes) {
                    match stream.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                        Err(error) => {
                            broke = Some(error.kind());
                            break;
                        }
                    }
                }
                if is_complete(&bytes) {
                    let _ = stream.write_all(ANSWER.as_bytes());
                }
                let _ = send.send((bytes, broke));
            }
        });
        Server { proxy, got }
    }

    fn ask(&self, request: &[u8]) -> (String, Option<ErrorKind>) {
        ask(&self.proxy, request)
    }

    fn got(&self) -> (Vec<u8>, Option<ErrorKind>) {
        self.got.recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

/// Sends a request and reads to the end; returns the response, and the error that ended it.
fn ask(proxy: &Proxy, request: &[u8]) -> (String, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(proxy.url().trim_start_matches("http://")).unwrap();
    // A connection that ends early may not accept everything.
    let _ = stream.write_all(request);
    let mut came = Vec::new();
    let broke = stream.read_to_end(&mut came).err().map(|error| error.kind());
    let _ = stream.shutdown(Shutdown::Both);
    (String::from_utf8(came).unwrap(), broke)
}

/// Whether the body is complete: of length 5, or chunked.
fn is_complete(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\r\n\r\nabcde") || bytes.ends_with(b"0\r\n\r\n")
}

const WITH_LENGTH: &[u8] =
    b"PUT /x?y=z HTTP/1.1\r\ncontent-length: 5\r\nX-Auth-Token: t\r\n\r\nabcde";
const CHUNKED: &[u8] =
    b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n";

#[test]
fn everything_is_forwarded_unchanged() {
    let server = Server::start();
    for request in [WITH_LENGTH, CHUNKED] {
        assert_eq!(server.ask(request), (ANSWER.to_owned(), None));
        assert_eq!(server.got(), (request.to_vec(), None));
        let passed = server.proxy.passed(TO_X).pop().unwrap();
        assert_eq!((passed.body_bytes, passed.status, passed.fault), (5, Some(200), None));
    }
    let journal = server.proxy.journal();
    assert_eq!(journal[0].header("content-length"), Some("5"));
    assert_eq!(journal[0].header("x-auth-token"), None, "a secret is kept");
}

#[test]
fn a_connection_is_cut_after_the_right_byte() {
    let server = Server::start();
    for (request, after, forwarded) in [
        (WITH_LENGTH, 0, &b""[..]),
        (WITH_LENGTH, 3, b"abc"),
        (WITH_LENGTH, 4, b"abcd"),
        (CHUNKED, 1, b"2\r\na"),
        (CHUNKED, 2, b"2\r\nab"),
        (CHUNKED, 3, b"2\r\nab\r\n3\r\nc"),
    ] {
        for ending in [Ending::Fin, Ending::Reset] {
            server.proxy.once(TO_X, Fault::Cut { after, ending });
            let (came, broke) = server.ask(request);
            let reset = (ending == Ending::Reset).then_some(ErrorKind::ConnectionReset);
            assert_eq!((&*came, broke), ("", reset), "{after}");
            let (got, broke) = server.got();
            assert_eq!(broke, reset, "{after}");
            let head = request.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            // A reset may overtake data that was sent before it.
            assert!(ending == Ending::Reset || got[head..] == *forwarded, "{after}: {got:?}");
            assert_eq!(server.proxy.passed(TO_X).last().unwrap().body_bytes, after);
        }
    }
}

#[test]
fn a_cut_after_the_last_byte_leaves_the_service_with_all() {
    let server = Server::start();
    server.proxy.once(TO_X, Fault::Cut { after: 5, ending: Ending::Fin });
    assert_eq!(server.ask(WITH_LENGTH).0, "");
    assert_eq!(server.got().0, WITH_LENGTH);
}

#[test]
fn the_response_of_the_service_can_be_replaced() {
    let server = Server::start();
    for ending in [Ending::Fin, Ending::Reset] {
        let answer = Answer::html(503).with("retry-after", "2");
        server.proxy.once(TO_X, Fault::Refuse { after: 0, answer, ending });
        let (came, _) = server.ask(WITH_LENGTH);
        assert!(came.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{came}");
        assert!(came.contains("retry-after: 2\r\n") && came.contains("nginx"), "{came}");
        assert!(server.got.try_recv().is_err(), "the service heard of it");
    }
    let answer = Answer::json(413);
    server.proxy.once(TO_X, Fault::Answer { after: 2, answer, ending: Ending::Fin });
    let (came, _) = server.ask(WITH_LENGTH);
    assert!(came.contains("Request Entity Too Large"), "{came}");
    assert!(server.got().0.ends_with(b"\r\n\r\nab"));

    server.proxy.once(TO_X, Fault::Replace(Answer::garbage()));
    assert!(!server.ask(WITH_LENGTH).0.contains("HTTP/1.1"));
    assert_eq!(server.got().0, WITH_LENGTH);
    assert_eq!(server.proxy.passed(TO_X).last().unwrap().status, None);
}

#[test]
fn the_response_of_the_service_can_be_lost_repeated_or_changed() {
    let server = Server::start();
    for (fault, expected) in [
        (Fault::Lose(Ending::Fin), String::new()),
        (Fault::Twice, ANSWER.repeat(2)),
        (
            Fault::Rewrite(vec![("size", json!(6))]),
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 16\r\n\r\n{\"a\":1,\"size\":6}"
                .to_owned(),
        ),
    ] {
        server.proxy.once(TO_X, fault);
        assert_eq!(server.ask(WITH_LENGTH), (expected, None));
        assert_eq!(server.got().0, WITH_LENGTH);
    }
    server.proxy.once(TO_X, Fault::Lose(Ending::Reset));
    assert_eq!(server.ask(WITH_LENGTH), (String::new(), Some(ErrorKind::ConnectionReset)));
}

#[test]
fn slowness_takes_time_and_loses_nothing() {
    let server = Server::start();
    let pause = Duration::from_millis(20);
    let slow = Pace { bytes: 1, pause };
    for (fault, least) in [
        (Fault::Stall { after: 3, lasting: 10 * pause }, 10 * pause),
        (Fault::SlowBody(slow), 4 * pause),
        (Fault::SlowAnswer(slow), 50 * pause),
    ] {
        server.proxy.once(TO_X, fault.clone());
        let begun = Instant::now();
        assert_eq!(server.ask(WITH_LENGTH), (ANSWER.to_owned(), None));
        // Only time shows slowness. It is never shorter than requested.
        assert!(begun.elapsed() >= least, "{fault:?}: {:?}", begun.elapsed());
        assert_eq!(server.got().0, WITH_LENGTH);
    }
}

#[test]
fn faults_are_used_up_in_order() {
    let server = Server::start();
    let answer =
        |status| Fault::Refuse { after: 0, answer: Answer::json(status), ending: Ending::Fin };
    server.proxy.once(Requests::new("GET", "/x"), answer(400));
    server.proxy.once(TO_X, Fault::None);
    server.proxy.times(2, TO_X, answer(500));
    server.proxy.always(TO_X, answer(502));
    let statuses: Vec<_> = (0..6)
        .map(|_| {
            server.ask(WITH_LENGTH);
            server.proxy.passed(TO_X).last().unwrap().status.unwrap()
        })
        .collect();
    assert_eq!(statuses, [200, 500, 500, 502, 502, 502]);
}

#[test]
fn a_held_request_continues_when_the_test_says_so() {
    let server = Server::start();
    let proxy = &server.proxy;
    proxy.once(TO_X, Fault::Hold { after: 3 });
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask(proxy, WITH_LENGTH));
        proxy.wait_for(TO_X, 3);
        let held = proxy.passed(TO_X).remove(0);
        assert_eq!((held.body_bytes, held.status), (3, None));
        proxy.resume();
        assert_eq!(asking.join().unwrap(), (ANSWER.to_owned(), None));
    });
}

/// The data sent while a request waits stays with the client, so that a fault happens close to its byte.
#[test]
fn a_client_is_not_far_ahead_of_a_fault() {
    let server = Server::start();
    server.proxy.once(TO_X, Fault::Stall { after: 1000, lasting: Duration::from_secs(60) });
    let mut stream = TcpStream::connect(server.proxy.url().trim_start_matches("http://")).unwrap();
    stream.write_all(b"PUT /x HTTP/1.1\r\ncontent-length: 9999999\r\n\r\n").unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut taken = 0;
    while let Ok(count @ 1..) = stream.write(&[0; 4096]) {
        taken += count;
    }
    assert!((1000..1 << 20).contains(&taken), "{taken} bytes are on their way");
}
