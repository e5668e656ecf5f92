//! Variables of the environment that describe the real cloud.

/// The value of a variable that describes the cloud.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run these tests by `cargo xtask test`, which brings the cloud up"
        )
    })
}
