//! A web server on loopback whose responses a test defines.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) struct Web {
    pub(crate) url: String,
    pub(crate) requests: Arc<Mutex<Vec<Request>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The number of the request, from 0, over all connections.
    pub(crate) number: usize,
    pub(crate) path: String,
    /// Headers by their names in lower case.
    pub(crate) headers: HashMap<String, String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// How the response ends after this number of bytes of the body: closed, or silent.
    ends: Option<(usize, End)>,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Close,
    Silence,
}

impl Web {
    /// Starts a server that serves one request per connection.
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/images/disk.img", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let stream = stream.unwrap();
                    let Some(mut request) = read(&stream) else { return };
                    let answer = {
                        let mut seen = seen.lock().unwrap();
                        request.number = seen.len();
                        seen.push(request.clone());
                        answer(&request)
                    };
                    // A client that closes the connection is one of the tested cases.
                    let _ = answer.write(stream);
                });
            }
        });
        Web { url, requests }
    }

    /// A server with one file and support for ranges.
    pub(crate) fn with(data: Vec<u8>) -> Self {
        Web::start(move |request| Answer::of(&data, request))
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// The values of a header, one per request.
    pub(crate) fn header(&self, name: &str) -> Vec<Option<String>> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| request.headers.get(name).cloned()).collect()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_lowercase(), value.to_owned()))
        })
        .collect();
    Some(Request { number: 0, path, headers })
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Answer { status, ..Answer::default() }.with_length()
    }

    /// The complete file.
    pub(crate) fn whole(data: &[u8]) -> Self {
        Answer { status: 200, body: data.to_vec(), ..Answer::default() }
            .with_length()
            .with("ETag", "\"one\"")
    }

    /// The complete file, or the requested range if the tag matches.
    pub(crate) fn of(data: &[u8], request: &Request) -> Self {
        let is_current = request.headers.get("if-range").is_none_or(|tag| tag == "\"one\"");
        let range = request.headers.get("range").filter(|_| is_current);
        let Some(range) = range else {
            return Answer::whole(data).with("Accept-Ranges", "bytes");
        };
        let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let first: usize = first.parse().unwrap();
        let last = last.parse().unwrap_or(usize::MAX).min(data.len() - 1);
        Answer { status: 206, body: data[first..=last].to_vec(), ..Answer::default() }
            .with_length()
            .with("ETag", "\"one\"")
            .with("Content-Range", &format!("bytes {first}-{last}/{}", data.len()))
    }

    fn with_length(self) -> Self {
        let length = self.body.len().to_string();
        self.with("Content-Length", &length)
    }

    /// Sets a header, replacing its previous value.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    /// Sets another body without changing the headers.
    pub(crate) fn with_body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// Adds bytes to the body that the headers do not declare.
    pub(crate) fn followed_by(mut self, more: &[u8]) -> Self {
        self.body.extend_from_slice(more);
        self
    }

    pub(crate) fn breaking_after(mut self, bytes: usize) -> Self {
        self.ends = Some((bytes, End::Close));
        self
    }

    pub(crate) fn silent_after(mut self, bytes: usize) -> Self {
        self.ends = Some((bytes, End::Silence));
        self
    }

    fn write(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Whatever\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        let end = self.ends.map_or(self.body.len(), |(bytes, _)| bytes.min(self.body.len()));
        let body = &self.body[..end];
        if self.headers.iter().any(|(name, _)| *name == "Transfer-Encoding") {
            for piece in body.chunks(1000) {
                write!(stream, "{:x}\r\n", piece.len())?;
                stream.write_all(piece)?;
                stream.write_all(b"\r\n")?;
            }
            if self.ends.is_none() {
                stream.write_all(b"0\r\n\r\n")?;
            }
        } else {
            stream.write_all(body)?;
        }
        if let Some((_, End::Silence)) = self.ends {
            std::thread::sleep(Duration::from_secs(20));
        }
        Ok(())
    }
}
