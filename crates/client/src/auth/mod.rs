//! The kinds of [`Identity`](crate::Identity).

mod basic;
mod fixed;
mod keystone;
mod none;

pub use basic::Basic;
pub use fixed::FixedToken;
pub use keystone::Keystone;
pub use none::NoAuth;
