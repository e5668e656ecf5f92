//! `--property KEY=VALUE`, with the meaning that openstackclient gives to it: a key with the name of an image
//! attribute, in the Image API or in openstacksdk, sets that attribute.

use imgpush_client::{Attribute, Kind, NewImage, Place};
use imgpush_engine::PushOptions;

use super::values::key_value;

/// A property of an existing image, or of a record without data.
pub(crate) fn property(text: &str) -> Result<(String, String), String> {
    let (key, value) = key_value(text)?;
    let attribute = Attribute::named(&key);
    if let Some(Attribute { kind: Kind::Tags, .. }) = attribute {
        return Err("use --tag".to_owned());
    }
    if let Some(Attribute { kind: Kind::Locations, .. }) = attribute {
        return Err(format!("{key} is not a property"));
    }
    NewImage::default().set(&key, &*value).map_err(|error| error.to_string())?;
    Ok((key, value))
}

/// A property of an image that is uploaded. Attributes on which the upload depends have options of their own.
pub(crate) fn property_of_upload(text: &str) -> Result<(String, String), String> {
    let (key, value) = property(text)?;
    let key_on_wire = Attribute::named(&key).map_or("", |attribute| attribute.key);
    if OWN_OPTIONS.contains(&key_on_wire) {
        return Err(format!(
            "{key} is an image attribute, not a property: use its option or argument"
        ));
    }
    Ok((key, value))
}

/// Attributes on which an upload depends.
const OWN_OPTIONS: [&str; 5] = ["id", "name", "owner", "disk_format", "container_format"];

/// Sets properties from [`property_of_upload`].
pub(super) fn set_properties(options: &mut PushOptions, properties: &[(String, String)]) {
    let mut image = NewImage::default();
    for (key, value) in properties {
        let attribute = Attribute::named(key);
        if attribute.is_some_and(|attribute| attribute.place == Place::Base) {
            image.set(key, &**value).expect("property() accepts only valid values");
        } else {
            let key = attribute.map_or(&**key, |attribute| attribute.key);
            options.properties.push((key.to_owned(), value.clone()));
        }
    }
    let is_set = |key: &str| image.record().contains_key(key);
    if is_set("os_hidden") {
        options.hidden = Some(image.is_hidden());
    }
    if is_set("protected") {
        options.protected = Some(image.is_protected());
    }
    options.visibility = image.visibility().or(options.visibility.take());
    options.min_disk = image.min_disk().or(options.min_disk);
    options.min_ram = image.min_ram().or(options.min_ram);
}

#[cfg(test)]
mod tests {
    use imgpush_client::Visibility;

    use super::*;

    #[test]
    fn names_of_attributes_set_the_attributes() {
        let mut options = PushOptions::default();
        let properties = [
            "is_hidden=true",
            "protected=True",
            "visibility=public",
            "min_disk=20",
            "needs_secure_boot=required",
            "os_distro=debian",
            "OS_DISTRO=Debian",
            "Name=n=1",
        ];
        let properties = properties.map(|text| property_of_upload(text).unwrap());
        set_properties(&mut options, &properties);
        assert_eq!((options.hidden, options.protected), (Some(true), Some(true)));
        assert_eq!(options.visibility, Some(Visibility::Public));
        assert_eq!((options.min_disk, options.min_ram), (Some(20), None));
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            options.properties,
            [
                pair("os_secure_boot", "required"),
                pair("os_distro", "debian"),
                pair("OS_DISTRO", "Debian"),
                pair("Name", "n=1"),
            ]
        );
    }

    #[test]
    fn values_that_an_attribute_cannot_have_are_refused() {
        for (text, part) in [
            ("is_hidden=perhaps", "is_hidden must be true or false"),
            ("min_ram=much", "min_ram must be a whole number"),
            ("checksum=0", "only the server sets checksum"),
            ("tags=a", "use --tag"),
            ("locations=[]", "not a property"),
            ("=x", "1 to 255 characters"),
            ("x", "KEY=VALUE"),
        ] {
            assert!(property(text).unwrap_err().contains(part), "{text}");
        }
        assert!(property("name=n").is_ok());
        for text in ["name=n", "disk_format=raw", "owner_id=p"] {
            assert!(property_of_upload(text).unwrap_err().contains("not a property"), "{text}");
        }
    }
}
