"""Installs the suites into the environment of this interpreter.

usage: install.py
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
CONSTRAINTS = [os.path.join(HERE, os.pardir, "cloud", "constraints.txt"), os.path.join(HERE, "constraints.txt")]
# The play runs with an older openstacksdk: the collection reads `openstack.version`, which newer ones do not import.
PLAY_SDK = os.path.join(sys.prefix, "play-sdk")
# It requires exact versions of its dependencies, which are not those of the other suites.
WITHOUT_DEPENDENCIES = "openstack-image-manager"
COLLECTION = "ansible_collections/openstack/cloud/"


def pip(*arguments, constraints=CONSTRAINTS):
    options = ["--quiet", "--disable-pip-version-check"]
    for file in constraints:
        options += ["-c", file]
    subprocess.run([sys.executable, "-m", "pip", *arguments, *options], check=True)


def collection():
    """Installs one collection of the package `ansible`: all of them have 500 MB."""
    with tempfile.TemporaryDirectory() as folder:
        pip("download", "--no-deps", "--dest", folder, "ansible")
        (wheel,) = os.listdir(folder)
        with zipfile.ZipFile(os.path.join(folder, wheel)) as package:
            wanted = [name for name in package.namelist() if name.startswith(COLLECTION)]
            package.extractall(sysconfig.get_paths()["purelib"], wanted)


def main():
    pip("install", "-r", os.path.join(HERE, "requirements.txt"))
    pip("install", "--no-deps", WITHOUT_DEPENDENCIES)
    collection()
    pinned = os.path.join(HERE, "play-requirements.txt")
    pip("install", "--no-deps", "--upgrade", "--target", PLAY_SDK, "-r", pinned, constraints=[])


if __name__ == "__main__":
    main()
