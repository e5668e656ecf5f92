"""An Ansible callback that writes the result of each task as a line of JSON to the file in FOREIGN_RESULTS."""

import json
import os
import sys

from ansible.plugins.callback import CallbackBase

sys.path.insert(0, os.path.join(os.path.dirname(__file__), os.pardir))
from normalise import Names  # noqa: E402

DOCUMENTATION = """
name: results
type: notification
short_description: results of tasks in a file
description: Writes the result of each task to a file.
"""

# Parts of a module's result that tell what the service has done.
KEYS = ("image", "images", "msg")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "results"

    def __init__(self):
        super().__init__()
        self.names = Names()
        self.file = open(os.environ["FOREIGN_RESULTS"], "w", encoding="utf-8")

    def write(self, result, word):
        found = result._result
        shown = {key: found[key] for key in KEYS if key in found}
        for image in [shown.get("image") or {}, *shown.get("images", [])]:
            # The host of the service, and Glance's random order.
            image.pop("location", None)
            image["tags"] = sorted(image.get("tags", []))
            # During an import both depend on the time.
            if image.get("status") in ("queued", "importing", "uploading", "saving"):
                image["status"] = "in progress"
            properties = image.get("properties") or {}
            for key in [key for key in properties if key.startswith("os_glance_")]:
                del properties[key]
        changed = "changed" if found.get("changed") else "unchanged"
        line = {
            "test": result._task.get_name().strip(),
            "outcome": word,
            "output": self.names.replaced(f"{changed}\n{json.dumps(shown, sort_keys=True)}"),
            "reason": str(found.get("msg", "")),
        }
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def v2_runner_on_ok(self, result):
        self.write(result, "passed")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.write(result, "failed")

    def v2_runner_on_skipped(self, result):
        self.write(result, "skipped")
