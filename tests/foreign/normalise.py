"""Replaces what differs from run to run in the output of programs, so that two services can be compared."""

import re

PATTERNS = [
    ("request", re.compile(r"req-[0-9a-f-]{36}")),
    ("id", re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")),
    ("project", re.compile(r"\b[0-9a-f]{32}\b")),
    ("time", re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?")),
    ("address", re.compile(r"http://127\.0\.0\.1:\d+(?:/identity)?")),
    ("folder", re.compile(r"(?:/[\w.-]+)+/(?=glance/(?:fast|slow))")),
]
# Of these the number does not matter: clients send more or fewer requests.
UNNUMBERED = {"request", "time", "address", "folder"}


def unordered(line):
    """The words of a line in alphabetical order: Glance returns tags and properties in any order."""
    words = re.split(r"[\s,\[\]{}()|]+", line)
    return " ".join(sorted(word for word in words if word))


class Names:
    """Names for ids, the same for the same id."""

    def __init__(self):
        self.known = {}

    def replaced(self, text):
        """The text with names for ids, times and addresses."""
        for kind, pattern in PATTERNS:
            text = pattern.sub(lambda match, kind=kind: self.name(kind, match.group()), text)
        return text

    def normalised(self, text, is_ordered):
        """The same without the widths of tables, and without the order of lines unless `is_ordered`."""
        text = self.replaced(text)
        lines = [re.sub(r"-{3,}", "---", re.sub(r" +", " ", line)).strip() for line in text.splitlines()]
        lines = [line for line in lines if not line.startswith("Could not load '")]
        return "\n".join(lines if is_ordered else sorted(unordered(line) for line in lines))

    def name(self, kind, value):
        if kind in UNNUMBERED:
            return f"<{kind}>"
        number = self.known.setdefault(value, len(self.known) + 1)
        return f"<{kind} {number}>"
