//! One case of the comparison with qemu-img.

use imgpush_formats::Inspection;

use crate::mutation::{Image, Mutation};
use crate::oracle::{Opened, info};

/// One changed image with the results of both.
pub(crate) struct Case {
    pub(crate) found: Inspection,
    /// Opened without a given format.
    pub(crate) probed: Opened,
    /// Opened with the detected format.
    pub(crate) forced: Opened,
}

impl Case {
    pub(crate) fn of(image: &Image) -> Self {
        let found = image.inspect();
        let probed = info(&image.path, None);
        let driver = match probed {
            // If qemu fails without naming the format, it must also fail with the expected format.
            Opened::Refused(_) => found.qemu.format,
            Opened::As { .. } => found.driver,
        };
        let is_probed = matches!(&probed, Opened::As { format, .. } if format == driver);
        let forced = if is_probed { probed.clone() } else { info(&image.path, Some(driver)) };
        Case { found, probed, forced }
    }

    /// A description of a difference.
    pub(crate) fn shown(&self, mutation: &Mutation) -> String {
        let Case { found, probed, forced } = self;
        format!(
            "  {mutation:?}\n  probed {probed:?}\n  as {} {forced:?}\n  \
         found {:?} {:?} {:?}\n  {:?}",
            found.driver, found.format, found.variant, found.virtual_size, found.findings
        )
    }
}
