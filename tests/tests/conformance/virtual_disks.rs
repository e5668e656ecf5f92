//! What the service reads in the headers of virtual disks.

use bytes::Bytes;
use http_body_util::Full;
use imgpush_client::{Error, Image, ImageClient, NewImage};
use imgpush_scene::zeros_with;

use super::{Clouds, message, sized, unique};

const SECTOR: usize = 512;

pub(crate) async fn the_virtual_size_of_a_vhdx_is_recorded(clouds: &Clouds) {
    const REGIONS: usize = 192 << 10;
    const METADATA: usize = 2 << 20;
    let region_id = 0x8b7c_a206_4790_4b9a_b8fe_575f_050f_886e_u128;
    let size_id = 0x2fa5_4224_cd1b_4876_b211_5dbe_d83b_f4b8_u128;
    let vhdx = zeros_with(
        3 << 20,
        &[
            (0, b"vhdxfile"),
            (REGIONS, b"regi\0\0\0\0\x01"),
            (REGIONS + 16, &guid(region_id)),
            (REGIONS + 32, &(METADATA as u64).to_le_bytes()),
            (METADATA, b"metadata\0\0\x01"),
            (METADATA + 32, &guid(size_id)),
            (METADATA + 48, &0x1_0000u32.to_le_bytes()),
            (METADATA + 52, &8u32.to_le_bytes()),
            (METADATA + 0x1_0000, &(5u64 << 30).to_le_bytes()),
        ],
    );
    let image = upload(&clouds.demo, "vhdx", vhdx).await.unwrap();
    assert_eq!((image.size(), image.virtual_size()), (Some(3 << 20), Some(5 << 30)));
    clouds.demo.delete(image.id()).await.unwrap();
}

pub(crate) async fn a_vmdk_whose_footer_differs_is_refused(clouds: &Clouds) {
    let text =
        "# Disk DescriptorFile\nversion=1\ncreateType=\"streamOptimized\"\nRW 8 SPARSE \"a\"\n";
    let header = zeros_with(
        SECTOR,
        &[
            (0, b"KDMV\x03"),
            (12, &8u64.to_le_bytes()),
            (28, &1u64.to_le_bytes()),
            (36, &20u64.to_le_bytes()),
            (56, &u64::MAX.to_le_bytes()),
        ],
    );
    let footer = zeros_with(SECTOR, &[(0, &header), (56, &21u64.to_le_bytes())]);
    let vmdk = |marker: u8| {
        let end = 64 * SECTOR;
        zeros_with(
            end + 3 * SECTOR,
            &[
                (0, &header),
                (SECTOR, text.as_bytes()),
                (end + 12, &[marker]),
                (end + SECTOR, &footer),
            ],
        )
    };
    let image = upload(&clouds.demo, "vmdk", vmdk(3)).await.unwrap();
    assert_eq!(image.virtual_size(), Some(8 * 512));
    clouds.demo.delete(image.id()).await.unwrap();
    let error = upload(&clouds.demo, "vmdk", vmdk(2)).await.unwrap_err();
    assert!(message(&error).contains("Image failed safety checks"), "{error}");
}

/// Uploads data as this format; a record whose data is refused is deleted.
async fn upload(client: &ImageClient, format: &str, data: Vec<u8>) -> Result<Image, Error> {
    let record = NewImage::named(unique(format)).with_formats(format, "bare");
    let image = client.create(&record).await.unwrap();
    let size = sized(data.len() as u64);
    match client.upload(image.id(), Full::from(Bytes::from(data)), &size).await {
        Ok(()) => client.image(image.id()).await,
        Err(error) => {
            client.delete(image.id()).await.unwrap();
            Err(error)
        }
    }
}

/// The bytes of a GUID: the first three numbers of its text are little-endian.
fn guid(value: u128) -> [u8; 16] {
    let mut bytes = value.to_be_bytes();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}
