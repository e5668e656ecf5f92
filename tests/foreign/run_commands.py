"""Runs the command lines of a file with openstackclient and glanceclient, and writes what each printed.

usage: run_commands.py RESULTS FILE

A line of FILE is a command of `openstack` or `glance`, or a comment. Ids, times and addresses, which differ
from run to run, are replaced by numbered names, so that the results of two services can be compared. The
clients are imported once, since that takes longer than most commands.
"""

import json
import os
import shlex
import sys
import tempfile

import openstack.config as sdk_config
from glanceclient import shell as glance
from normalise import Names
from openstackclient import shell as openstack


def is_list(line):
    return any(word in line.split() for word in ("list", "image-list"))


def run(line):
    """The exit code and all output of a command, which runs in a fork: nothing of it stays in this process."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            for stream in (1, 2):
                os.dup2(output.fileno(), stream)
            os._exit(run_here(*shlex.split(line)))
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode(errors="replace")


def run_here(program, *arguments):
    """The exit code of a command."""
    try:
        if program == "openstack":
            code = openstack.main(list(arguments))
        else:
            os.environ.update(glance_environment())
            sys.argv = [program, *arguments]
            code = glance.main()
    except SystemExit as end:
        code = end.code
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


def glance_environment():
    """The login of OS_CLOUD as variables, since glanceclient reads no clouds.yaml."""
    auth = sdk_config.get_cloud_region(cloud=os.environ["OS_CLOUD"]).get_auth_args()
    login = {f"OS_{key.upper()}": str(value) for key, value in auth.items()}
    return {**login, "OS_REGION_NAME": "RegionOne"}


def main():
    results, commands = sys.argv[1:]
    # As in a terminal: otherwise a record without a file gets the data of stdin.
    sys.stdin = open(os.openpty()[1], encoding="utf-8")
    names = Names()
    with open(commands, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    with open(results, "w", encoding="utf-8") as file:
        for number, line in enumerate(line for line in lines if line and not line.startswith("#")):
            code, output = run(line)
            result = {
                "test": f"{number + 1:03} {line}",
                "outcome": f"exit {code}",
                "output": names.normalised(output, is_list(line)),
            }
            file.write(json.dumps(result) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
