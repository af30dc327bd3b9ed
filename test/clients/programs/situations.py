# The same as situations.mjs, for Python.
import json
import os
import urllib.request

SITUATIONS = [
    "text",
    "tool",
    "items",
    "refused",
    "too-long",
    "broken-text",
    "broken-tool",
    "broken-after-tool",
    "cancelled",
    "silent",
    "refused-late",
]
COMMENTED = ["silent", "refused-late"]


class Seen:
    """What one call saw, in the order in which it came."""

    def __init__(self, on_first, record):
        self.text, self.reasoning, self.tools, self.end, self.error = "", "", [], None, None
        self._on_first = on_first
        self._record = record

    def add(self, text):
        self.text += text
        if text and self._on_first:
            act, self._on_first = self._on_first, None
            act()

    def away(self):
        """Returns when a request that breaks off or is cancelled has ended, and at once for any other."""
        terminal = self._record is None
        while not terminal:
            terminal = json.load(urllib.request.urlopen(f"{self._record}?wait=5"))["terminal"]

    def __str__(self):
        shown = {name: value for name, value in vars(self).items() if value and not name.startswith("_")}
        return json.dumps(shown, separators=(",", ":"))


def error_of(error):
    body = getattr(error, "body", None)
    code = getattr(error, "code", None) or (body.get("code") if isinstance(body, dict) else None)
    return [type(error).__name__, getattr(error, "status_code", None), code]


def play_all(ways):
    for name, way in ways.items():
        operation = name.split(" ")[0]
        for situation in SITUATIONS:
            if situation == "items" and operation != "responses":
                continue
            base_url = os.environ["KEEPALIVE_URL" if situation in COMMENTED else "BASE_URL"]
            key = f"{os.environ['PREFIX']}-{name.replace(' ', '-')}-{situation}"

            def cancel():
                urllib.request.urlopen(urllib.request.Request(f"{base_url}/requests/{key}/cancel", method="POST"))

            def call(label, on_first):
                ends = label.startswith(("broken", "cancelled"))
                seen = Seen(on_first, f"{base_url}/requests/{key}" if ends else None)
                try:
                    way(base_url, key, seen)
                except Exception as error:
                    seen.error = error_of(error)
                print(f"{name}, {label}: {seen}")

            call(situation, cancel if situation == "cancelled" else None)
            if situation.startswith("broken"):
                call(f"{situation} again", None)
