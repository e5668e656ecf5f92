//! Image data: uploads, refusals, interruptions, and downloads.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use imgpush_client::{DownloadOptions, Error, ImageClient, NewImage, Status, UploadOptions};
use imgpush_scene::pattern;

use super::{ABC_MD5, ABC_SHA512, Clouds, abc, active, message, raw, sized, unique};

pub(crate) async fn data_makes_an_image_active_with_both_hashes(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("abc")).await.unwrap();
    client.upload(image.id(), abc(), &sized(3)).await.unwrap();
    let image = client.image(image.id()).await.unwrap();
    assert_eq!(image.status(), Status::Active);
    assert_eq!((image.size(), image.virtual_size()), (Some(3), Some(3)));
    assert_eq!(image.checksum(), Some(ABC_MD5));
    assert_eq!(image.hash_algo(), Some("sha512"));
    assert_eq!(image.hash_value(), Some(ABC_SHA512));

    let again = client.upload(image.id(), abc(), &sized(3)).await.unwrap_err();
    assert!(matches!(again, Error::Conflict(_)), "{again}");
    assert_eq!(message(&again), "Image status transition from active to saving is not allowed");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn data_of_unknown_length_is_sent_chunked(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("chunked")).await.unwrap();
    let pieces =
        stream::iter(["a", "b", "c"]).map(|piece| Ok::<_, std::io::Error>(frame(piece.into())));
    client.upload(image.id(), StreamBody::new(pieces), &UploadOptions::default()).await.unwrap();
    let image = client.image(image.id()).await.unwrap();
    assert_eq!((image.status(), image.size()), (Status::Active, Some(3)));
    assert_eq!(image.checksum(), Some(ABC_MD5));
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn empty_data_makes_an_empty_image(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("empty")).await.unwrap();
    client.upload(image.id(), Full::<Bytes>::default(), &sized(0)).await.unwrap();
    let image = client.image(image.id()).await.unwrap();
    assert_eq!((image.status(), image.size()), (Status::Active, Some(0)));
    assert_eq!(image.virtual_size(), None);
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn another_size_than_declared_is_refused_and_can_be_corrected(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("size")).await.unwrap();
    let error = client.upload(image.id(), abc(), &sized(4)).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    assert!(message(&error).contains("expected 4 bytes, got 3 bytes"), "{error}");
    let state = client.image(image.id()).await.unwrap();
    assert_eq!((state.status(), state.size()), (Status::Queued, None));
    client.upload(image.id(), abc(), &sized(3)).await.unwrap();
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn an_interrupted_body_leaves_the_record_queued(clouds: &Clouds) {
    let client = &clouds.demo;
    for size in [Some(3), None] {
        let image = client.create(&raw("broken")).await.unwrap();
        let pieces = stream::iter([
            Ok(frame("ab".into())),
            Err(std::io::Error::other("the source broke off")),
        ]);
        let error = client
            .upload(image.id(), StreamBody::new(pieces), &UploadOptions::sized(size))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Transport { .. }), "{error}");
        let mut state = client.image(image.id()).await.unwrap();
        for _ in 0..50 {
            if state.status() != Status::Saving {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            state = client.image(image.id()).await.unwrap();
        }
        assert_eq!((state.status(), state.size()), (Status::Queued, None));
        client.delete(image.id()).await.unwrap();
    }
}

pub(crate) async fn data_of_another_format_is_refused_after_the_last_byte(clouds: &Clouds) {
    let client = &clouds.demo;
    let mut backed = vec![0; 1024];
    backed[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
    backed[15] = 1; // the offset of a backing file
    // LUKS 2 and QED are never safe.
    let (mut luks, mut qed) = (vec![0; 1024], vec![0; 1024]);
    luks[..8].copy_from_slice(b"LUKS\xba\xbe\0\x02");
    qed[..4].copy_from_slice(b"QED\0");
    for (data, format, reason) in [
        (vec![7; 1024], "qcow2", "Image disk_format qcow2 does not match stream data raw"),
        (vec![7; 1024], "vmdk", "Image disk_format vmdk does not match stream data raw"),
        (vec![7; 1024], "vdi", "Image disk_format vdi does not match stream data raw"),
        (vec![7; 1024], "vhd", "Image disk_format vhd does not match stream data raw"),
        (vec![7; 1024], "vhdx", "Image disk_format vhdx does not match stream data raw"),
        (vec![7; 1024], "iso", "Image disk_format iso does not match stream data raw"),
        (qed.clone(), "iso", "Image disk_format iso does not match stream data qed"),
        (qed, "raw", "Image failed safety checks"),
        (luks, "raw", "Image failed safety checks"),
        (backed.clone(), "qcow2", "Image failed safety checks"),
        (backed, "raw", "Image failed safety checks"),
    ] {
        let wanted = NewImage::named(unique("format")).with_formats(format, "bare");
        let image = client.create(&wanted).await.unwrap();
        let error = client.upload(image.id(), Full::from(data), &sized(1024)).await.unwrap_err();
        assert!(matches!(error, Error::FormatRefused(_)), "{error}");
        assert!(message(&error).ends_with(reason), "{error}");
        assert_eq!(client.image(image.id()).await.unwrap().status(), Status::Queued);
        client.delete(image.id()).await.unwrap();
    }
}

pub(crate) async fn data_needs_formats_first(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&NewImage::named(unique("none"))).await.unwrap();
    let error = client.upload(image.id(), abc(), &sized(3)).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    assert!(message(&error).contains("must be set prior to saving data"), "{error}");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn an_early_refusal_ends_the_upload_and_has_no_other_effect(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("early")).await.unwrap();
    client.upload(image.id(), abc(), &sized(3)).await.unwrap();
    let block = Bytes::from(vec![0; 512 << 10]);
    for _ in 0..5 {
        let block = block.clone();
        let frames =
            stream::iter(0..128).map(move |_| Ok::<_, std::io::Error>(frame(block.clone())));
        let refused = client.upload(image.id(), StreamBody::new(frames), &sized(64 << 20)).await;
        match refused.unwrap_err() {
            // The server resets the connection after its response, which is often lost with it: a plain
            // socket that reads after the failure does not receive it either.
            Error::Conflict(_) | Error::Transport { .. } => {}
            other => panic!("{other}"),
        }
    }
    let image = client.image(image.id()).await.unwrap();
    assert_eq!((image.status(), image.size()), (Status::Active, Some(3)));
    client.delete(image.id()).await.unwrap();
}

fn frame(bytes: Bytes) -> Frame<Bytes> {
    Frame::data(bytes)
}

async fn bytes(client: &ImageClient, id: &str, options: &DownloadOptions) -> Vec<u8> {
    let chunks: Vec<Bytes> =
        client.download(id, options).await.unwrap().try_collect().await.unwrap();
    chunks.concat()
}

pub(crate) async fn data_is_downloaded_completely_and_in_ranges(clouds: &Clouds) {
    let client = &clouds.demo;
    let data = pattern(300_007);
    let image = client.create(&raw("parts")).await.unwrap();
    let size = data.len() as u64;
    client.upload(image.id(), Full::from(data.clone()), &sized(size)).await.unwrap();

    let complete = client.download(image.id(), &DownloadOptions::default()).await.unwrap();
    assert_eq!((complete.first, complete.size, complete.length), (0, Some(size), Some(size)));
    let checksum = client.image(image.id()).await.unwrap().checksum().map(str::to_owned);
    assert_eq!(complete.content_md5, checksum);
    drop(complete);
    assert_eq!(bytes(client, image.id(), &DownloadOptions::default()).await, data);

    let rest = client.download(image.id(), &DownloadOptions::from_byte(300_000)).await.unwrap();
    assert_eq!((rest.first, rest.size, rest.length), (300_000, Some(size), Some(7)));
    assert_eq!(rest.content_md5, checksum, "of the complete image");
    drop(rest);
    let rest = bytes(client, image.id(), &DownloadOptions::from_byte(300_000)).await;
    assert_eq!(rest, data[300_000..]);
    let part = DownloadOptions::default().with_range(&(5..=1000));
    assert_eq!(bytes(client, image.id(), &part).await, data[5..=1000]);

    let beyond = client.download(image.id(), &DownloadOptions::from_byte(size)).await.unwrap_err();
    assert!(matches!(beyond, Error::OutOfRange(_)), "{beyond}");
    client.delete(image.id()).await.unwrap();
}

pub(crate) async fn an_image_without_data_is_reported(clouds: &Clouds) {
    let client = &clouds.demo;
    let image = client.create(&raw("none")).await.unwrap();
    let error = client.download(image.id(), &DownloadOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::NoData { .. }), "{error}");
    client.delete(image.id()).await.unwrap();
    let error = client.download(image.id(), &DownloadOptions::default()).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");

    let image = active(client, "prefer").await;
    let prefer = DownloadOptions::default().with_prefer(["slow", "fast"]);
    assert_eq!(bytes(client, image.id(), &prefer).await, b"abc");
    let unknown = DownloadOptions::default().with_prefer(["nowhere"]);
    let error = client.download(image.id(), &unknown).await.unwrap_err();
    assert!(matches!(error, Error::BadRequest(_)), "{error}");
    client.delete(image.id()).await.unwrap();
}
