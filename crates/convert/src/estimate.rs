//! The size of a qcow2 with the disk of an image, estimated from a sample of its clusters.

use crate::error::ConvertError;
use crate::input::{Input, Reuse};
use crate::plan::Planner;
use crate::read::{Content, Extent};
use crate::survey::Survey;
use crate::write::{Trial, WriteError, WriteOptions};

/// Bytes of the disk that are compressed: 512 clusters of 64 KiB. A cluster takes between nothing and its size, so
/// the standard error of a random sample of this size is at most 2.2 % of the allocated bytes.
const SAMPLE_BYTES: u64 = 32 << 20;

/// The estimate for a disk, from the current position of the planner on.
///
/// Clusters that are compressed in the image count with their size there. Of the others, some are read and
/// compressed, at equal distances among them.
pub(crate) fn qcow2_bytes(
    planner: &mut Planner,
    input: &mut dyn Input,
    survey: &Survey,
    options: &WriteOptions,
) -> Result<Option<u64>, WriteError> {
    let trial = Trial::new(input.source(), survey.size, options)?;
    let mut sample = Sample::new(trial, survey);
    while !planner.is_at_end() {
        let at = planner.at();
        let extent = located(planner.extent(input), input)?;
        sample.add(at, extent, planner, input)?;
        planner.go_to(at.saturating_add(extent.length));
    }
    Ok(sample.image_bytes())
}

/// The clusters of a disk that were seen so far.
struct Sample {
    trial: Trial,
    /// The clusters with data that is not compressed in the image.
    clusters: u64,
    /// The distance of those that are compressed here. It is odd, since file systems repeat their structures
    /// at distances that are powers of two.
    stride: u64,
    /// The bytes that each of these takes.
    sizes: Vec<u64>,
    most_sizes: usize,
    /// The bytes of clusters that are compressed in the image.
    compressed: u64,
    /// L2 tables for all clusters, and the number of the last one.
    tables: u64,
    table: Option<u64>,
    /// The cluster after the last one in `clusters`.
    end: u64,
}

impl Sample {
    fn new(trial: Trial, survey: &Survey) -> Self {
        let cluster_bytes = trial.cluster_bytes();
        let most = SAMPLE_BYTES / cluster_bytes;
        let clusters = (survey.allocated - survey.compressed) / cluster_bytes;
        Sample {
            trial,
            clusters: 0,
            stride: clusters.div_ceil(most) | 1,
            sizes: Vec::new(),
            // Extents that are shorter than a cluster are more clusters than expected.
            most_sizes: usize::try_from(most).unwrap_or(usize::MAX).saturating_mul(2),
            compressed: 0,
            tables: 0,
            table: None,
            end: 0,
        }
    }

    /// Adds the extent at byte `at` of the disk.
    fn add(
        &mut self,
        at: u64,
        extent: Extent,
        planner: &mut Planner,
        input: &mut dyn Input,
    ) -> Result<(), WriteError> {
        if matches!(extent.content, Content::Hole | Content::Zero) {
            return Ok(());
        }
        let cluster_bytes = self.trial.cluster_bytes();
        let (first, end) = (at / cluster_bytes, (at + extent.length).div_ceil(cluster_bytes));
        self.add_tables(first, end);
        match extent.content {
            Content::Compressed(cluster) => self.compressed += cluster.stored,
            _ => self.add_clusters(first.max(self.end), end, planner, input)?,
        }
        Ok(())
    }

    fn add_tables(&mut self, first: u64, end: u64) {
        let (first, last) = (self.trial.table_of(first), self.trial.table_of(end - 1));
        let is_known = self.table == Some(first);
        self.tables += last - first + u64::from(!is_known);
        self.table = Some(last);
    }

    fn add_clusters(
        &mut self,
        first: u64,
        end: u64,
        planner: &mut Planner,
        input: &mut dyn Input,
    ) -> Result<(), WriteError> {
        let before = self.clusters;
        let after = before + end.saturating_sub(first);
        let mut number = before.next_multiple_of(self.stride);
        while number < after {
            let at = (first + (number - before)) * self.trial.cluster_bytes();
            let cluster = located(self.read(at, planner, input), input)?;
            self.sizes.push(self.trial.stored_bytes(input.source(), cluster)?);
            if self.sizes.len() > self.most_sizes {
                self.stride *= 3;
                self.sizes = self.sizes.iter().step_by(3).copied().collect();
            }
            number = (number + 1).next_multiple_of(self.stride);
        }
        self.clusters = after;
        self.end = self.end.max(end);
        Ok(())
    }

    /// Reads the cluster at byte `at` of the disk, without parts that are compressed in the image, which count
    /// already.
    fn read(
        &self,
        at: u64,
        planner: &mut Planner,
        input: &mut dyn Input,
    ) -> Result<Vec<u8>, ConvertError> {
        let mut cluster = vec![0; usize::try_from(self.trial.cluster_bytes()).unwrap_or_default()];
        let mut space = &mut cluster[..];
        planner.go_to(at);
        while !space.is_empty() && !planner.is_at_end() {
            let extent = planner.extent(input)?;
            let length = usize::try_from(extent.length).unwrap_or(usize::MAX).min(space.len());
            let (part, rest) = std::mem::take(&mut space).split_at_mut(length);
            if let Content::Stored(host) = extent.content
                && input.read(host, part, Reuse::None)? < length
            {
                return Err(ConvertError::truncated("data", host, length as u64));
            }
            space = rest;
            planner.skip(length as u64);
        }
        Ok(cluster)
    }

    fn image_bytes(&self) -> Option<u64> {
        let sampled = self.sizes.iter().sum::<u64>();
        let count = (self.sizes.len() as u128).max(1);
        let data = u128::from(sampled) * u128::from(self.clusters) / count;
        let data = u64::try_from(data).ok()?.checked_add(self.compressed)?;
        self.trial.image_bytes(self.tables, data)
    }
}

/// Adds the name of the image to an error.
fn located<T>(result: Result<T, ConvertError>, input: &dyn Input) -> Result<T, WriteError> {
    result.map_err(|error| error.into_source_error(input.source().name()).into())
}
