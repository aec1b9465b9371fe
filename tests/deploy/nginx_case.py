"""What the tests with nginx share: their form of a problem, their patience, and when they are skipped."""

import sys
import time
import unittest

import front

PROBLEM = "application/problem+json"


def wait_until(condition, what):
    deadline = time.monotonic() + front.PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"in vain: {what}")
        time.sleep(0.005)


class Case(unittest.TestCase):
    def assert_problem(self, answer, status):
        """A problem of nginx's own, in the API's shape."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], PROBLEM)
        told = answer.json()
        self.assertEqual(set(told), {"type", "title", "status", "detail", "error", "errors"})
        self.assertEqual((told["type"], told["status"], told["errors"]), ("about:blank", status, []))
        self.assertEqual(told["detail"], told["error"])
        self.assertRegex(answer.headers["X-Request-Id"], r"^[0-9a-f]{32}$")
        # For a range that is none, nginx has written the file's header already; this one beats it.
        self.assertIn("no-store", answer.headers.get_all("Cache-Control"))


def run():
    if front.find_program("nginx") is None:
        print("skipped: there is no nginx (Debian's nginx-light)")
        sys.exit(77)
    unittest.main(verbosity=2)
