"""Uploads a file as openstacksdk does it, and has it checked: sdk_push.py FILE, for benches/peers.

The cloud is that of the OS_* variables.
"""

import sys

import openstack

image = openstack.connect().image.create_image(
    "bench",
    filename=sys.argv[1],
    disk_format="raw",
    container_format="bare",
    allow_duplicates=True,
    validate_checksum=True,
    wait=True,
)
print(image.id)
