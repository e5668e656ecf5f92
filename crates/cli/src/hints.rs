//! What to do next after an error.

use std::io::ErrorKind as IoErrorKind;
use std::path::Path;

use imgpush_client::{Answer, ConfigError, Error as ClientError, Status};
use imgpush_engine::image_formats::{Finding, FindingId, Format};
use imgpush_engine::source::{ChecksumError, Refusal};
use imgpush_engine::{
    ConversionError, DestinationError, FormatError, IntegrityError, PullFailure, PushError,
    PushFailure, RecordOutcome, ShardError, SourceError, TransferError, source,
};

/// For two images with one name.
pub(crate) const SAME_NAME: &str =
    "push them in two commands, one of them with --name, or use --if-exists rename or add";

/// What to do about a shard that is not in the environment.
pub(crate) fn for_shard(error: &ShardError) -> Option<String> {
    Some(match error {
        ShardError::NoScheduler | ShardError::Several { .. } => {
            "give this machine its number, as in --shard 2/8".to_owned()
        }
        ShardError::NoTotal { .. } => "give the number of shards, as in --shard auto/8".to_owned(),
        _ => return None,
    })
}

/// Hints for a push that failed.
pub(crate) fn for_push(error: &PushError, file: &Path) -> Vec<String> {
    let mut hints = for_failure(&error.failure, file);
    if let RecordOutcome::Left { id, .. } = &error.outcome {
        let delete = format!("`imgpush image delete {id}` deletes the image record");
        // The hint for an id that cannot be used again has the command too.
        if !hints.iter().any(|hint| hint.contains(&format!("`imgpush image delete {id}`"))) {
            hints.push(delete);
        }
    }
    hints
}

/// Hints for the cause of a failed push.
pub(crate) fn for_failure(failure: &PushFailure, file: &Path) -> Vec<String> {
    let mut hints = for_format(failure, file, "imgpush push");
    let hint = match failure {
        PushFailure::NoName => Some("name the image with --name NAME".to_owned()),
        PushFailure::Transfer(TransferError::Source(error)) => match &**error {
            SourceError::Empty { .. } => {
                Some("--allow-empty uploads an image without data".to_owned())
            }
            error => for_source(error),
        },
        PushFailure::Quota { .. } => Some(
            "delete images, or ask the operator for a larger quota; `imgpush image usage` shows it"
                .to_owned(),
        ),
        PushFailure::Unreached { source } => for_client(source),
        PushFailure::Client { source, .. } | PushFailure::NotCreated { source } => {
            for_client(source)
        }
        PushFailure::Transfer(TransferError::Client { source, .. }) => for_client(source),
        PushFailure::Transfer(TransferError::Unanswered { .. }) | PushFailure::Unfinished { .. } => Some(
            "--finish-timeout DURATION sets how long to wait after the last byte; check the image with \
             `imgpush image show` before you push again"
                .to_owned(),
        ),
        PushFailure::NotProtected { .. } => {
            Some("`imgpush image set --protected IMAGE` protects it".to_owned())
        }
        PushFailure::Transfer(TransferError::Broken { .. } | TransferError::Stalled { .. }) => {
            Some("run the command again".to_owned())
        }
        PushFailure::Transfer(TransferError::ReadOnce { .. }) => {
            Some("push a file or a URL instead, whose upload can be retried".to_owned())
        }
        PushFailure::Transfer(TransferError::TooSlow) => Some("push to this cloud alone, or use --slowest wait".to_owned()),
        PushFailure::Stuck { id, .. } => {
            Some(format!("delete the image with `imgpush image delete {id}`, and push with another --id"))
        }
        PushFailure::NoSuchStore { .. } => {
            Some("`imgpush image stores` lists the stores".to_owned())
        }
        PushFailure::ImportNotOffered { .. } => {
            Some("--via direct uploads without an import, to one store".to_owned())
        }
        PushFailure::Exists { .. } => Some(
            "--if-exists replace retires the existing image, rename uses another name, add creates a \
             second image, and skip keeps an image with the same content"
                .to_owned(),
        ),
        PushFailure::SameName { .. } => Some(SAME_NAME.to_owned()),
        PushFailure::NotComparable { .. } => Some(
            "push a file, or give the digest with --checksum; --if-exists replace and add need no \
             comparison"
                .to_owned(),
        ),
        PushFailure::NoProject => Some(
            "log in with a password or an application credential, or use --if-exists add without \
             --id derived"
                .to_owned(),
        ),
        PushFailure::StillTheirs { .. } => Some(
            "if no other command uploads to it, delete it and push again; --wait-for-others DURATION \
             sets how long to wait"
                .to_owned(),
        ),
        PushFailure::NotReplaced { source, .. } => Some(match source {
            ClientError::Forbidden(answer) if answer.message.contains("is protected") => {
                "allow the deletion with `imgpush image set --unprotected IMAGE` and run the command again, \
                 or use --replaced hide"
                    .to_owned()
            }
            _ => "run the command again to replace the remaining images".to_owned(),
        }),
        PushFailure::NotCopied { .. } => Some(
            "most services allow only administrators to copy images; --via import uploads to several \
             stores without a copy"
                .to_owned(),
        ),
        PushFailure::Integrity(IntegrityError::Mismatch { field: "os_hash_value" | "checksum" | "size", .. }) => Some(
            "the data changed between imgpush and the store; push it again, and if that fails too, check \
             the network and the storage of the service"
                .to_owned(),
        ),
        PushFailure::Integrity(IntegrityError::WronglyConverted { .. }) => Some(
            "push it again; if that fails too, convert it here with --convert raw, and report the fault to the \
             operators of the service"
                .to_owned(),
        ),
        PushFailure::Integrity(IntegrityError::CannotVerify { .. }) => Some(
            "check the image in another way, or delete it with `imgpush image delete`".to_owned(),
        ),
        _ => None,
    };
    hints.extend(hint);
    hints
}

/// A hint for a source that cannot be read.
pub(crate) fn for_source(error: &SourceError) -> Option<String> {
    Some(match error {
        SourceError::Shrank { name, .. }
        | SourceError::Grew { name, .. }
        | SourceError::Changed { name } => {
            format!("wait until no program writes to {name}, and run the command again")
        }
        SourceError::Unreachable { .. } => {
            "check the URL, the network, and the variables http_proxy, https_proxy and no_proxy"
                .to_owned()
        }
        SourceError::GaveUp { .. } => {
            "run the command again when the server works again".to_owned()
        }
        SourceError::Endless { .. } => {
            "give the checksum of the file with --checksum or --checksum-file, or its size with --size BYTES"
                .to_owned()
        }
        SourceError::NotResumable { .. } | SourceError::ResponsesDiffer { .. } => {
            "run the command again, or download the file with another program and use the file"
                .to_owned()
        }
        SourceError::Refused { status, .. } if matches!(status.as_u16(), 401 | 403) => {
            "put the user and the password into the URL: https://USER:PASSWORD@HOST/…".to_owned()
        }
        SourceError::Damaged { .. } => {
            "the file is damaged or incomplete: download it again".to_owned()
        }
        SourceError::Dictionary { .. } => {
            "decompress it with another program, and use the result or a pipe".to_owned()
        }
        SourceError::TooLarge { .. } => "--max-size SIZE sets the limit".to_owned(),
        SourceError::Unverified(error) => return for_checksum(error),
        _ => return None,
    })
}

const AGAIN: &str = "download the list and its signature again, both at the same time";

/// A hint for a source that is not verified.
fn for_checksum(error: &ChecksumError) -> Option<String> {
    Some(match error {
        ChecksumError::Differs { .. } => "download the file and its checksum again: a newer build may \
             have the same name. If they still differ, do not use the file"
            .to_owned(),
        ChecksumError::NoName { .. } | ChecksumError::NoEntry { .. } => {
            "--checksum-name NAME sets the file name to look up in the list".to_owned()
        }
        ChecksumError::Contradiction { .. } => {
            "--checksum-name FOLDER/NAME selects one of several files with this name".to_owned()
        }
        ChecksumError::NotAList { .. } => {
            "--checksum-file needs the list itself, such as SHA256SUMS, not compressed".to_owned()
        }
        ChecksumError::NoKey { .. } => "--checksum-key FILE names the public key of the publisher: it is \
             on their web site or in /usr/share/keyrings, or export it with `gpg --export KEY > FILE`"
            .to_owned(),
        ChecksumError::NotAKey { .. } => "`gpg --export KEY > FILE` writes a public key".to_owned(),
        ChecksumError::Unsigned { .. } => "--checksum-signature FILE names the signature, usually \
             SHA256SUMS.gpg, .sign or .asc; without --checksum-key the signature is not required"
            .to_owned(),
        ChecksumError::Signature { refusals, .. } => {
            let unknown = refusals.iter().find_map(|refusal| match refusal {
                Refusal::UnknownSigner { key } => Some(key),
                _ => None,
            });
            match unknown {
                Some(key) => format!(
                    "if {key} is the key of the publisher, get it from them and use it with --checksum-key; \
                     if it is not, do not use the list"
                ),
                None => AGAIN.to_owned(),
            }
        }
        ChecksumError::NotASignature { .. } => AGAIN.to_owned(),
        ChecksumError::Unreadable { what: "key", .. } => {
            "save the key to a file from a source that you trust, and use that file".to_owned()
        }
        ChecksumError::Unreadable { source, .. } => return for_source(source),
        _ => return None,
    })
}

/// Hints for data that is not what the record says, or not what the service takes.
fn for_format(failure: &PushFailure, file: &Path, verb: &str) -> Vec<String> {
    let mut hints: Vec<String> = Vec::new();
    for finding in failure.findings() {
        let hint = remedy(finding, file);
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let may_insist = match failure.format_error() {
        Some(FormatError::Mismatch { instead, .. } | FormatError::Refused { instead, .. }) => {
            hints.extend(instead.map(|name| format!("use --disk-format {name}")));
            true
        }
        Some(FormatError::Unsafe { overrulable, .. }) => *overrulable,
        Some(FormatError::Unclear { .. }) => true,
        Some(FormatError::Unknown { found, .. }) => {
            let hint = match found {
                Format::Ova => {
                    "`--container-format ova --disk-format vmdk` pushes the appliance unchanged"
                }
                _ => "--disk-format raw --force-format uploads it as raw data anyway",
            };
            let is_refused_as_raw = *found == Format::Qed || is_luks2(failure.findings());
            if !is_refused_as_raw {
                hints.push(hint.to_owned());
            }
            false
        }
        Some(FormatError::NoDiskFormat { .. }) => {
            let hint = "--disk-format names the format of the disk inside: vmdk for most appliances, and \
                        for a compressed image the format after decompression";
            hints.push(hint.to_owned());
            false
        }
        _ => false,
    };
    if matches!(failure.format_error(), Some(FormatError::Refused { reason, .. }) if reason.starts_with("mbr:"))
    {
        let hint = "services before 2026.1 accept it, and later ones if they are configured so; in that \
                    case use --glance gpt_safety_checks_nonfatal=mbr";
        hints.push(hint.to_owned());
    }
    if failure.findings().iter().any(|finding| finding.id == FindingId::NotADisk) {
        hints.push("if it is a raw disk, use --disk-format raw".to_owned());
    }
    if may_insist {
        hints.push(format!("`{verb} --force-format` uploads it anyway"));
    }
    hints
}

/// Whether a LUKS disk has version 2, which the service refuses as any format.
fn is_luks2(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| {
        finding.id == FindingId::ServiceUnsupported && finding.text.contains("LUKS version 2")
    })
}

/// What to do about a finding, with the name of the file.
fn remedy(finding: &Finding, file: &Path) -> String {
    let file = source::shown(file);
    let file = file.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "-_./+".contains(c);
    let word = match &*file {
        // A stream has to become a file first.
        "-" => "IMAGE".to_owned(),
        file if file.chars().all(is_plain) => file.to_owned(),
        file => format!("'{}'", file.replace('\'', r"'\''")),
    };
    format!("{}: {}", finding.id, finding.remedy().replace("IMAGE", &word))
}

/// Hints for data that was not staged.
pub(crate) fn for_staging(failure: &PushFailure, file: &Path) -> Vec<String> {
    let mut hints = for_format(failure, file, "imgpush image stage");
    hints.extend(after_staging(failure));
    hints
}

fn after_staging(failure: &PushFailure) -> Option<String> {
    Some(match failure {
        PushFailure::Format(FormatError::Mismatch { .. } | FormatError::Refused { .. }) => {
            "`imgpush image set --disk-format FORMAT IMAGE` changes the image record".to_owned()
        }
        PushFailure::Transfer(TransferError::Source(error)) => return for_source(error),
        PushFailure::Unreached { source } => return for_client(source),
        PushFailure::Client { source, .. } => return for_client(source),
        PushFailure::Transfer(TransferError::Client { source, .. }) => return for_client(source),
        PushFailure::Transfer(TransferError::Broken { .. } | TransferError::Stalled { .. }) => {
            "the image accepts data again when its status is queued".to_owned()
        }
        PushFailure::NotStageable { status: Status::Uploading } => {
            "`imgpush image import` imports the staged data".to_owned()
        }
        PushFailure::NotStageable { .. } => {
            "create another image record with `imgpush image create`".to_owned()
        }
        _ => return None,
    })
}

/// A hint for a download or a verification that failed.
pub(crate) fn for_download(failure: &PullFailure) -> Option<String> {
    Some(match failure {
        PullFailure::Client { source, .. } => return for_client(source),
        PullFailure::Destination(DestinationError::Exists { .. }) => {
            "use another file name, or omit --no-overwrite".to_owned()
        }
        PullFailure::Destination(
            DestinationError::IsOther { .. } | DestinationError::NotCompared { .. },
        ) => "--overwrite replaces the file; -o FILE uses another name".to_owned(),
        PullFailure::Integrity(IntegrityError::Differs { .. }) => {
            "the store may have changed the data: ask the operator of the cloud to check it"
                .to_owned()
        }
        PullFailure::Integrity(IntegrityError::CannotVerify { .. }) => {
            "`imgpush pull --allow-unverified` downloads the data without verification".to_owned()
        }
        PullFailure::Integrity(IntegrityError::NotAvailable { status: Status::Deactivated }) => {
            "`imgpush image reactivate IMAGE` allows downloads again".to_owned()
        }
        // The reader of a pipe has ended.
        PullFailure::Destination(DestinationError::Write { source, .. })
            if source.kind() == std::io::ErrorKind::BrokenPipe =>
        {
            return None;
        }
        PullFailure::Destination(
            DestinationError::Full { .. } | DestinationError::Write { .. },
        ) => "free some space, and run the command again: a download to a file resumes".to_owned(),
        PullFailure::Conversion(error) => return for_conversion(error),
        PullFailure::NotBare { .. } => {
            "`imgpush pull` without --convert downloads the data unchanged".to_owned()
        }
        PullFailure::GaveUp { .. } => {
            "run the command again: a download to a file resumes, unless it is converted".to_owned()
        }
        _ => return None,
    })
}

/// A hint for a conversion that failed.
pub(crate) fn for_conversion(error: &ConversionError) -> Option<String> {
    match error {
        ConversionError::Source(error) => for_source(error),
        ConversionError::Exists { .. } => Some("use another name, or --overwrite".to_owned()),
        ConversionError::Output { source, .. }
            if matches!(source.kind(), IoErrorKind::StorageFull | IoErrorKind::QuotaExceeded) =>
        {
            Some("free some space, and run the command again".to_owned())
        }
        _ => None,
    }
}

/// A hint for a call that failed.
pub(crate) fn for_client(error: &ClientError) -> Option<String> {
    Some(match error {
        ClientError::Config(error) => return for_config(error),
        ClientError::LoginRefused { .. } => {
            "check the user, password, domains and project of this cloud".to_owned()
        }
        ClientError::Login { .. } => "check auth_url, the network and the certificates \
                                      (--os-cacert FILE for a private certificate authority)"
            .to_owned(),
        ClientError::NoEndpoint { .. } => "check --os-region-name and --os-interface".to_owned(),
        ClientError::Forbidden(answer) if is_metadef(answer, &["is protected"]) => {
            "`imgpush image metadef namespace set --unprotected NAMESPACE` allows the deletion"
                .to_owned()
        }
        ClientError::Forbidden(answer) if answer.message.contains("is protected") => {
            "`imgpush image set --unprotected IMAGE` allows the deletion".to_owned()
        }
        ClientError::Forbidden(answer) if answer.message.contains("only store") => {
            "omit --store to delete the image itself".to_owned()
        }
        // Glance refuses an action in the wrong status in this way too.
        ClientError::Forbidden(answer) if answer.message.contains("image in status") => {
            return None;
        }
        ClientError::Forbidden(_) => {
            "the project or the role has no permission for this; ask the operator of the cloud".to_owned()
        }
        ClientError::NoSuchImage { .. } => "`imgpush image list --all` lists the images of this \
             project and public images, and `--hidden` lists hidden ones; a shared image that is not \
             accepted yet is found only by its id"
            .to_owned(),
        ClientError::Duplicate { .. } => "use the id of the image".to_owned(),
        ClientError::NoSuchProject { resource, .. } => {
            format!("`openstack {resource} list` lists the {resource}s")
        }
        ClientError::DuplicateProject { .. } => {
            "name the domain with --project-domain, or use the id of the project".to_owned()
        }
        ClientError::ImportFailed { .. } | ClientError::FellBack { .. } => {
            "`imgpush image tasks IMAGE` shows its imports; the log of the service may have details"
                .to_owned()
        }
        ClientError::WaitedTooLong { .. } => {
            "the service may still finish; `imgpush image show IMAGE` shows the status".to_owned()
        }
        ClientError::FormatRefused(_) => {
            "the data does not match disk_format, or the service considers it unsafe; `imgpush image \
             set --disk-format` changes the format while the image has no data"
                .to_owned()
        }
        ClientError::Gone(_) => "another client deleted the image in the meantime".to_owned(),
        ClientError::NoData { .. } => {
            "upload data with `imgpush image stage` and `imgpush image import`".to_owned()
        }
        ClientError::NotFound(answer) if answer.url.contains("/cache") => {
            "the service has no image cache that can be managed with the API".to_owned()
        }
        ClientError::NotFound(answer) if answer.url.contains("/info/stores") => {
            "the service has only one store, without an id".to_owned()
        }
        ClientError::NotFound(answer)
            if is_metadef(answer, &["amespace", "The resource could not be found"]) =>
        {
            "`imgpush image metadef namespace list` lists the namespaces that this project can see"
                .to_owned()
        }
        ClientError::NotFound(answer) if answer.url.contains("/schemas/") => {
            "this URL is not an image service; check the catalog or image_endpoint_override"
                .to_owned()
        }
        ClientError::TooLarge(answer) if answer.request_id.is_none() => {
            "a proxy in front of the image service limits the size of requests".to_owned()
        }
        ClientError::TooLarge(_) => {
            "the service limits the size of an image, or its store is full; ask the operator of the cloud"
                .to_owned()
        }
        error if error.status().is_some_and(|status| status.as_u16() == 411) => {
            "a proxy in front of the image service requires the length of the data: push a file or a URL, \
             or declare the length of a pipe with --size BYTES"
                .to_owned()
        }
        ClientError::Transport { .. } | ClientError::TimedOut { .. } => {
            "check the URL, the network and the certificates".to_owned()
        }
        _ => return None,
    })
}

/// Whether a response about metadata definitions contains one of these texts.
fn is_metadef(answer: &Answer, texts: &[&str]) -> bool {
    answer.url.contains("/metadefs/") && texts.iter().any(|text| answer.message.contains(text))
}

/// A hint for a cloud that is not configured.
pub(crate) fn for_config(error: &ConfigError) -> Option<String> {
    Some(match error {
        ConfigError::NoCloud { .. } | ConfigError::UnknownCloud { .. } => {
            "name a cloud with --cloud or OS_CLOUD; clouds.yaml is read from the working directory, \
             ~/.config/openstack, /etc/openstack, or the path in OS_CLIENT_CONFIG_FILE"
                .to_owned()
        }
        ConfigError::UnknownRegion { cloud, .. } => format!(
            "choose one of them with --os-region-name or OS_REGION_NAME, or add the region to `regions` of \
             `clouds.{cloud}` in clouds.yaml"
        ),
        ConfigError::Missing { cloud, key } => {
            let name = key.strip_prefix("auth.").unwrap_or(key);
            let place = format!("`{key}` of `clouds.{cloud}` in clouds.yaml");
            match name {
                name if cloud == "envvars" => format!("set OS_{}", name.to_uppercase()),
                "password" | "passcode" | "application_credential_secret" | "token" => {
                    format!("set OS_{}, or {place}", name.to_uppercase())
                }
                _ => format!("set {place}"),
            }
        }
        ConfigError::UnsupportedAuthType { .. } => "supported types: password, v3token, \
             v3applicationcredential, v3totp, v3multifactor, v3oidcaccesstoken, \
             v3oidcclientcredentials, v3oidcpassword, admin_token, http_basic and none"
            .to_owned(),
        _ => return None,
    })
}
