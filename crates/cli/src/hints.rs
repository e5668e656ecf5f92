//! What to do next after an error.

use std::path::Path;

use imgpush_client::{ConfigError, Error as ClientError, Status};
use imgpush_engine::image_formats::{Finding, Format};
use imgpush_engine::source::{ChecksumError, Refusal};
use imgpush_engine::{
    DestinationError, FormatError, IntegrityError, PullFailure, PushError, PushFailure,
    SourceError, TransferError, source,
};

/// Of two images that must not have one name.
pub(crate) const SAME_NAME: &str =
    "push one of them alone with --name, or use --if-exists rename or add";

/// Hints for a push that failed.
pub(crate) fn for_push(error: &PushError, file: &Path) -> Vec<String> {
    for_failure(&error.failure, file)
}

/// Hints for a push that failed so.
pub(crate) fn for_failure(failure: &PushFailure, file: &Path) -> Vec<String> {
    let mut hints = for_format(failure, file, "imgpush push");
    let hint = match failure {
        PushFailure::NoName => Some("give one with --name".to_owned()),
        PushFailure::Transfer(TransferError::Source(error)) => match &**error {
            SourceError::Empty { .. } => {
                Some("use --allow-empty if the image is meant to have no bytes".to_owned())
            }
            error => for_source(error),
        },
        PushFailure::Quota { .. } => Some("delete images or ask for a larger quota".to_owned()),
        PushFailure::Unreached { source } => for_client(source),
        PushFailure::Client { source, .. } | PushFailure::NotCreated { source } => {
            for_client(source)
        }
        PushFailure::Transfer(TransferError::Client { source, .. }) => for_client(source),
        PushFailure::Transfer(TransferError::Unanswered { .. }) | PushFailure::Unfinished { .. } => Some(
            "--finish-timeout SECONDS waits longer for the service after the last byte; look at the \
             image before you push it again"
                .to_owned(),
        ),
        PushFailure::NotProtected { .. } => {
            Some("protect it with `imgpush image set --protected`".to_owned())
        }
        PushFailure::Transfer(TransferError::Broken { .. } | TransferError::Stalled { .. }) => {
            Some("nothing half-made is used by the cloud; push it again".to_owned())
        }
        PushFailure::Transfer(TransferError::ReadOnce { .. }) => {
            Some("a file, or an address, is sent again by itself; push it again".to_owned())
        }
        PushFailure::Transfer(TransferError::TooSlow) => Some("push it there alone, or with --slowest wait".to_owned()),
        PushFailure::Stuck { id, .. } => {
            Some(format!("delete {id} with `imgpush image delete {id}`, and push under another id"))
        }
        PushFailure::NoSuchStore { .. } => {
            Some("`imgpush image stores` lists what the service has".to_owned())
        }
        PushFailure::ImportNotOffered { .. } => {
            Some("--via direct needs no import, with one store at most".to_owned())
        }
        PushFailure::Exists { .. } => Some(
            "--if-exists replace retires what is there, rename takes another name, add makes one more, \
             and skip is content with the same data"
                .to_owned(),
        ),
        PushFailure::SameName { .. } => Some(SAME_NAME.to_owned()),
        PushFailure::NotComparable { .. } => Some(
            "--checksum says what the data is before it is read; --if-exists replace and add do not \
             compare; a file can be read twice"
                .to_owned(),
        ),
        PushFailure::NoProject => Some(
            "log in by a password or an application credential, or use --if-exists add without \
             --id derived"
                .to_owned(),
        ),
        PushFailure::StillTheirs { .. } => Some(
            "if nothing sends to it any more, delete it and push again; --wait-for-others SECONDS sets \
             the time"
                .to_owned(),
        ),
        PushFailure::NotReplaced { source, .. } => Some(match source {
            ClientError::Forbidden(answer) if answer.message.contains("is protected") => {
                "run it again when they may be deleted (`imgpush image set --unprotected`), or with \
                 --replaced hide"
                    .to_owned()
            }
            _ => "run it again: it goes on with those that are left".to_owned(),
        }),
        PushFailure::NotCopied { .. } => Some(
            "most services let only administrators copy; --via import reaches several stores \
             without that"
                .to_owned(),
        ),
        PushFailure::Integrity(IntegrityError::Mismatch { field: "os_hash_value" | "checksum" | "size", .. }) => Some(
            "the data changed between here and the store; push it again, and if it happens again \
             look at the network and at the service's disks"
                .to_owned(),
        ),
        PushFailure::Integrity(IntegrityError::CannotVerify { .. }) => Some(
            "compare the image in another way, or delete it with `imgpush image delete`".to_owned(),
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
            format!("something still writes to {name}; run it again when that is done")
        }
        SourceError::Unreachable { .. } => {
            "check the address, the network, http_proxy and no_proxy".to_owned()
        }
        SourceError::GaveUp { .. } => "run it again when the server has recovered".to_owned(),
        SourceError::NotResumable { .. } | SourceError::Endless { .. } => {
            "download it with another tool, look at its checksum, and name the file".to_owned()
        }
        SourceError::Refused { status, .. } if matches!(status.as_u16(), 401 | 403) => {
            "a user and password go into the address: https://USER:PASSWORD@HOST/…".to_owned()
        }
        SourceError::Damaged { .. } => {
            "it was not downloaded to its end, or is broken; get it again".to_owned()
        }
        SourceError::Dictionary { .. } => {
            "unpack it with its own tool, and name the file or pipe it in".to_owned()
        }
        SourceError::TooLarge { .. } => "--max-size sets the limit".to_owned(),
        SourceError::Unverified(error) => return for_proof(error),
        _ => return None,
    })
}

const AGAIN: &str = "get the list and its signature again, both at once";

/// A hint for a source that differs from its checksums.
fn for_proof(error: &ChecksumError) -> Option<String> {
    Some(match error {
        ChecksumError::Differs { .. } => "get it again, and the checksum too: a newer build may have the \
             same name. If it still differs it is not what was published"
            .to_owned(),
        ChecksumError::NoName { .. } | ChecksumError::NoEntry { .. } => {
            "--checksum-name NAME says what the list calls it".to_owned()
        }
        ChecksumError::Contradiction { .. } => {
            "--checksum-name FOLDER/NAME chooses among files of one name".to_owned()
        }
        ChecksumError::NotAList { .. } => {
            "--checksum-file takes the list itself, such as SHA256SUMS, unpacked".to_owned()
        }
        ChecksumError::NoKey { .. } => "--checksum-key FILE takes the public key of whoever publishes the \
             list: it is on their site, or in /usr/share/keyrings; `gpg --export KEY > FILE` writes one"
            .to_owned(),
        ChecksumError::NotAKey { .. } => "`gpg --export KEY > FILE` writes one".to_owned(),
        ChecksumError::Unsigned { .. } => "--checksum-signature takes the signature, which lies beside the \
             list as SHA256SUMS.gpg, .sign or .asc; without --checksum-key the list is believed as it is"
            .to_owned(),
        ChecksumError::Signature { refusals, .. } => {
            let unknown = refusals.iter().find_map(|refusal| match refusal {
                Refusal::UnknownSigner { key } => Some(key),
                _ => None,
            });
            match unknown {
                Some(key) => format!(
                    "if key {key} is of whoever publishes the list, get it from them, and give it with \
                     --checksum-key; else the list is somebody else's"
                ),
                None => AGAIN.to_owned(),
            }
        }
        ChecksumError::NotASignature { .. } => AGAIN.to_owned(),
        ChecksumError::Unreadable { what: "key", .. } => {
            "keys are files that you keep: get one once, in a way that you trust".to_owned()
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
            hints.extend(instead.map(|name| format!("--disk-format {name} is what fits")));
            true
        }
        Some(FormatError::Unsafe { overrulable, .. }) => *overrulable,
        Some(FormatError::Unclear { .. }) => true,
        Some(FormatError::Unknown { found, .. }) => {
            let hint = match found {
                Format::Ova => {
                    "`--container-format ova --disk-format vmdk` pushes the appliance as it is"
                }
                _ => "--disk-format F --force-format insists",
            };
            hints.push(hint.to_owned());
            false
        }
        Some(FormatError::NoDiskFormat { .. }) => {
            let hint = "give the one of the disk inside: for most appliances --disk-format vmdk, for a \
                        compressed image what it is when unpacked";
            hints.push(hint.to_owned());
            false
        }
        _ => false,
    };
    if matches!(failure.format_error(), Some(FormatError::Refused { reason, .. }) if reason.starts_with("mbr:"))
    {
        let hint = "services before 2026.1 take it, later ones where they are told to; say so with \
                    --glance gpt_safety_checks_nonfatal=mbr";
        hints.push(hint.to_owned());
    }
    if may_insist {
        hints.push(format!("`{verb} --force-format` insists"));
    }
    hints
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
    format!("{}: {}", finding.id, finding.id.remedy().replace("IMAGE", &word))
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
            "`imgpush image set --disk-format` changes what the record says".to_owned()
        }
        PushFailure::Transfer(TransferError::Source(error)) => return for_source(error),
        PushFailure::Unreached { source } => return for_client(source),
        PushFailure::Client { source, .. } => return for_client(source),
        PushFailure::Transfer(TransferError::Client { source, .. }) => return for_client(source),
        PushFailure::Transfer(TransferError::Broken { .. } | TransferError::Stalled { .. }) => {
            "the image takes data again once it is queued".to_owned()
        }
        PushFailure::NotStageable { status: Status::Uploading } => {
            "`imgpush image import` imports what is staged".to_owned()
        }
        PushFailure::NotStageable { .. } => {
            "make a record for the data with `imgpush image create`".to_owned()
        }
        _ => return None,
    })
}

/// A hint for a download or a verification that failed.
pub(crate) fn for_download(failure: &PullFailure) -> Option<String> {
    Some(match failure {
        PullFailure::Client { source, .. } => return for_client(source),
        PullFailure::Destination(DestinationError::Exists { .. }) => {
            "choose another name, or leave --no-overwrite out".to_owned()
        }
        PullFailure::Destination(DestinationError::IsOther { .. }) => {
            "--overwrite replaces it, -o names another place".to_owned()
        }
        PullFailure::Integrity(IntegrityError::Differs { .. }) => {
            "the data in the store is not what was uploaded, or another file \
             is compared; ask whoever runs the cloud to look at the store"
                .to_owned()
        }
        PullFailure::Integrity(IntegrityError::CannotVerify { .. }) => {
            "`imgpush pull --allow-unverified` gets the data without a proof".to_owned()
        }
        PullFailure::Integrity(IntegrityError::NotAvailable { status: Status::Deactivated }) => {
            "`imgpush image reactivate` opens it again".to_owned()
        }
        PullFailure::Destination(
            DestinationError::Full { .. } | DestinationError::Write { .. },
        ) => "make room and run it again; a file goes on where it stopped".to_owned(),
        PullFailure::GaveUp { .. } => "run it again; a file goes on where it stopped".to_owned(),
        _ => return None,
    })
}

/// A hint for a call that failed.
pub(crate) fn for_client(error: &ClientError) -> Option<String> {
    Some(match error {
        ClientError::Config(error) => return for_config(error),
        ClientError::LoginRefused { .. } => {
            "check user, password, domains and project of this cloud".to_owned()
        }
        ClientError::Login { .. } => "check auth_url, the network and the certificates \
                                      (--os-cacert FILE for a private authority)"
            .to_owned(),
        ClientError::NoEndpoint { .. } => "check --os-region-name and --os-interface".to_owned(),
        ClientError::Forbidden(answer) if answer.message.contains("is protected") => {
            "`imgpush image set --unprotected` lets it be deleted".to_owned()
        }
        ClientError::Forbidden(answer) if answer.message.contains("only store") => {
            "without --store the image is deleted".to_owned()
        }
        ClientError::Forbidden(_) => {
            "the project or role may not do this; ask whoever runs the cloud".to_owned()
        }
        ClientError::NoSuchImage { .. } => "`imgpush image list --all` shows the images of this \
             project and the public ones, `--hidden` those that lists leave out; an image that is \
             shared with this project and not accepted is found by its id only"
            .to_owned(),
        ClientError::Duplicate { .. } => "use the id of the one that is meant".to_owned(),
        ClientError::ImportFailed { .. } | ClientError::FellBack { .. } => {
            "`imgpush image tasks IMAGE` shows its imports; the service's log may know more".to_owned()
        }
        ClientError::WaitedTooLong { .. } => {
            "the service may still be at it; `imgpush image show IMAGE` tells".to_owned()
        }
        ClientError::FormatRefused(_) => {
            "the data is not what disk_format says, or the service holds it for unsafe; \
             `imgpush image set --disk-format` changes what it says while there is no data"
                .to_owned()
        }
        ClientError::Gone(_) => "somebody deleted the image meanwhile".to_owned(),
        ClientError::NoData { .. } => {
            "give it data with `imgpush image stage` and `imgpush image import`".to_owned()
        }
        ClientError::NotFound(answer) if answer.url.contains("/cache") => {
            "the service has no cache, or none that is managed this way".to_owned()
        }
        ClientError::NotFound(answer) if answer.url.contains("/info/stores") => {
            "the service has only one store".to_owned()
        }
        ClientError::NotFound(answer) if answer.url.contains("/schemas/") => {
            "that address is not an image service; check the catalog or image_endpoint_override"
                .to_owned()
        }
        ClientError::TooLarge(answer) if answer.request_id.is_none() => {
            "a proxy before the image service limits the size of requests".to_owned()
        }
        ClientError::TooLarge(_) => {
            "the service limits the size of one image, or its store is full; ask whoever runs the cloud"
                .to_owned()
        }
        ClientError::Transport { .. } | ClientError::TimedOut { .. } => {
            "check the address, the network and the certificates".to_owned()
        }
        _ => return None,
    })
}

/// A hint for a cloud that is not configured.
pub(crate) fn for_config(error: &ConfigError) -> Option<String> {
    Some(match error {
        ConfigError::NoCloud { .. } | ConfigError::UnknownCloud { .. } => {
            "name one with --cloud or OS_CLOUD; clouds.yaml is looked for in the working directory, \
             ~/.config/openstack and /etc/openstack, or where OS_CLIENT_CONFIG_FILE says"
                .to_owned()
        }
        ConfigError::UnsupportedAuthType { .. } => "supported are password, v3token, \
             v3applicationcredential, v3totp, v3multifactor, v3oidcaccesstoken, \
             v3oidcclientcredentials, v3oidcpassword, admin_token, http_basic and none"
            .to_owned(),
        _ => return None,
    })
}
