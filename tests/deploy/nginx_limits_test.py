#!/usr/bin/python3
"""What nginx refuses, and whom: floods, too many uploads at a time, false addresses."""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import front  # noqa: E402
from nginx_case import Case, run, wait_until  # noqa: E402


class Limits(Case):
    @classmethod
    def setUpClass(cls):
        cls.front = front.Front()
        cls.addClassCleanup(cls.front.close)

    def test_a_flood_is_refused_and_others_are_not(self):
        flood = self.front.client("127.0.0.2")
        answer = flood.ask("GET", "/api/v1/posts")
        self.assertEqual(answer.status, 401)
        for _ in range(5_000):  # the slower the machine, the more it takes
            answer = flood.ask("GET", "/api/v1/posts?content__icontains=lighthouse")
            if answer.status == 429:
                break
        self.assert_problem(answer, 429)
        self.assertEqual(answer.headers["Retry-After"], "1")
        self.assertNotIn("lighthouse", self.front.nginx.errors())
        self.assertEqual(self.front.client("127.0.0.3").ask("GET", "/api/v1/posts").status, 401)

    def test_uploads_at_the_same_time(self):
        head = (b"POST /api/v1/posts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
                b"Content-Type: multipart/form-data; boundary=m\r\nAuthorization: Bearer ")
        token = self.front.client("127.0.0.7").sign_up("slow").token.encode()
        opened = []
        self.addCleanup(lambda: [connection.close() for connection in opened])
        for _ in range(21):
            connection = socket.create_connection(("127.0.0.1", self.front.nginx.port),
                                                  source_address=("127.0.0.8", 0))
            opened.append(connection)
            connection.sendall(head + token + b"\r\n\r\n--m\r\n")
        # Two workers take the connections in any order: one of them is too many, whichever.
        wait_until(lambda: any(self.says_429(connection) for connection in opened), "a refusal")
        other = self.front.client("127.0.0.9").ask("GET", "/api/v1/posts")
        self.assertEqual(other.status, 401)

    @staticmethod
    def says_429(connection):
        connection.setblocking(False)
        try:
            return connection.recv(4096).startswith(b"HTTP/1.1 429")
        except BlockingIOError:
            return False

    def test_nobody_can_pass_for_another_address(self):
        self.front.client("127.0.0.4").sign_up("kim")
        forged = [{"X-Forwarded-For": "10.1.1.{}"}, {"x-forwarded-for": "127.0.0.1, 10.2.2.{}"},
                  {"Forwarded": "for=10.3.3.{}"}, {"X-Real-IP": "10.4.4.{}"}]

        def guess(number):
            headers = {name: value.format(number) for name, value in forged[number % 4].items()}
            # From where the server itself would believe it: as nothing that it trusts is a client.
            return self.front.client("127.0.0.1").ask(
                "POST", "/api/v1/auth/login", {"username": "kim", "password": f"wrong {number}"},
                headers)

        # The program counts guesses at an account for each address: ten, whatever the header says,
        # and one more each 30 seconds, which a busy machine may take for them.
        begun = time.monotonic()
        answers = []
        while not answers or answers[-1].status == 401:
            answers.append(guess(len(answers)))
        allowed = len(answers) - 1
        self.assertGreaterEqual(allowed, 10)
        self.assertLessEqual(allowed, 10 + (time.monotonic() - begun) // 30)
        self.assertEqual(answers[-1].status, 429)
        self.assertNotIn("from your address", answers[-1].json()["detail"])  # not nginx's
        # And nobody can spend the guesses of somebody else.
        spent = self.front.client("127.0.0.6").ask(
            "POST", "/api/v1/auth/login", {"username": "kim", "password": "a long password"},
            {"X-Forwarded-For": "127.0.0.1"})
        self.assertEqual(spent.status, 200, spent.body)


if __name__ == "__main__":
    run()
