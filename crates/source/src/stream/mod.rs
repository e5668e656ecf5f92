//! Sources around data of the calling program: bytes, a reader, an async reader, a stream of bytes.

mod async_reader;
mod byte_stream;
mod in_memory;
mod reader;
mod state;

pub use async_reader::AsyncReadSource;
pub use byte_stream::StreamSource;
pub use in_memory::BytesSource;
pub use reader::ReaderSource;
