//! Attributes and properties that cannot be set so.

/// An attribute that cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAttribute {
    /// The key is a base attribute, which is not set as a property.
    #[error("{0} is an attribute of every image, not a property")]
    BaseAttribute(String),
    /// The key belongs to the service, which answers 403.
    #[error("{0} is set by the server only")]
    ReadOnly(String),
    /// The key is empty or longer than 255 characters.
    #[error("a property's name must have 1 to 255 characters")]
    Length,
    /// The value is of another kind.
    #[error("{name} takes {expected}")]
    Value {
        /// The attribute.
        name: String,
        /// What it takes.
        expected: &'static str,
    },
    /// Every image has one.
    #[error("{0} cannot be unset: every image has one")]
    Needed(String),
}
