//! The part of HTTP/1.1 that uploading clients use.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Error, Read as _, Result, Seek as _, SeekFrom, Write as _};

use crate::message::{Answer, Body, Length, Request};
use crate::service::Service;
use crate::transport::Transport;

/// Large enough for all headers, small enough that hardly any image data is copied through it.
const BUFFER_BYTES: usize = 8 << 10;

/// Maximum number of bytes that one system call drops.
const DROP_BYTES: usize = 1 << 20;

pub(crate) struct Connection {
    stream: BufReader<Box<dyn Transport>>,
    /// Not used with plain TCP on Linux, where the kernel discards the bytes.
    space: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: Box<dyn Transport>) -> Self {
        let stream = BufReader::with_capacity(BUFFER_BYTES, stream);
        Connection { stream, space: vec![0; DROP_BYTES] }
    }

    /// Responds to requests until the client disconnects.
    pub(crate) fn serve(mut self, service: &Service) -> Result<()> {
        while let Some(request) = self.request()? {
            if request.expects {
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            let answer = if request.method == "PUT" {
                let bytes = self.drop_body(&request)?;
                service.stored(&request.path, bytes)
            } else {
                let body = self.body(&request)?;
                service.answer(&request, &body)
            };
            self.answer(&answer)?;
            if request.is_last {
                break;
            }
        }
        Ok(())
    }

    fn request(&mut self) -> Result<Option<Request>> {
        let first = self.line()?;
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            length: Length::Known(0),
            range: None,
            expects: false,
            is_last: false,
        };
        loop {
            let line = self.line()?.to_ascii_lowercase();
            let Some((name, value)) = line.split_once(':') else { return Ok(Some(request)) };
            match (name, value.trim()) {
                ("content-length", length) => {
                    request.length = Length::Known(length.parse().map_err(Error::other)?);
                }
                ("transfer-encoding", _) => request.length = Length::Chunked,
                ("range", range) => request.range = Some(range.to_owned()),
                ("expect", _) => request.expects = true,
                ("connection", value) => request.is_last = value == "close",
                _ => {}
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Reads a JSON body, which no client sends with chunked encoding.
    fn body(&mut self, request: &Request) -> Result<Vec<u8>> {
        let Length::Known(length) = request.length else { return Err(Error::other("chunked")) };
        let mut body = Vec::new();
        self.stream.by_ref().take(length).read_to_end(&mut body)?;
        Ok(body)
    }

    /// Discards the body of an upload and returns its length.
    fn drop_body(&mut self, request: &Request) -> Result<u64> {
        if let Length::Known(length) = request.length {
            self.drop_bytes(length)?;
            return Ok(length);
        }
        let mut sum = 0;
        loop {
            let chunk = u64::from_str_radix(&self.line()?, 16).map_err(Error::other)?;
            self.drop_bytes(chunk)?;
            // An empty line follows each chunk.
            self.line()?;
            if chunk == 0 {
                return Ok(sum);
            }
            sum += chunk;
        }
    }

    fn drop_bytes(&mut self, mut left: u64) -> Result<()> {
        let at_hand = self.stream.buffer().len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.stream.consume(at_hand);
        left -= at_hand as u64;
        while left > 0 {
            let most = DROP_BYTES.min(usize::try_from(left).unwrap_or(DROP_BYTES));
            match self.stream.get_mut().discard(&mut self.space[..most])? {
                0 => return Err(Error::other("the client is gone")),
                count => left -= count as u64,
            }
        }
        Ok(())
    }

    fn answer(&mut self, answer: &Answer) -> Result<()> {
        let Answer { status, headers, body } = answer;
        let mut text = format!("HTTP/1.1 {status} .\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        match body {
            Body::None => self.write(format!("{text}\r\n").as_bytes()),
            Body::Json(body) => {
                let length = body.len();
                text += &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
                self.write(format!("{text}\r\n{body}").as_bytes())
            }
            Body::File { path, from, length } => {
                text += "Content-Type: application/octet-stream\r\n";
                self.write(format!("{text}Content-Length: {length}\r\n\r\n").as_bytes())?;
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(*from))?;
                self.stream.get_mut().send(&file, *length)?;
                self.stream.get_mut().flush()
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes)?;
        self.stream.get_mut().flush()
    }
}
