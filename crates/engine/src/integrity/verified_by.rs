//! What shows that an image holds the expected bytes.

use crate::named_enum::named_enum;

named_enum! {
    /// What shows that an image holds the expected bytes.
    pub enum VerifiedBy {
        /// The field `os_hash_value` of the image is equal to the digest computed here.
        OsHashValue = "os_hash_value",
        /// The field `checksum` of the image, an MD5, is equal to the digest computed here.
        Checksum = "checksum",
        /// The journal of a batch has verified the image before, and the source is unchanged since then. The
        /// source was not read.
        Journal = "journal",
    }
}
