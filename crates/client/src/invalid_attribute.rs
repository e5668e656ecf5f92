//! Invalid names and values of attributes and properties.

/// A name or value that an attribute or property cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAttribute {
    /// The key is a base attribute, which cannot be set as a property.
    #[error("{0} is an image attribute, not a property")]
    BaseAttribute(String),
    /// The key belongs to the service, which answers 403.
    #[error("only the server sets {0}")]
    ReadOnly(String),
    /// The key is empty or longer than 255 characters.
    #[error("the name of a property must have 1 to 255 characters")]
    Length,
    /// The value has another type.
    #[error("{name} must be {expected}")]
    Value {
        /// The attribute.
        name: String,
        /// The expected type.
        expected: &'static str,
    },
    /// The attribute is required in every image.
    #[error("{0} cannot be removed: every image has it")]
    Needed(String),
}
