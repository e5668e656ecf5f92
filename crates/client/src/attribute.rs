//! Every named attribute of the Image resource, in one table.
//!
//! openstacksdk gives some attributes another name than the wire has: `is_hidden` is `os_hidden`,
//! `needs_secure_boot` is `os_secure_boot`. The methods of [`Image`](crate::Image) and
//! [`NewImage`](crate::NewImage) have its names; wherever a name is text, either is understood, in any
//! case.

use serde_json::{Number, Value};

use crate::record::is_true;

/// A named attribute of the Image resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attribute {
    /// Its name in openstacksdk, and of the method here.
    pub name: &'static str,
    /// Its key on the wire.
    pub key: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether every record has it.
    pub place: Place,
    /// Who sets it.
    pub access: Access,
}

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// A set of words.
    Tags,
    /// Names in one text, with commas between.
    Names,
    /// Places where the data lies.
    Locations,
}

/// Whether every record has an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Every record has it, `null` while it is not set; on the wire it is of its kind.
    Base,
    /// Only records where it is set have it; on the wire it is text, whatever its kind.
    Extra,
}

/// Who sets an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The client, at any time.
    Update,
    /// The client, when the record is made.
    Create,
    /// The service.
    Service,
}

/// Calls a macro with the table. A line is: kind, name, setter if there is one, key, place, access.
macro_rules! with_attributes {
    ($make:ident $($with:tt)*) => {
        $make! { $($with)*
            /// The name, at most 255 characters, none of them beyond the basic plane; need not be
            /// unique.
            text name (set_name) = "name" Base Update;
            /// Who may see it.
            visibility visibility (set_visibility) = "visibility" Base Update;
            /// Whether deleting is refused.
            flag is_protected (set_protected) = "protected" Base Update;
            /// Whether lists leave it out. Since API 2.7.
            flag is_hidden (set_hidden) = "os_hidden" Base Update;
            /// The project it belongs to; none without authentication. Only an administrator may give
            /// it away.
            text owner (set_owner) = "owner" Base Update;
            /// What the data is wrapped in: `bare` for a plain disk image. Must be set before data
            /// comes, and stays then.
            text container_format (set_container_format) = "container_format" Base Update;
            /// The format of the disk: `qcow2`, `raw`, … Must be set before data comes, and stays
            /// then.
            text disk_format (set_disk_format) = "disk_format" Base Update;
            /// The smallest disk it boots from, in GiB.
            count min_disk (set_min_disk) = "min_disk" Base Update;
            /// The least memory it boots with, in MiB.
            count min_ram (set_min_ram) = "min_ram" Base Update;
            /// Bytes stored. None while there are none, and again after an upload failed.
            count size = "size" Base Service;
            /// Bytes of the disk inside.
            count virtual_size = "virtual_size" Base Service;
            /// MD5 of the data in hex; none on hosts without MD5.
            text checksum = "checksum" Base Service;
            /// The name of the secure hash, as Python's `hashlib` spells it. Since API 2.7.
            text hash_algo = "os_hash_algo" Base Service;
            /// The secure hash of the data in hex. Since API 2.7.
            text hash_value = "os_hash_value" Base Service;
            /// When the record was made, ISO 8601.
            text created_at = "created_at" Base Service;
            /// When the record last changed, ISO 8601.
            text updated_at = "updated_at" Base Service;
            /// Free words; a set, since the server gives them in another order each time. At most 255
            /// characters each.
            tags tags (set_tags) = "tags" Base Update;
            /// The path of its data.
            text file = "file" Base Service;
            /// The path of its schema.
            text schema = "schema" Base Service;
            /// The path of the record itself.
            text self_link = "self" Base Service;
            /// Where the data lies, if the operator shows it.
            text direct_url = "direct_url" Base Service;
            /// The stores that hold its data, in services with several. Since API 2.8.
            names stores = "stores" Base Service;
            /// Where its data lies, if the operator shows it; set by policy only.
            locations locations (set_locations) = "locations" Base Update;

            /// The processor the guest needs: `x86_64`, `aarch64`, …
            text architecture (set_architecture) = "architecture" Extra Update;
            /// `qemu` (also for KVM), `vmware`, `hyperv`, `ironic`, `lxc`, `xen` or `uml`.
            text hypervisor_type (set_hypervisor_type) = "hypervisor_type" Extra Update;
            /// A factor on the network bandwidth of the flavor.
            float instance_type_rxtx_factor (set_instance_type_rxtx_factor)
                = "instance_type_rxtx_factor" Extra Update;
            /// The server that a snapshot was made of.
            text instance_uuid (set_instance_uuid) = "instance_uuid" Extra Update;
            /// Whether the guest needs a config drive: `mandatory` or `optional`.
            text needs_config_drive (set_needs_config_drive) = "img_config_drive" Extra Update;
            /// The id of the kernel image of an AMI.
            text kernel_id (set_kernel_id) = "kernel_id" Extra Update;
            /// The distribution, in lower case: `ubuntu`, `debian`, …
            text os_distro (set_os_distro) = "os_distro" Extra Update;
            /// The version, as the distribution writes it.
            text os_version (set_os_version) = "os_version" Extra Update;
            /// Secure Boot: `required`, `optional` or `disabled`.
            text needs_secure_boot (set_needs_secure_boot) = "os_secure_boot" Extra Update;
            /// How long the guest may take to shut down, in seconds.
            integer os_shutdown_timeout (set_os_shutdown_timeout)
                = "os_shutdown_timeout" Extra Update;
            /// The id of the ramdisk image of an AMI.
            text ramdisk_id (set_ramdisk_id) = "ramdisk_id" Extra Update;
            /// How the guest is virtualised: `hvm`, `xen`, `uml` or `exe`.
            text vm_mode (set_vm_mode) = "vm_mode" Extra Update;
            /// Sockets of the guest's processor.
            integer hw_cpu_sockets (set_hw_cpu_sockets) = "hw_cpu_sockets" Extra Update;
            /// Cores a socket.
            integer hw_cpu_cores (set_hw_cpu_cores) = "hw_cpu_cores" Extra Update;
            /// Threads a core.
            integer hw_cpu_threads (set_hw_cpu_threads) = "hw_cpu_threads" Extra Update;
            /// The controller of the disks: `scsi`, `virtio`, `uml`, `xen`, `ide`, `usb`, `fdc`,
            /// `sata` or `lxc`.
            text hw_disk_bus (set_hw_disk_bus) = "hw_disk_bus" Extra Update;
            /// Whether the processors are the guest's own: `shared`, `dedicated` or `mixed`.
            text hw_cpu_policy (set_hw_cpu_policy) = "hw_cpu_policy" Extra Update;
            /// What becomes of sibling threads: `isolate`, `prefer` or `require`.
            text hw_cpu_thread_policy (set_hw_cpu_thread_policy)
                = "hw_cpu_thread_policy" Extra Update;
            /// The random number generator: `virtio`.
            text hw_rng_model (set_hw_rng_model) = "hw_rng_model" Extra Update;
            /// The chipset: `pc`, `q35`, `virt`, `hyperv-gen1`, …
            text hw_machine_type (set_hw_machine_type) = "hw_machine_type" Extra Update;
            /// The SCSI controller: `virtio-scsi`, …
            text hw_scsi_model (set_hw_scsi_model) = "hw_scsi_model" Extra Update;
            /// Serial ports of the guest.
            integer hw_serial_port_count (set_hw_serial_port_count)
                = "hw_serial_port_count" Extra Update;
            /// The graphics card: `vga`, `virtio`, `qxl`, …
            text hw_video_model (set_hw_video_model) = "hw_video_model" Extra Update;
            /// The most video memory, in MiB.
            integer hw_video_ram (set_hw_video_ram) = "hw_video_ram" Extra Update;
            /// What a watchdog does to a guest that hangs: `disabled`, `reset`, `poweroff`, `pause`
            /// or `none`.
            text hw_watchdog_action (set_hw_watchdog_action) = "hw_watchdog_action" Extra Update;
            /// The command line of the guest's kernel.
            text os_command_line (set_os_command_line) = "os_command_line" Extra Update;
            /// The network card: `virtio`, `e1000`, …
            text hw_vif_model (set_hw_vif_model) = "hw_vif_model" Extra Update;
            /// Whether the network card has a queue a processor.
            boolean is_hw_vif_multiqueue_enabled (set_hw_vif_multiqueue_enabled)
                = "hw_vif_multiqueue_enabled" Extra Update;
            /// Whether the firmware shows a boot menu.
            boolean is_hw_boot_menu_enabled (set_hw_boot_menu_enabled)
                = "hw_boot_menu" Extra Update;
            /// The SCSI adapter under VMware.
            text vmware_adaptertype (set_vmware_adaptertype) = "vmware_adaptertype" Extra Update;
            /// The operating system, as VMware names it.
            text vmware_ostype (set_vmware_ostype) = "vmware_ostype" Extra Update;
            /// Whether the root partition is resized at boot, under Xen; `true`, `false` or `disabled`.
            text has_auto_disk_config (set_has_auto_disk_config) = "auto_disk_config" Extra Update;
            /// The kind of operating system: `linux` or `windows`.
            text os_type (set_os_type) = "os_type" Extra Update;
            /// The user whose password Nova sets.
            text os_admin_user (set_os_admin_user) = "os_admin_user" Extra Update;
            /// Whether the guest runs the QEMU agent: `yes` or `no`.
            text hw_qemu_guest_agent (set_hw_qemu_guest_agent)
                = "hw_qemu_guest_agent" Extra Update;
            /// Whether a snapshot of a guest that cannot be quiesced fails.
            boolean os_require_quiesce (set_os_require_quiesce)
                = "os_require_quiesce" Extra Update;
        }
    };
}
pub(crate) use with_attributes;

/// The kind that a word of the table stands for.
macro_rules! kind {
    (text) => {
        Kind::Text
    };
    (visibility) => {
        Kind::Text
    };
    (flag) => {
        Kind::Boolean
    };
    (boolean) => {
        Kind::Boolean
    };
    (count) => {
        Kind::Integer
    };
    (integer) => {
        Kind::Integer
    };
    (float) => {
        Kind::Float
    };
    (tags) => {
        Kind::Tags
    };
    (names) => {
        Kind::Names
    };
    (locations) => {
        Kind::Locations
    };
}

macro_rules! table {
    ($($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
        $place:ident $access:ident;)*) => {
        /// The id and the status, which have types of their own, and then all others.
        const TABLE: &[Attribute] = &[
            Attribute {
                name: "id",
                key: "id",
                kind: Kind::Text,
                place: Place::Base,
                access: Access::Create,
            },
            Attribute {
                name: "status",
                key: "status",
                kind: Kind::Text,
                place: Place::Base,
                access: Access::Service,
            },
            $(Attribute {
                name: stringify!($name),
                key: $key,
                kind: kind!($kind),
                place: Place::$place,
                access: Access::$access,
            },)*
        ];
    };
}
with_attributes!(table);

/// The methods that read each attribute, on a type with a `record`.
macro_rules! getters {
    ($on:ident $($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
        $place:ident $access:ident;)*) => {
        impl $on {
            $($crate::attribute::getter! { $(#[$doc])* #[doc = concat!("\n\nOn the wire `", $key, "`.")]
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
        /// Text that is no word for true (`1 t true on y yes`, in any case) is false, as in Nova.
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
        /// None also for text that is no whole number; [`get`](Self::get) has the text.
        #[must_use]
        pub fn $name(&self) -> Option<i64> {
            self.record.number($key)
        }
    };
    ($(#[$doc:meta])* float $name:ident $key:literal) => {
        $(#[$doc])*
        ///
        /// None also for text that is no number; [`get`](Self::get) has the text.
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
        /// None also for what cannot be read; [`get`](Self::get) has it.
        #[must_use]
        pub fn $name(&self) -> Option<Vec<$crate::Location>> {
            serde_json::from_value(self.record.get($key)?.clone()).ok()
        }
    };
}
pub(crate) use getter;

/// What each method gives, by the attribute's name.
macro_rules! readings {
    ($on:ident $($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
        $place:ident $access:ident;)*) => {
        impl $on {
            /// What the method of that attribute gives, as JSON; `null` for none. A boolean or a
            /// number where the method has one, whatever the wire has.
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
pub(crate) use readings;

/// The methods that set each attribute, on a type with `change() -> &mut Record`.
macro_rules! setters {
    ($on:ident $($(#[$doc:meta])* $kind:ident $name:ident $(($setter:ident))? = $key:literal
        $place:ident $access:ident;)*) => {
        impl $on {
            $($($crate::attribute::setter! { #[doc = concat!("Sets [`", stringify!($name), "`](Self::", stringify!($name), ").")]
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

impl Attribute {
    /// All named attributes.
    #[must_use]
    pub fn all() -> &'static [Attribute] {
        TABLE
    }

    /// The attribute of that name: openstacksdk's or the wire's, in any case. `owner_id` is `owner`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Attribute> {
        let name = if name.eq_ignore_ascii_case("owner_id") { "owner" } else { name };
        TABLE.iter().find(|attribute| {
            attribute.name.eq_ignore_ascii_case(name) || attribute.key.eq_ignore_ascii_case(name)
        })
    }

    /// The attribute of that key on the wire.
    #[must_use]
    pub fn of_key(key: &str) -> Option<&'static Attribute> {
        TABLE.iter().find(|attribute| attribute.key == key)
    }

    /// The value in its form on the wire. Text is read where another kind is needed.
    pub(crate) fn to_wire(self, value: Value) -> Result<Value, Unfit> {
        let unfit = |expected| Unfit::Value { name: self.name.to_owned(), expected };
        if self.place == Place::Extra {
            return property_value(value).ok_or_else(|| unfit("text, a number, true or false"));
        }
        Ok(match (self.kind, value) {
            (Kind::Text, Value::String(text)) => {
                if self.key == "id" && !is_uuid(&text) {
                    return Err(unfit("a UUID"));
                }
                text.into()
            }
            (Kind::Text, Value::Null) if NULLABLE.contains(&self.key) => Value::Null,
            (Kind::Text, _) => return Err(unfit("text")),
            (Kind::Boolean, Value::Bool(flag)) => flag.into(),
            (Kind::Boolean, Value::String(text)) => {
                boolean(&text).ok_or_else(|| unfit("true or false"))?.into()
            }
            (Kind::Boolean, _) => return Err(unfit("true or false")),
            (Kind::Integer, Value::Number(number)) if number.is_u64() => number.into(),
            (Kind::Integer, Value::String(text)) => {
                let number = text.trim().parse::<u64>();
                Number::from(number.map_err(|_| unfit("a whole number"))?).into()
            }
            (Kind::Integer, _) => return Err(unfit("a whole number")),
            (Kind::Tags, Value::Array(tags)) if tags.iter().all(Value::is_string) => tags.into(),
            (Kind::Tags, _) => return Err(unfit("a list of words")),
            (_, value) => value,
        })
    }
}

/// Base attributes that may be emptied.
pub(crate) const NULLABLE: [&str; 4] = ["name", "owner", "container_format", "disk_format"];

/// What extra properties are on the wire: text. None for what has no plain text.
pub(crate) fn property_value(value: Value) -> Option<Value> {
    Some(match value {
        Value::String(text) => text.into(),
        Value::Bool(flag) => flag.to_string().into(),
        Value::Number(number) => number.to_string().into(),
        _ => return None,
    })
}

fn boolean(text: &str) -> Option<bool> {
    let is_false =
        matches!(&*text.trim().to_ascii_lowercase(), "0" | "f" | "false" | "off" | "n" | "no");
    (is_true(text) || is_false).then(|| is_true(text))
}

/// The pattern that the Image API has for ids.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// An attribute that cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
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

/// Whether a key may be one of the client's extra properties.
pub(crate) fn check_property_key(key: &str) -> Result<(), Unfit> {
    if key.is_empty() || key.chars().count() > 255 {
        return Err(Unfit::Length);
    }
    match Attribute::of_key(key) {
        Some(Attribute { access: Access::Service, .. }) => Err(Unfit::ReadOnly(key.to_owned())),
        Some(Attribute { place: Place::Base, .. }) => Err(Unfit::BaseAttribute(key.to_owned())),
        _ if RESERVED.contains(&key) || key.starts_with("os_glance") => {
            Err(Unfit::ReadOnly(key.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Keys beside the attributes that Glance answers with 403 (`glance/api/v2/images.py`,
/// `_reserved_properties`), and `store`, which chooses a store only at upload time and would stay
/// behind as a property without meaning.
const RESERVED: [&str; 4] = ["location", "deleted", "deleted_at", "store"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_names_lead_to_the_attribute_in_any_case() {
        for (name, key) in [
            ("is_hidden", "os_hidden"),
            ("os_hidden", "os_hidden"),
            ("IS_Protected", "protected"),
            ("needs_config_drive", "img_config_drive"),
            ("needs_secure_boot", "os_secure_boot"),
            ("is_hw_boot_menu_enabled", "hw_boot_menu"),
            ("has_auto_disk_config", "auto_disk_config"),
            ("hash_value", "os_hash_value"),
            ("owner_id", "owner"),
        ] {
            assert_eq!(Attribute::named(name).map(|a| a.key), Some(key), "{name}");
        }
        assert_eq!(Attribute::named("my_property"), None);
    }

    #[test]
    fn no_two_attributes_share_a_name_or_a_key() {
        for (at, attribute) in TABLE.iter().enumerate() {
            for other in &TABLE[at + 1..] {
                assert!(attribute.name != other.name && attribute.key != other.key, "{other:?}");
            }
        }
    }

    #[test]
    fn values_take_the_form_of_the_wire() {
        let wire = |name: &str, value| Attribute::named(name).unwrap().to_wire(value);
        assert_eq!(wire("is_hidden", json!("True")), Ok(json!(true)));
        assert_eq!(wire("min_disk", json!("12")), Ok(json!(12)));
        assert_eq!(wire("hw_cpu_cores", json!(4)), Ok(json!("4")));
        assert_eq!(wire("is_hw_boot_menu_enabled", json!(true)), Ok(json!("true")));
        assert_eq!(wire("disk_format", json!(null)), Ok(json!(null)));
        for (name, value) in [
            ("is_hidden", json!("perhaps")),
            ("min_ram", json!(-1)),
            ("min_ram", json!(1.5)),
            ("tags", json!("one")),
            ("visibility", json!(null)),
            ("os_distro", json!(["debian"])),
            ("id", json!("x")),
        ] {
            assert!(matches!(wire(name, value), Err(Unfit::Value { .. })), "{name}");
        }
    }
}
