"""Runs test modules and writes the result of each test as a line of JSON.

usage: run_tests.py RESULTS MODULE...

A MODULE is a package, whose test modules are all run, or a module. The tests run one after another in this
process.
"""

import json
import pkgutil
import sys
import unittest
from importlib import import_module


class Recorder(unittest.TestResult):
    """Writes a result as soon as it is known."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def record(self, test, outcome, reason=""):
        line = {"test": test.id(), "outcome": outcome, "reason": reason.strip()[-2000:]}
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def addSuccess(self, test, details=None):
        self.record(test, "passed")

    def addSkip(self, test, reason=None, details=None):
        if reason is None and details and "reason" in details:
            reason = details["reason"].as_text()
        self.record(test, "skipped", reason or "")

    def addExpectedFailure(self, test, err=None, details=None):
        self.record(test, "passed")

    def addUnexpectedSuccess(self, test, details=None):
        self.record(test, "failed", "unexpected success")

    def addFailure(self, test, err=None, details=None):
        self.record(test, "failed", self.described(test, err, details))

    addError = addFailure

    def described(self, test, err, details):
        if err:
            return self._exc_info_to_string(err, test)
        return "\n".join(detail.as_text() for name, detail in (details or {}).items() if "traceback" in name)


def modules(name):
    module = import_module(name)
    if not hasattr(module, "__path__"):
        return [name]
    found = pkgutil.walk_packages(module.__path__, name + ".")
    return [info.name for info in found if info.name.rpartition(".")[2].startswith("test_")]


def main():
    results, *names = sys.argv[1:]
    suite = unittest.TestSuite()
    for name in names:
        for module in modules(name):
            suite.addTests(unittest.defaultTestLoader.loadTestsFromName(module))
    with open(results, "w", encoding="utf-8") as file:
        suite.run(Recorder(file))


if __name__ == "__main__":
    main()
