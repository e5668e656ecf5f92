//! Scripted faults. Tests inject them through [`Sandbox::inject`](crate::Sandbox::inject).

use std::str::FromStr;
use std::time::Duration;

use http::Method;

use crate::error::UnknownWord;

/// An operation of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Any request.
    Any,
    /// `POST /v3/auth/tokens`.
    Token,
    /// `POST /v2/images`.
    Create,
    /// `GET /v2/images/{id}`.
    Show,
    /// `GET /v2/images`.
    List,
    /// `PATCH /v2/images/{id}`.
    Update,
    /// `DELETE /v2/images/{id}`.
    Delete,
    /// `PUT /v2/images/{id}/file`.
    Upload,
    /// `GET /v2/images/{id}/file`.
    Download,
    /// `PUT /v2/images/{id}/stage`.
    Stage,
    /// `POST /v2/images/{id}/import`.
    Import,
    /// `GET /v2/images/{id}/tasks`.
    Tasks,
    /// Any call below `/v2/images/{id}/members`.
    Members,
    /// Any call below `/v2/images/{id}/tags`.
    Tags,
    /// Any call of `/v2/images/{id}/locations`.
    Locations,
    /// Any call below `/v2/stores` and of `/v2/info/stores`.
    Stores,
    /// Any call below `/v2/cache`.
    Cache,
    /// `GET /v2/info/usage`.
    Usage,
    /// Any schema.
    Schema,
}

const OPERATIONS: [(&str, Operation); 19] = [
    ("any", Operation::Any),
    ("token", Operation::Token),
    ("create", Operation::Create),
    ("show", Operation::Show),
    ("list", Operation::List),
    ("update", Operation::Update),
    ("delete", Operation::Delete),
    ("upload", Operation::Upload),
    ("download", Operation::Download),
    ("stage", Operation::Stage),
    ("import", Operation::Import),
    ("tasks", Operation::Tasks),
    ("members", Operation::Members),
    ("tags", Operation::Tags),
    ("locations", Operation::Locations),
    ("stores", Operation::Stores),
    ("cache", Operation::Cache),
    ("usage", Operation::Usage),
    ("schema", Operation::Schema),
];

impl FromStr for Operation {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = OPERATIONS.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, operation)| *operation)
            .ok_or(UnknownWord("upload, create, show, import or any"))
    }
}

impl Operation {
    /// Returns the operation of a request, if it is one of these.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Operation> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        Some(match (method.as_str(), &parts[..]) {
            ("POST", ["v3", "auth", "tokens"]) => Operation::Token,
            ("POST", ["v2", "images"]) => Operation::Create,
            ("GET", ["v2", "images"]) => Operation::List,
            ("GET", ["v2", "images", _]) => Operation::Show,
            ("PATCH", ["v2", "images", _]) => Operation::Update,
            ("DELETE", ["v2", "images", _]) => Operation::Delete,
            ("PUT", ["v2", "images", _, "file"]) => Operation::Upload,
            ("GET", ["v2", "images", _, "file"]) => Operation::Download,
            ("PUT", ["v2", "images", _, "stage"]) => Operation::Stage,
            ("POST", ["v2", "images", _, "import"]) => Operation::Import,
            ("GET", ["v2", "images", _, "tasks"]) => Operation::Tasks,
            (_, ["v2", "images", _, "members", ..]) => Operation::Members,
            (_, ["v2", "images", _, "tags", ..]) => Operation::Tags,
            (_, ["v2", "images", _, "locations"]) => Operation::Locations,
            (_, ["v2", "stores", ..] | ["v2", "info", "stores", ..]) => Operation::Stores,
            (_, ["v2", "cache", ..]) => Operation::Cache,
            ("GET", ["v2", "info", "usage"]) => Operation::Usage,
            ("GET", ["v2", "schemas", ..]) => Operation::Schema,
            _ => return None,
        })
    }
}

/// A fault of one request.
///
/// As text, for a command line, a name with its arguments after `=`: `drop-after=1048576`,
/// `forget=1048576`, `stall=4096,30` (bytes, seconds), `status=413` or `status=413,65536` (after that
/// number of bytes), `status-json=503` and `status-json=503,65536` likewise, `status-after=504`, `busy=5`
/// (seconds), `slow-answer=5` (seconds), `corrupt-byte=512`, `wrong-hash`, `hash-algo=sm3`, `no-hash`,
/// `wrong-size`, `expire-token`, `drop-answer`, `import-fails`, `import-slow=30` (seconds).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Cuts the connection after this number of bytes of the body, without a response.
    DropAfter(u64),
    /// Cuts the connection after this number of bytes of the body and never changes the status of the record,
    /// `saving` for an upload, as when the server process is killed.
    Forget(u64),
    /// Stops reading for a time after this number of bytes of the body.
    Stall {
        /// Bytes read before it.
        after: u64,
        /// The duration of the pause.
        duration: Duration,
    },
    /// Answers with this status after this number of bytes of the body, leaves the rest unread and closes the
    /// connection, as a proxy or a refusing server does. The body is HTML.
    Status {
        /// The status.
        status: u16,
        /// Bytes read before it.
        after: u64,
    },
    /// The same with an error of the service: JSON if the request accepts it.
    StatusJson {
        /// The status.
        status: u16,
        /// Bytes read before it.
        after: u64,
    },
    /// Processes the request completely and then answers with this status, as a proxy after its
    /// time-out.
    StatusAfter(u16),
    /// Answers 503 at once, with this time in `Retry-After`, in seconds.
    Busy(Duration),
    /// Processes the request and delays the response.
    SlowAnswer(Duration),
    /// Flips a bit of this byte before it is stored.
    CorruptByte(u64),
    /// Reports a wrong secure hash.
    WrongHash,
    /// Reports a secure hash with this name.
    HashAlgo(String),
    /// Reports no hash.
    NoHash,
    /// Reports a wrong size.
    WrongSize,
    /// Revokes every token issued so far.
    ExpireToken,
    /// Processes the request and then cuts the connection without a response.
    DropAnswer,
    /// Accepts an import that fails at its first store.
    ImportFails,
    /// Keeps an image `importing` for this time.
    ImportSlow(Duration),
    /// Converts the data of an import to this format by `qemu-img`, as Glance does with its plugin
    /// `image_conversion`.
    ImportConverts(String),
    /// Converts it to `raw`, and changes the last byte.
    ImportConvertsWrongly,
    /// Decompresses the gzip data of an import, as Glance does with its plugin `image_decompression`.
    ImportDecompresses,
    /// Shows the image with this status, and without size and hashes, as a lagging replica of the database
    /// does.
    ShownAs(String),
}

impl FromStr for Fault {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let (first, second) = value.split_once(',').unwrap_or((value, "0"));
        let number = |text: &str| {
            text.parse::<u64>().map_err(|_| UnknownWord("a number, as in drop-after=1048576"))
        };
        let seconds = |text: &str| number(text).map(Duration::from_secs);
        let status = |text: &str| {
            let status = text.parse().ok().filter(|status| (400..600).contains(status));
            status.ok_or(UnknownWord("a status from 400 to 599, as in status=413"))
        };
        Ok(match name {
            "drop-after" => Fault::DropAfter(number(first)?),
            "forget" => Fault::Forget(number(first)?),
            "stall" => Fault::Stall { after: number(first)?, duration: seconds(second)? },
            "status" => Fault::Status { status: status(first)?, after: number(second)? },
            "status-json" => Fault::StatusJson { status: status(first)?, after: number(second)? },
            "status-after" => Fault::StatusAfter(status(first)?),
            "busy" => Fault::Busy(seconds(first)?),
            "slow-answer" => Fault::SlowAnswer(seconds(first)?),
            "corrupt-byte" => Fault::CorruptByte(number(first)?),
            "wrong-hash" => Fault::WrongHash,
            "hash-algo" => Fault::HashAlgo(value.to_owned()),
            "no-hash" => Fault::NoHash,
            "wrong-size" => Fault::WrongSize,
            "expire-token" => Fault::ExpireToken,
            "drop-answer" => Fault::DropAnswer,
            "import-fails" => Fault::ImportFails,
            "import-slow" => Fault::ImportSlow(seconds(first)?),
            "import-converts" if value.is_empty() => Fault::ImportConverts("raw".to_owned()),
            "import-converts" => Fault::ImportConverts(value.to_owned()),
            "import-converts-wrongly" => Fault::ImportConvertsWrongly,
            "import-decompresses" => Fault::ImportDecompresses,
            "shown-as" => Fault::ShownAs(value.to_owned()),
            _ => {
                return Err(UnknownWord(
                    "drop-after, forget, stall, status, status-json, status-after, busy, slow-answer, \
                     corrupt-byte, wrong-hash, hash-algo, no-hash, wrong-size, expire-token, \
                     drop-answer, import-fails, import-slow, import-converts, \
                     import-converts-wrongly, import-decompresses or shown-as",
                ));
            }
        })
    }
}

/// A fault that waits for its request.
#[derive(Clone, Debug)]
pub(crate) struct PlannedFault {
    pub(crate) operation: Operation,
    /// Id or name of the image of the request; any request if none.
    pub(crate) image: Option<String>,
    pub(crate) fault: Fault,
}

/// The fault of one request, which its handler finds in the extensions of the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripted(pub(crate) Option<Fault>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_operations_and_faults() {
        for (name, operation) in OPERATIONS {
            assert_eq!(name.parse(), Ok(operation));
        }
        assert_eq!("import-fails".parse(), Ok(Fault::ImportFails));
        assert_eq!("import-slow=3".parse(), Ok(Fault::ImportSlow(Duration::from_secs(3))));
        assert!("import-slow=soon".parse::<Fault>().is_err());
        assert_eq!("shown-as=saving".parse(), Ok(Fault::ShownAs("saving".to_owned())));
        assert_eq!("forget=7".parse(), Ok(Fault::Forget(7)));
        assert_eq!("status-json=503".parse(), Ok(Fault::StatusJson { status: 503, after: 0 }));
        assert_eq!("status-json=500,9".parse(), Ok(Fault::StatusJson { status: 500, after: 9 }));
        assert_eq!("status-after=504".parse(), Ok(Fault::StatusAfter(504)));
        assert_eq!("busy=5".parse(), Ok(Fault::Busy(Duration::from_secs(5))));
        assert_eq!("slow-answer=5".parse(), Ok(Fault::SlowAnswer(Duration::from_secs(5))));
        assert!("status-after=204".parse::<Fault>().is_err());
    }

    #[test]
    fn requests_have_operations() {
        let of = |method: Method, path| Operation::of(&method, path);
        assert_eq!(of(Method::PUT, "/v2/images/x/stage"), Some(Operation::Stage));
        assert_eq!(of(Method::DELETE, "/v2/images/x/members/y"), Some(Operation::Members));
        assert_eq!(of(Method::GET, "/v2/info/stores/detail"), Some(Operation::Stores));
        assert_eq!(of(Method::GET, "/v2/images/x"), Some(Operation::Show));
        assert_eq!(of(Method::GET, "/versions"), None);
    }
}
