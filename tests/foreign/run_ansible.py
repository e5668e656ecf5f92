"""Runs a play, and writes the result of each of its tasks as a line of JSON.

usage: run_ansible.py RESULTS PLAY
"""

import os
import subprocess
import sys


def main():
    results, play = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    settings = {
        "FOREIGN_RESULTS": results,
        "ANSIBLE_CALLBACK_PLUGINS": os.path.join(here, "callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "results",
        # The play is found without an inventory, and nothing is kept in the home directory.
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_HOME": os.path.abspath("ansible"),
        "ANSIBLE_NOCOLOR": "true",
        # An openstacksdk for its modules.
        "PYTHONPATH": os.path.join(sys.prefix, "play-sdk"),
        # Ansible needs UTF-8.
        "LC_ALL": "C.UTF-8",
    }
    program = [sys.executable, "-W", "ignore", "-m", "ansible", "playbook", play]
    variables = ["-e", f"ansible_python_interpreter={sys.executable}", "-e", f"folder={os.getcwd()}"]
    # Tasks that have to fail ignore the error: any other failure ends the play, and is an error of the suite.
    subprocess.run([*program, *variables], env={**os.environ, **settings}, stdin=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
