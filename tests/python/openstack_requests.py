"""openstackclient and openstacksdk with given configurations, for tests/tests/configurations.

Reads one JSON object from each line of its input:

    program      "openstackclient" or "openstacksdk"
    environment  all environment variables
    folder       the working directory
    arguments    global options, such as ["--os-cloud", "c"]

For each it lists one image, and prints "done" or "failed" with the message, as a JSON array. The caller records the
requests. Each run is a fork of this process, so that no run affects another one and nothing is imported twice.
"""

import contextlib
import importlib
import io
import json
import os
import signal
import sys
import warnings

import openstack
from openstack.config import loader
from openstackclient import shell
from openstackclient.image.v2 import image  # noqa: F401  imported here, once

TIMEOUT = 20


def openstackclient(arguments):
    code = shell.OpenStackShell().run([*arguments, "image", "list", "--limit", "1"])
    if code:
        raise RuntimeError(f"exit code {code}")


def openstacksdk(arguments):
    settings = {}
    for place, name in enumerate(arguments):
        if name.startswith("--"):
            value = arguments[place + 1] if place + 1 < len(arguments) else "--"
            key = name.removeprefix("--").removeprefix("os-").replace("-", "_")
            settings[key] = True if value.startswith("--") else value
    cloud = openstack.connect(**settings)
    next(cloud.image.images(limit=1, paginated=False), None)


def run(job, answer):
    """In the fork: runs a job, and writes the answer."""
    signal.alarm(TIMEOUT)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.clear()
    os.environ.update(job["environment"])
    # The search path of the files is computed on import.
    importlib.reload(loader)
    try:
        globals()[job["program"]](job["arguments"])
        result = ["done", ""]
    except BaseException as error:  # SystemExit, too
        result = ["failed", f"{type(error).__name__}: {error}"]
    sys.stdout.flush()
    os.write(answer, json.dumps(result).encode())


def warm_up():
    """Loads the plugins once; each fork would load them again. No service is at this address."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        with contextlib.suppress(Exception, SystemExit):
            openstackclient(["--os-auth-type", "none", "--os-endpoint", "http://127.0.0.1:1"])


def main():
    warnings.simplefilter("ignore")
    warm_up()
    for line in sys.stdin:
        job = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            os.close(0)
            os.open(os.devnull, os.O_RDONLY)
            os.chdir(job["folder"])
            run(job, write)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answers:
            answer = answers.read()
        os.waitpid(child, 0)
        print(answer or json.dumps(["failed", "no answer"]), flush=True)


main()
