//! One suite for two services.

/// The services that a suite runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The sandbox of this workspace, one per test.
    Sandbox,
    /// A real Glance behind Keystone, which all tests share.
    Real,
}

/// Turns functions with a [`Side`] into tests: a module `sandbox` and, with the feature `cloud` of the
/// calling crate, a module `real`, so that neither side has fewer tests.
///
/// The functions are listed by their module, `module { name name }`, or at the root of the crate, `name name`.
/// `by run: module { name }` calls `run(side, name)`.
#[macro_export]
macro_rules! suites {
    ($($suite:tt)*) => {
        $crate::suite! { sandbox Sandbox $($suite)* }
        #[cfg(feature = "cloud")]
        $crate::suite! { real Real $($suite)* }
    };
}

/// One side of [`suites!`].
#[doc(hidden)]
#[expect(clippy::crate_in_macro_def, reason = "the functions are of the crate that calls it")]
#[macro_export]
macro_rules! suite {
    ($module:ident $side:ident $($name:ident)*) => {
        mod $module {
            $(#[test]
            fn $name() {
                crate::$name($crate::Side::$side);
            })*
        }
    };
    ($module:ident $side:ident $($part:ident { $($name:ident)* })*) => {
        mod $module {
            $(mod $part {
                $(#[test]
                fn $name() {
                    crate::$part::$name($crate::Side::$side);
                })*
            })*
        }
    };
    ($module:ident $side:ident by $run:ident: $($part:ident { $($name:ident)* })*) => {
        mod $module {
            $(mod $part {
                $(#[test]
                fn $name() {
                    crate::$run($crate::Side::$side, crate::$part::$name);
                })*
            })*
        }
    };
}
