"""Images in openstacksdk, for tests/tests/cloud/real/interchange.rs.

    sdk_image.py create < attributes     creates an image with them, prints its id
    sdk_image.py show ID                 prints every attribute as openstacksdk reads it

Attributes and answers are JSON objects under openstacksdk's names.
"""

import json
import os
import sys

import openstack


def connect():
    for name in list(os.environ):
        # They would be merged into the named cloud.
        if name.startswith("OS_") and name != "OS_CLIENT_CONFIG_FILE":
            del os.environ[name]
    return openstack.connect(cloud=sys.argv[1])


def create(cloud):
    attributes = json.load(sys.stdin)
    # create_image converts most values to text, including `is_hidden`, which the service then refuses;
    # values in `meta` are sent unchanged.
    meta = {"is_hidden": attributes.pop("is_hidden")}
    image = cloud.image.create_image(
        attributes.pop("name"), allow_duplicates=True, meta=meta, **attributes
    )
    return image.id


def show(cloud, image_id):
    image = cloud.image.get_image(image_id)
    names = [name for name in image.to_dict() if name != "location"]
    return {name: getattr(image, name, None) for name in names}


cloud = connect()
if sys.argv[2] == "create":
    print(create(cloud))
else:
    print(json.dumps(show(cloud, sys.argv[3]), default=str))
