//! Setters of options structs.

/// Defines a `with_*` method for each field. The argument has the name of the field; the expression after `=`
/// is the new value of the field.
macro_rules! setters {
    ($($(#[$doc:meta])+ $with:ident($field:ident: $type:ty) = $value:expr;)+) => {
        $(
            $(#[$doc])+
            #[must_use]
            pub fn $with(mut self, $field: $type) -> Self {
                self.$field = $value;
                self
            }
        )+
    };
}

pub(crate) use setters;
