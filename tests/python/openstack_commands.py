"""openstackclient, for tests that run many of its commands: it is imported once.

Reads one JSON array of arguments from each line of its input, runs `openstack` with them in a fork of this process,
and prints one JSON object: the exit code and both outputs.
"""

import importlib
import json
import os
import pkgutil
import sys
import tempfile
import traceback

import openstackclient.identity.client  # noqa: F401  plugins, which each fork would load again
import openstackclient.image.client  # noqa: F401
import openstackclient.image.v2
from openstackclient import shell


def run(arguments, outputs):
    """In the fork: runs a command, and ends the process with its exit code."""
    for stream, output in zip((1, 2), outputs, strict=True):
        os.dup2(output.fileno(), stream)
    try:
        code = shell.main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def text(output):
    output.seek(0)
    return output.read().decode()


def main():
    for module in pkgutil.iter_modules(openstackclient.image.v2.__path__, "openstackclient.image.v2."):
        importlib.import_module(module.name)
    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                run(json.loads(line), (out, err))
            _, status = os.waitpid(child, 0)
            answer = {
                "code": os.waitstatus_to_exitcode(status),
                "stdout": text(out),
                "stderr": text(err),
            }
        print(json.dumps(answer), flush=True)


main()
