//! Invalid names and values of attributes and properties.

/// A name or value that an attribute or property cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAttribute {
    /// The key is a base attribute, which cannot be set as a property.
    #[error("{0} is an attribute of every image, not a property")]
    BaseAttribute(String),
    /// The key belongs to the service, which answers 403.
    #[error("{0} is set by the server only")]
    ReadOnly(String),
    /// The key is empty or longer than 255 characters.
    #[error("a property's name must have 1 to 255 characters")]
    Length,
    /// The value has another type.
    #[error("{name} takes {expected}")]
    Value {
        /// The attribute.
        name: String,
        /// The expected type.
        expected: &'static str,
    },
    /// The attribute is required in every image.
    #[error("{0} cannot be unset: every image has one")]
    Needed(String),
}
