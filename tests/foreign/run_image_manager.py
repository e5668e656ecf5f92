"""Runs openstack-image-manager step by step, and writes its output and the images after each step.

usage: run_image_manager.py RESULTS

FOREIGN_DISK_URL is an address of a small disk image.
"""

import copy
import json
import os
import re
import subprocess
import sys
from datetime import date

import openstack
import yaml
from normalise import Names

TAG = "managed_by_suite"
DEFINITIONS = "definitions.yml"
# What an image is compared by.
KEYS = (
    "name status visibility is_hidden is_protected min_disk min_ram size disk_format container_format tags "
    "architecture hypervisor_type hw_disk_bus os_distro os_version os_type properties"
).split()
# The state that an image has during an import depends on the time.
WAITING = re.compile(r"Waiting for (image to leave queued state|import to complete)")

VERSION = {"version": "1", "build_date": date(2024, 1, 1), "url": os.environ["FOREIGN_DISK_URL"]}
NEXT_VERSION = {**VERSION, "version": "2", "build_date": date(2024, 2, 1)}
DEFINITION = {
    "enable": True,
    "format": "raw",
    "login": "debian",
    "min_disk": 1,
    "min_ram": 64,
    "multi": True,
    "name": "Debian 12",
    "shortname": "debian-12",
    "status": "active",
    "tags": [],
    "visibility": "community",
    "versions": [VERSION],
    "meta": {
        "architecture": "x86_64",
        "hw_disk_bus": "scsi",
        "hw_rng_model": "virtio",
        "hypervisor_type": "qemu",
        "os_distro": "debian",
        "os_version": "12",
        "os_purpose": "generic",
        "provided_until": "none",
        "replace_frequency": "monthly",
        "uuid_validity": "last-2",
    },
}


class Steps:
    """Runs the program, and records each run under a name."""

    def __init__(self, file):
        self.file = file
        self.names = Names()
        self.cloud = openstack.connect()
        self.definitions = [copy.deepcopy(DEFINITION)]

    def run(self, name, *arguments, cloud=None):
        with open(DEFINITIONS, "w", encoding="utf-8") as file:
            yaml.safe_dump({"images": self.definitions}, file)
        program = [sys.executable, "-W", "ignore", "-m", "openstack_image_manager.main"]
        # aria2, which a failed import would start, is not installed.
        options = ["--images", DEFINITIONS, "--tag", TAG, "--prefetch", "never"]
        login = ["--cloud", cloud or os.environ["OS_CLOUD"]]
        done = subprocess.run(
            [*program, *login, *options, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        log = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
        lines = [line for line in log.splitlines() if not WAITING.search(line)]
        result = {
            "test": name,
            "outcome": f"exit {done.returncode}",
            "output": self.names.replaced("\n".join([*lines, *self.images()])),
        }
        self.file.write(json.dumps(result) + "\n")
        self.file.flush()

    def images(self):
        """The managed images, a line each."""
        found = [*self.cloud.image.images(), *self.cloud.image.images(is_hidden=True)]
        lines = []
        for image in found:
            if TAG in image.tags:
                shown = {key: image[key] for key in KEYS}
                shown["tags"] = sorted(image.tags)
                lines.append(json.dumps(shown, sort_keys=True, default=str))
        return sorted(lines)


def main():
    (results,) = sys.argv[1:]
    with open(results, "w", encoding="utf-8") as file:
        steps = Steps(file)
        image = steps.definitions[0]
        steps.run("check the definitions", "--check-only")
        steps.run("dry run", "--dry-run")
        steps.run("import an image")
        steps.run("run again")
        image["min_ram"] = 128
        image["tags"] = ["new-tag"]
        image["meta"]["hw_disk_bus"] = "virtio"
        steps.run("change the definition")
        image["visibility"] = "private"
        steps.run("change the visibility")
        image["versions"] = [VERSION, NEXT_VERSION]
        steps.run("import a new version", "--use-os-hidden")
        image["versions"] = [NEXT_VERSION]
        steps.run("hide the old version", "--hide", "--use-os-hidden")
        steps.run("deactivate the old version", "--deactivate", "--use-os-hidden")
        steps.run("check the age", "--check-age", "--max-age", "10", "--use-os-hidden")
        share = ["--share-image", image["name"], "--share-target", "other"]
        image["visibility"] = "shared"
        steps.run("set the visibility to shared", "--use-os-hidden")
        steps.run("share the image", *share, cloud="devstack-admin")
        steps.run("end the sharing", *share, "--share-action", "del", cloud="devstack-admin")
        image["status"] = "deactivated"
        steps.run("deactivate the image", "--use-os-hidden")
        image["status"] = "active"
        steps.run("reactivate the image", "--use-os-hidden")
        image["meta"]["uuid_validity"] = "none"
        image["versions"] = [VERSION, NEXT_VERSION]
        steps.run("change both versions", "--use-os-hidden")
        image["versions"] = [NEXT_VERSION]
        delete = ["--delete", "--yes-i-really-know-what-i-do"]
        steps.run("delete the old version", "--use-os-hidden", *delete)
        image["meta"]["provided_until"] = date(2024, 12, 31)
        steps.run("delete the expired image", "--use-os-hidden", "--retire-expired", *delete)
        for left in [*steps.cloud.image.images(), *steps.cloud.image.images(is_hidden=True)]:
            if TAG in left.tags:
                steps.cloud.image.delete_image(left)


if __name__ == "__main__":
    main()
