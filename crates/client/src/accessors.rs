//! Macros that turn the [table of attributes](crate::attribute_table) into methods that read and set them.

/// The methods that read each attribute, on a type with a `record`.
macro_rules! getters {
    ($on:ident $($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
        $place:ident $access:ident;)*) => {
        impl $on {
            $($crate::accessors::getter! { $(#[$doc])* #[doc = concat!("\n\nOn the wire `", $key, "`.")]
                $kind $name $key })*
        }
    };
}
pub(crate) use getters;

macro_rules! getter {
    ($(#[$doc:meta])* text $name:ident $key:literal) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> Option<&str> {
            self.record.text($key)
        }
    };
    ($(#[$doc:meta])* flag $name:ident $key:literal) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> bool {
            self.record.boolean($key).unwrap_or_default()
        }
    };
    ($(#[$doc:meta])* boolean $name:ident $key:literal) => {
        $(#[$doc])*
        ///
        /// Text that is none of the values for true (`1 t true on y yes`, in any case) is false, as in Nova.
        #[must_use]
        pub fn $name(&self) -> Option<bool> {
            self.record.boolean($key)
        }
    };
    ($(#[$doc:meta])* count $name:ident $key:literal) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> Option<u64> {
            self.record.number($key)
        }
    };
    ($(#[$doc:meta])* integer $name:ident $key:literal) => {
        $(#[$doc])*
        ///
        /// None also for text that is not an integer; [`get`](Self::get) returns the text.
        #[must_use]
        pub fn $name(&self) -> Option<i64> {
            self.record.number($key)
        }
    };
    ($(#[$doc:meta])* float $name:ident $key:literal) => {
        $(#[$doc])*
        ///
        /// None also for text that is not a number; [`get`](Self::get) returns the text.
        #[must_use]
        pub fn $name(&self) -> Option<f64> {
            self.record.number($key)
        }
    };
    ($(#[$doc:meta])* visibility $name:ident $key:literal) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> Option<$crate::Visibility> {
            self.record.text($key).map($crate::Visibility::from)
        }
    };
    ($(#[$doc:meta])* tags $name:ident $key:literal) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> std::collections::BTreeSet<&str> {
            self.record.tags()
        }
    };
    ($(#[$doc:meta])* names $name:ident $key:literal) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> Vec<&str> {
            self.record.names($key)
        }
    };
    ($(#[$doc:meta])* locations $name:ident $key:literal) => {
        $(#[$doc])*
        ///
        /// None also for a value that cannot be parsed; [`get`](Self::get) returns it.
        #[must_use]
        pub fn $name(&self) -> Option<Vec<$crate::Location>> {
            serde_json::from_value(self.record.get($key)?.clone()).ok()
        }
    };
    ($(#[$doc:meta])* object $name:ident $key:literal) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self) -> Option<&serde_json::Map<String, serde_json::Value>> {
            self.record.get($key)?.as_object()
        }
    };
}
pub(crate) use getter;

/// The value of each attribute by its name.
macro_rules! values_by_name {
    ($on:ident $($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
        $place:ident $access:ident;)*) => {
        impl $on {
            /// The value that the method of this attribute returns, as JSON; `null` for none. It has the type
            /// of the method (boolean, number), whatever the type on the wire.
            #[must_use]
            pub fn attribute(&self, attribute: &Attribute) -> serde_json::Value {
                match attribute.name {
                    "id" => self.id().into(),
                    "status" => self.status().as_str().into(),
                    $(stringify!($name) => serde_json::json!(self.$name()),)*
                    _ => serde_json::Value::Null,
                }
            }
        }
    };
}
pub(crate) use values_by_name;

/// The methods that set each attribute, on a type with `change() -> &mut Record`.
macro_rules! setters {
    ($on:ident $($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
        $place:ident $access:ident;)*) => {
        impl $on {
            $($($crate::accessors::setter! { #[doc = concat!("Sets [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                $kind $setter $key })?)*
        }
    };
}
pub(crate) use setters;

macro_rules! setter {
    ($(#[$doc:meta])* text $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter(&mut self, value: impl Into<String>) {
            self.change().set($key, value.into().into());
        }
    };
    ($(#[$doc:meta])* flag $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter(&mut self, value: bool) {
            self.change().set($key, value.into());
        }
    };
    ($(#[$doc:meta])* boolean $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter(&mut self, value: bool) {
            self.change().set($key, value.to_string().into());
        }
    };
    ($(#[$doc:meta])* count $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter(&mut self, value: u64) {
            self.change().set($key, value.into());
        }
    };
    ($(#[$doc:meta])* integer $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter(&mut self, value: i64) {
            self.change().set($key, value.to_string().into());
        }
    };
    ($(#[$doc:meta])* float $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter(&mut self, value: f64) {
            self.change().set($key, value.to_string().into());
        }
    };
    ($(#[$doc:meta])* visibility $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter(&mut self, value: $crate::Visibility) {
            self.change().set($key, value.as_str().into());
        }
    };
    ($(#[$doc:meta])* tags $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter<T: Into<String>>(&mut self, tags: impl IntoIterator<Item = T>) {
            let tags: std::collections::BTreeSet<String> =
                tags.into_iter().map(Into::into).collect();
            self.change().set($key, tags.into_iter().collect());
        }
    };
    ($(#[$doc:meta])* locations $setter:ident $key:literal) => {
        $(#[$doc])*
        pub fn $setter(&mut self, locations: &[$crate::Location]) {
            let locations = serde_json::to_value(locations);
            self.change().set($key, locations.expect("a location has text keys"));
        }
    };
}
pub(crate) use setter;
