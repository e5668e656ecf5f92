"""Uploads files with openstacksdk and its checksum validation: sdk_push.py FILE..., for benches/peers.

The OS_* variables select the cloud.
"""

import sys

import openstack

cloud = openstack.connect()
for path in sys.argv[1:]:
    image = cloud.image.create_image(
        "bench",
        filename=path,
        disk_format="raw",
        container_format="bare",
        allow_duplicates=True,
        validate_checksum=True,
        wait=True,
    )
    print(image.id)
