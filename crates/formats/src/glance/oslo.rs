//! The service's inspectors (`oslo_utils.imageutils.format_inspector` of oslo.utils 10.2.0), with their
//! behaviour for a stream in pieces of 64 KiB.

use super::safety::{FailedCheck, OsloMatch, Safety, captured};
use super::vmdk::{self, VmdkMatch};
use crate::boot_sector;
use crate::inspect::Stream;
use crate::on_disk::{SECTOR, be16, be32, be64, bytes, le16, le32, le64};
use crate::{iso, luks, vhdx};

/// The results of the service's inspectors for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OsloView {
    /// The inspectors that matched; none means raw.
    pub matches: Vec<OsloMatch>,
    /// The reason why the inspectors' result cannot be predicted, even from the complete stream.
    pub uncertainty: Option<&'static str>,
    /// The reason why another inspector may still match: the start of the stream was not seen completely.
    pub unseen: Option<&'static str>,
    /// Bytes of the stream, if known.
    pub stream_bytes: Option<u64>,
}

const UNSEEN: &str = "only a part of the start was read";

impl OsloView {
    pub(crate) fn predict(stream: &Stream<'_>) -> Self {
        let inspectors = [qcow2, vhd, vhdx, vdi, qed, iso, gpt, luks];
        let mut matches: Vec<_> =
            inspectors.iter().filter_map(|inspector| inspector(stream)).collect();
        let mut uncertainty = None;
        match vmdk::inspect(stream) {
            VmdkMatch::No => {}
            VmdkMatch::Matched(matched) => matches.push(matched),
            VmdkMatch::Uncertain(reason) => uncertainty = Some(reason),
        }
        let unseen = stream.has_cut_head().then_some(UNSEEN);
        OsloView { matches, uncertainty, unseen, stream_bytes: stream.length }
    }
}

fn matched(name: &'static str, virtual_size: u64, safety: Safety) -> Option<OsloMatch> {
    Some(OsloMatch { name, virtual_size: Some(virtual_size.into()), safety })
}

/// Passed, unless a check failed.
fn checked(failures: Vec<FailedCheck>) -> Safety {
    if failures.is_empty() { Safety::Passed } else { Safety::Failed(failures) }
}

/// Any version, if a complete sector was seen.
fn qcow2(stream: &Stream<'_>) -> Option<OsloMatch> {
    let header = stream.head.get(..512)?;
    header.starts_with(b"QFI\xfb").then_some(())?;
    let mut failures = Vec::new();
    if be64(header, 8)? != 0 {
        failures.push(FailedCheck::new("backing_file", "Image has a backing file"));
    }
    let (version, features) = (be32(header, 4)?, be64(header, 72)?);
    if features & 4 != 0 {
        failures.push(FailedCheck::new("data_file", "Image has data_file set"));
    }
    match version {
        2 => {}
        3 if features >> 4 == 0 => {}
        3 => failures.push(FailedCheck::new("unknown_features", "Unknown QCOW2 features found")),
        _ => failures.push(FailedCheck::new("unknown_features", "Unsupported qcow2 version")),
    }
    matched("qcow2", be64(header, 24)?, checked(failures))
}

/// The virtual size is the original one, not the current one.
fn vhd(stream: &Stream<'_>) -> Option<OsloMatch> {
    stream.head.starts_with(b"conectix").then_some(())?;
    match captured(stream, 0, 512) {
        Ok(header) => matched("vhd", be64(header, 40)?, Safety::Passed),
        Err(safety) => matched("vhd", 0, safety),
    }
}

fn vhdx(stream: &Stream<'_>) -> Option<OsloMatch> {
    const REGION_TABLE: u64 = 192 << 10;
    const TABLE_BYTES: u64 = 64 << 10;
    stream.head.starts_with(vhdx::MAGIC).then_some(())?;
    let table = match captured(stream, REGION_TABLE, TABLE_BYTES) {
        Ok(table) => table,
        Err(safety) => return matched("vhdx", 0, safety),
    };
    // An inspector that raises an error gets no more bytes, but its match counts.
    if !table.starts_with(b"regi") || le32(table, 8)? >= 2048 {
        return matched("vhdx", 0, Safety::Passed);
    }
    let Some(offset) = vhdx::metadata_offset(stream) else {
        return matched("vhdx", 0, Safety::Passed);
    };
    let metadata = match captured(stream, offset, TABLE_BYTES) {
        Ok(metadata) if metadata.starts_with(b"metadata") && le16(metadata, 10)? < 2048 => metadata,
        Ok(_) => return matched("vhdx", 0, Safety::Unknown("its metadata is malformed")),
        Err(safety) => return matched("vhdx", 0, safety),
    };
    let Some((item, length)) = vhdx::size_item(metadata) else {
        return matched("vhdx", 0, Safety::Passed);
    };
    if length != 8 {
        let safety =
            Safety::Unknown("the service's inspector fails on the length of the size field");
        return Some(OsloMatch { name: "vhdx", virtual_size: None, safety });
    }
    match captured(stream, offset.checked_add(u64::from(item))?, 8) {
        Ok(size) => matched("vhdx", le64(size, 0)?, Safety::Passed),
        Err(safety) => matched("vhdx", 0, safety),
    }
}

fn vdi(stream: &Stream<'_>) -> Option<OsloMatch> {
    let header = stream.head.get(..512)?;
    (le32(header, 0x40)? == 0xbeda_107f).then_some(())?;
    matched("vdi", le64(header, 0x170)?, Safety::Passed)
}

fn qed(stream: &Stream<'_>) -> Option<OsloMatch> {
    stream.head.get(..512)?.starts_with(b"QED\0").then_some(())?;
    let failure = FailedCheck::new("banned", "This file format is not allowed");
    let virtual_size = stream.length.map(Into::into);
    Some(OsloMatch { name: "qed", virtual_size, safety: checked(vec![failure]) })
}

/// Detected by the first descriptor, if it is complete.
fn iso(stream: &Stream<'_>) -> Option<OsloMatch> {
    let descriptor = stream.head.get(iso::DESCRIPTORS..iso::DESCRIPTORS + iso::DESCRIPTOR_BYTES)?;
    matches!(&bytes(descriptor, 1)?, b"CD001" | b"NSR02" | b"NSR03").then_some(())?;
    let size = u64::from(le32(descriptor, 80)?) * u64::from(le16(descriptor, 128)?);
    matched("iso", if descriptor.starts_with(&[1]) { size } else { 0 }, Safety::Passed)
}

fn gpt(stream: &Stream<'_>) -> Option<OsloMatch> {
    boot_sector::is_matched(stream.head).then_some(())?;
    let failures =
        boot_sector::check(stream.head).err().map(|reason| FailedCheck::new("mbr", reason));
    let virtual_size = stream.length.map(Into::into);
    Some(OsloMatch { name: "gpt", virtual_size, safety: checked(failures.into_iter().collect()) })
}

/// Any version; the computed size of version 2 is meaningless.
fn luks(stream: &Stream<'_>) -> Option<OsloMatch> {
    stream.head.starts_with(luks::MAGIC).then_some(())?;
    let header = match captured(stream, 0, 592) {
        Ok(header) => header,
        Err(safety) => return Some(OsloMatch { name: "luks", virtual_size: None, safety }),
    };
    let payload = i128::from(be32(header, 104)?) * i128::from(SECTOR);
    let virtual_size = stream.length.map(|length| i128::from(length) - payload);
    let version = be16(header, 6)?;
    let failure = (version != 1)
        .then(|| FailedCheck::new("version", format!("LUKS version {version} is not supported")));
    let safety = checked(failure.into_iter().collect());
    Some(OsloMatch { name: "luks", virtual_size, safety })
}
