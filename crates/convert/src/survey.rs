//! Facts about a disk from its tables.

use serde::{Deserialize, Serialize};

use crate::error::ConvertError;
use crate::input::Input;
use crate::plan::Planner;
use crate::read::{Content, Lost};

/// Facts about the disk in an image. All sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Survey {
    /// The disk.
    pub size: u64,
    /// The part of the disk, from its start, that the following facts are about. It is smaller than the disk if
    /// the limit of the survey was reached.
    pub examined: u64,
    /// Parts of the disk with data in the image, which may be zeros.
    pub allocated: u64,
    /// Of these, parts that are compressed in the image.
    pub compressed: u64,
    /// Parts that are declared as zeros.
    pub zeros: u64,
    /// Parts that were never written.
    pub holes: u64,
    /// Number of extents that are stored before an earlier part of the disk. If there are few, the image can be
    /// converted from a pipe.
    pub out_of_order: u64,
    /// Internal snapshots, which a conversion loses.
    pub snapshots: u32,
    /// Whether the image has bitmaps of changed clusters, which a conversion loses.
    pub has_bitmaps: bool,
}

impl Survey {
    /// Examines the tables from the current position of the planner on, for this number of extents at most.
    pub(crate) fn of(
        planner: &mut Planner,
        input: &mut dyn Input,
        most_extents: u64,
    ) -> Result<Self, ConvertError> {
        let Lost { snapshots, has_bitmaps } = planner.layout().lost();
        let size = planner.layout().size();
        let mut survey = Survey { size, snapshots, has_bitmaps, ..Survey::default() };
        let image_bytes = input.size().unwrap_or(u64::MAX);
        let mut last = 0;
        for _ in 0..most_extents {
            if planner.is_at_end() {
                break;
            }
            let extent = planner.extent(input)?;
            planner.skip(extent.length);
            survey.examined += extent.length;
            let (host, least) = match extent.content {
                Content::Hole => {
                    survey.holes += extent.length;
                    continue;
                }
                Content::Zero => {
                    survey.zeros += extent.length;
                    continue;
                }
                Content::Stored(host) => (host, extent.length),
                Content::Compressed(cluster) => {
                    survey.compressed += extent.length;
                    // The compressed stream may end before its last sectors.
                    (cluster.host, 1)
                }
            };
            if host.checked_add(least).is_none_or(|end| end > image_bytes) {
                return Err(ConvertError::truncated("data", host, least));
            }
            survey.allocated += extent.length;
            survey.out_of_order += u64::from(host < last);
            last = host;
        }
        Ok(survey)
    }
}
