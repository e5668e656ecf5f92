//! How an image was verified.

use crate::named_enum::named_enum;

named_enum! {
    /// How an image was verified.
    pub enum VerifiedBy {
        /// The field `os_hash_value` of the image is equal to the digest computed here.
        OsHashValue = "os_hash_value",
        /// The field `checksum` of the image, an MD5, is equal to the digest computed here.
        Checksum = "checksum",
        /// The service has stored a virtual disk converted to raw. The digests of the image are equal to those
        /// of the raw bytes of the disk in the source.
        RawView = "raw-view",
        /// The journal of a batch has recorded an earlier verification, and the source is unchanged since
        /// then. The source was not read.
        Journal = "journal",
    }
}
