#!/usr/bin/python3
"""nginx's own program, with the repository's nginx.conf, in front of the real server."""

import gzip
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import front  # noqa: E402

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


class Service(Case):
    """What needs no limits and no restart; one server for all of it."""

    @classmethod
    def setUpClass(cls):
        cls.front = front.Front("--rate-limits", "off")
        cls.addClassCleanup(cls.front.close)
        cls.ada = cls.front.client().sign_up("ada")

    def make_post(self, content=""):
        answer = self.ada.post_photo(content)
        self.assertEqual(answer.status, 201, answer.body)
        return answer.json()

    def media_dir(self, *below):
        return os.path.join(self.front.server.data_dir, "media", *below)

    def test_media_whole_and_in_ranges(self):
        url = self.make_post()["files"][0]["url"]
        stranger = self.front.client()
        whole = stranger.ask("GET", url)
        self.assertEqual((whole.status, whole.body), (200, front.PHOTO))
        # As the server itself answers, but for the tag: nginx has its own.
        own = front.Client(self.front.server.port).ask("GET", url)
        for name in ("Content-Type", "Cache-Control", "Content-Security-Policy",
                     "X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Content-Length"):
            self.assertIsNotNone(whole.headers[name], name)
            self.assertEqual(whole.headers[name], own.headers[name], name)
        self.assertTrue(whole.headers["ETag"] and whole.headers["Last-Modified"])

        size = len(front.PHOTO)
        for asked, first, last in [("0-9", 0, 9), ("10-", 10, size - 1), ("-5", size - 5, size - 1),
                                   ("40-9999", 40, size - 1)]:
            part = stranger.ask("GET", url, headers={"Range": f"bytes={asked}"})
            self.assertEqual((part.status, part.body), (206, front.PHOTO[first:last + 1]))
            self.assertEqual(part.headers["Content-Range"], f"bytes {first}-{last}/{size}")
            self.assertIn("immutable", part.headers["Cache-Control"])
        self.assert_problem(stranger.ask("GET", url, headers={"Range": "bytes=999-"}), 416)
        two = stranger.ask("GET", url, headers={"Range": "bytes=0-1,3-4"})
        self.assertEqual((two.status, two.body), (200, front.PHOTO))

        head = stranger.ask("HEAD", url)
        self.assertEqual((head.status, head.body, head.headers["Content-Length"]),
                         (200, b"", str(size)))
        same = stranger.ask("GET", url, headers={"If-None-Match": whole.headers["ETag"]})
        self.assertEqual((same.status, same.body), (304, b""))

    def test_media_comes_from_nginx(self):
        url = self.make_post()["files"][0]["url"]
        self.front.client().ask("GET", url, headers={"X-Request-Id": "who-sent-it"})
        lines = []
        wait_until(lambda: lines.extend(line for line in self.front.nginx.access_lines()
                                        if line["request_id"] == "who-sent-it") or lines, "log")
        self.assertEqual(lines[0]["upstream"], "")

    def test_media_of_a_deleted_post_are_gone_when_the_answer_is_there(self):
        for _ in range(20):
            made = self.make_post()
            url = made["files"][0]["url"]
            self.assertEqual(self.ada.ask("GET", url).status, 200)
            self.assertEqual(self.ada.ask("DELETE", f"/api/v1/posts/{made['id']}").status, 204)
            self.assert_problem(self.ada.ask("GET", url), 404)
        self.assertEqual(self.ada.ask("POST", f"/api/v1/posts/{made['id']}/restore").status, 200)
        self.assertEqual(self.ada.ask("GET", url).body, front.PHOTO)

    def test_media_can_only_be_read(self):
        url = self.make_post()["files"][0]["url"]
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
            refused = self.ada.ask(method, url)
            self.assert_problem(refused, 405)
            self.assertEqual(refused.headers["Allow"], "GET, HEAD")
        self.assertEqual(self.ada.ask("GET", url).status, 200)

    def test_only_public_media_can_be_reached(self):
        made = self.make_post()
        url = made["files"][0]["url"]
        path = url.removeprefix("/media/")
        self.ada.ask("DELETE", f"/api/v1/posts/{made['id']}")
        self.assertTrue(os.path.exists(self.media_dir("hidden", path)))
        os.symlink(self.media_dir("hidden", path), self.media_dir("public", "ab", "link.gif"))
        self.addCleanup(os.unlink, self.media_dir("public", "ab", "link.gif"))
        for tried in ("/media", "/media/", "/media/ab", "/media/ab/", "/media/ab/link.gif",
                      f"/media/../hidden/{path}", f"/media/%2e%2e/hidden/{path}",
                      f"/media/..%2fhidden/{path}", f"/media../hidden/{path}",
                      "/media/ab/../../../db/CURRENT", "/media/%00", "/metrics", "/hidden/" + path,
                      "/", "/index.html", "/nginx.conf", "/api", "/.env"):
            with self.subTest(tried):
                self.assertIn(self.ada.ask("GET", tried).status, (400, 404))

    def test_types_are_the_stored_ones_alone(self):
        for name, kind in [("x.html", "application/octet-stream"), ("x.svg", "application/octet-stream"),
                           ("x", "application/octet-stream"), ("x.mp4", "video/mp4"),
                           ("x.heic", "image/heic"), ("x.mov", "video/quicktime")]:
            path = self.media_dir("public", "ab", name)
            with open(path, "wb") as file:
                file.write(b"<script>alert(1)</script>")
            self.addCleanup(os.unlink, path)
            answer = self.ada.ask("GET", f"/media/ab/{name}")
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, kind))
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertIn("sandbox", answer.headers["Content-Security-Policy"])

    def test_limits_of_size_are_the_servers(self):
        table = subprocess.run([front.SERVER, "--print-configuration-markdown"], check=True,
                               capture_output=True, text=True).stdout
        site = open(os.path.join(front.ROOT, "tools/deploy/nginx/site.conf"), encoding="utf-8").read()
        limits = re.findall(r"client_max_body_size (\d+)([km]);", site)
        for flag, (number, unit) in [("json-bytes-max", limits[0]), ("upload-bytes-max", limits[1])]:
            default = re.search(rf"`--{flag}` \| `\w+` \| `(\d+)(K|M)iB`", table)
            self.assertEqual((number, unit.upper()), default.groups(), flag)

    def test_too_large(self):
        self.assert_problem(self.ada.ask("POST", "/api/v1/auth/login", b"x" * 65537), 413)
        at_limit = self.ada.ask("POST", "/api/v1/auth/login", b"[" * 65536)
        self.assertNotEqual(at_limit.status, 413)
        # Refused by what is announced: none of it is sent.
        with socket.create_connection(("127.0.0.1", self.front.nginx.port)) as connection:
            connection.sendall(f"POST /api/v1/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                               f"{self.ada.token}\r\nContent-Length: {512 * 1024 * 1024 + 1}\r\n"
                               "Content-Type: multipart/form-data; boundary=m\r\n\r\n".encode())
            self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 413 "))

    def test_an_upload_streams_through(self):
        kind, body = front.form("slow", [("photo.gif", front.PHOTO + bytes(3_000_000))])
        with socket.create_connection(("127.0.0.1", self.front.nginx.port)) as connection:
            connection.settimeout(front.PATIENCE_S)
            connection.sendall(f"POST /api/v1/posts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                               f"Authorization: Bearer {self.ada.token}\r\nContent-Type: {kind}\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:2_000_000])
            incoming = self.media_dir("incoming")

            def received():
                return sum(entry.stat().st_size for entry in os.scandir(incoming))

            # Nothing more is sent before that: a buffering nginx would wait for the rest.
            wait_until(lambda: received() > 1_000_000, "the server has the first part")
            connection.sendall(body[2_000_000:])
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.1 201 "), answer)

    def test_a_refused_upload_is_told_why(self):
        stranger = self.front.client()
        stranger.token = "dead"
        for _ in range(5):
            kind, body = front.form("", [("photo.gif", front.PHOTO + bytes(3_000_000))])
            try:
                refused = stranger.ask("POST", "/api/v1/posts", body, {"Content-Type": kind})
            except (BrokenPipeError, ConnectionResetError):
                continue  # it went on sending: the answer may be lost to it, but not turn to a 502
            self.assertEqual(refused.status, 401)

    def test_answers_are_compressed_and_tags_still_match(self):
        made = self.make_post("sea " * 500)
        zipped = {"Accept-Encoding": "gzip"}
        path = f"/api/v1/posts/{made['id']}"
        plain = self.ada.ask("GET", path)
        packed = self.ada.ask("GET", path, headers=zipped)
        self.assertEqual(packed.headers["Content-Encoding"], "gzip")
        self.assertEqual(packed.headers["Vary"], "Accept-Encoding")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertEqual(packed.headers["ETag"], "W/" + plain.headers["ETag"])
        unchanged = self.ada.ask("GET", path, headers=zipped | {"If-None-Match": packed.headers["ETag"]})
        self.assertEqual(unchanged.status, 304)
        changed = self.ada.ask("PATCH", path, {"content": "land"},
                               {"If-Match": packed.headers["ETag"]})
        self.assertEqual(changed.status, 200, changed.body)
        self.assertEqual(self.ada.ask("PATCH", path, {"content": "sky"},
                                      {"If-Match": packed.headers["ETag"]}).status, 412)
        photo = self.ada.ask("GET", made["files"][0]["url"], headers=zipped)
        self.assertIsNone(photo.headers["Content-Encoding"])

    def test_one_request_id_in_both_logs(self):
        strange = 'a"b\\c'
        answer = self.ada.ask("GET", "/api/v1/users/me?x=secret", headers={"X-Request-Id": strange})
        self.assertEqual(answer.headers["X-Request-Id"], strange)
        made = self.ada.ask("GET", "/api/v1/users/me",
                            headers={"X-Request-Id": "x" * 200}).headers["X-Request-Id"]
        self.assertRegex(made, r"^[0-9a-f]{32}$")
        nowhere = self.ada.ask("GET", "/nowhere", headers={"X-Request-Id": "mine"})
        self.assertEqual(nowhere.headers["X-Request-Id"], "mine")

        def known():
            return {line["request_id"]: line for line in self.front.nginx.access_lines()}

        wait_until(lambda: {strange, made, "mine"} <= set(known()), "nginx's log")
        line = known()[strange]
        self.assertEqual((line["path"], line["status"], line["client"]),
                         ("/api/v1/users/me", 400, "127.0.0.1"))
        wait_until(lambda: made in self.front.server_log(), "the server's log")

    def test_says_no_more_than_it_must(self):
        for path in ("/api/v1/users/me", "/nowhere", "/media/none.jpg"):
            answer = self.ada.ask("GET", path)
            self.assertEqual(answer.headers["Server"], "nginx")
            self.assertIsNone(answer.headers["Strict-Transport-Security"])

    def test_the_programs_own_problems_pass_untouched(self):
        answer = self.ada.ask("GET", "/api/v1/posts?nonsense=1")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (400, PROBLEM))
        self.assertIn("nonsense", answer.json()["detail"])


class Limits(Case):
    @classmethod
    def setUpClass(cls):
        cls.front = front.Front()
        cls.addClassCleanup(cls.front.close)

    def test_a_flood_is_refused_and_others_are_not(self):
        flood = [self.front.client("127.0.0.2").ask("GET", "/api/v1/posts") for _ in range(400)]
        refused = [answer for answer in flood if answer.status == 429]
        self.assertTrue(refused)
        self.assert_problem(refused[0], 429)
        self.assertEqual(refused[0].headers["Retry-After"], "1")
        self.assertEqual(flood[0].status, 401)
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

        # The program counts guesses at an account for each address: ten, whatever the header says.
        answers = [guess(number) for number in range(12)]
        self.assertEqual([answer.status for answer in answers], [401] * 10 + [429] * 2)
        self.assertNotIn("from your address", answers[-1].json()["detail"])  # not nginx's
        # And nobody can spend the guesses of somebody else.
        spent = self.front.client("127.0.0.6").ask(
            "POST", "/api/v1/auth/login", {"username": "kim", "password": "a long password"},
            {"X-Forwarded-For": "127.0.0.1"})
        self.assertEqual(spent.status, 200, spent.body)


class Traffic(threading.Thread):
    """Somebody who reads or writes without pause, until told to stop."""

    def __init__(self, client, step):
        super().__init__()
        self.client = client
        self.step = step
        self.stopping = threading.Event()
        self.count = 0
        self.failure = None

    def run(self):
        try:
            while not self.stopping.is_set():
                self.step(self.client)
                self.count += 1
        except BaseException as failure:  # told to whoever waits for this thread
            self.failure = failure

    def end(self):
        self.stopping.set()
        self.join()
        if self.failure is not None:
            raise self.failure


class Restarts(Case):
    def setUp(self):
        self.front = front.Front("--rate-limits", "off")
        self.addCleanup(self.front.close)
        self.ada = self.front.client().sign_up("ada")
        self.post = self.ada.post_photo("here").json()

    def assert_failed_cleanly(self, answer):
        self.assert_problem(answer, answer.status)
        self.assertIn(answer.status, (502, 503))
        self.assertTrue(answer.headers["Retry-After"])

    def test_traffic_over_restarts(self):
        """Reads all succeed; a write is there if it was acknowledged, and else was refused cleanly."""
        path = f"/api/v1/posts/{self.post['id']}"
        acknowledged, unknown, undone, photos = [], [], [], []
        lock = threading.Lock()
        number = iter(range(10 ** 9))

        def read(client):
            for each in (path, "/api/v1/posts", self.post["files"][0]["url"]):
                answer = client.ask("GET", each)
                self.assertEqual(answer.status, 200, answer.body)

        def write(client):
            with lock:
                text = f"comment {next(number)}"
            answer = client.ask("POST", f"{path}/comments", {"content": text})
            if answer.status != 201:
                self.assert_failed_cleanly(answer)
            with lock:
                {201: acknowledged, 502: unknown, 503: undone}[answer.status].append(text)

        def upload(client):
            answer = client.post_photo("mine")
            if answer.status == 201:
                photos.append(answer.json()["id"])
            else:
                self.assert_failed_cleanly(answer)
                read(client)  # which waits until the server is there

        crowd = [Traffic(self.front.client(f"127.0.0.{10 + i}"), step)
                 for i, step in enumerate([read] * 4 + [write] * 3 + [upload])]
        for member in crowd:
            member.client.token = self.ada.token
            member.start()
        for way in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            seen = [member.count for member in crowd]
            wait_until(lambda: all(member.count > before + 3 or member.failure
                                   for member, before in zip(crowd, seen)), "traffic")
            status = self.front.server.stop(way)
            self.assertEqual(status, 0 if way == signal.SIGTERM else -signal.SIGKILL)
            self.front.server.start()
        for member in crowd:
            member.end()

        there = set()
        page = f"/api/v1/comments?post={self.post['id']}&page_size=100"
        while page:
            answer = self.ada.ask("GET", page).json()
            there |= {comment["content"] for comment in answer["results"]}
            page = answer["next"]
        self.assertTrue(acknowledged and photos)
        self.assertLessEqual(set(acknowledged), there)
        self.assertFalse(set(undone) & there)
        self.assertLessEqual(there, set(acknowledged) | set(unknown))
        for photo in photos:
            self.assertEqual(self.ada.ask("GET", f"/api/v1/posts/{photo}").status, 200)

    def test_while_the_program_is_away(self):
        self.front.server.stop(signal.SIGKILL)
        # Of what cannot be repeated, or asks how it is now, the client hears at once.
        self.assert_failed_cleanly(self.ada.post_photo("lost"))
        for path in ("/healthz", "/readyz"):
            self.assert_problem(self.ada.ask("GET", path), 503)
        self.assertEqual(self.ada.ask("GET", self.post["files"][0]["url"]).body, front.PHOTO)
        answers = {}

        def ask(name, *request):
            answers[name] = self.ada.ask(*request)

        waiting = [threading.Thread(target=ask, args=arguments) for arguments in [
            ("read", "GET", "/api/v1/users/me"),
            ("change", "PATCH", "/api/v1/users/me", {"bio": "patient"}),
            ("comment", "POST", f"/api/v1/posts/{self.post['id']}/comments", {"content": "once"}),
            ("like", "PUT", f"/api/v1/posts/{self.post['id']}/like"),
            ("head", "HEAD", "/api/v1/posts")]]
        for each in waiting:
            each.start()
        self.front.server.start()
        for each in waiting:
            each.join()
        self.assertEqual({name: answer.status for name, answer in answers.items()},
                         {"read": 200, "change": 200, "comment": 201, "like": 201, "head": 200})
        seen = self.ada.ask("GET", f"/api/v1/posts/{self.post['id']}").json()
        self.assertEqual((seen["comment_count"], seen["like_count"]), (1, 1))

    def test_a_write_that_was_sent_is_not_sent_again(self):
        self.ada.ask("GET", "/api/v1/users/me")  # a connection is kept, and was good
        os.kill(self.front.server.process.pid, signal.SIGSTOP)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(self.ada.ask(
            "POST", f"/api/v1/posts/{self.post['id']}/comments", {"content": "perhaps"})))
        asking.start()
        port = self.front.server.port
        wait_until(lambda: unread_bytes(port) > 0, "the request has arrived")
        self.front.server.stop(signal.SIGKILL)
        asking.join()
        self.assert_failed_cleanly(answers[0])
        self.assertEqual(answers[0].status, 502)
        self.assertIn("may or may not", answers[0].json()["detail"])


def unread_bytes(port):
    """What lies unread in the sockets of this local port."""
    total = 0
    for line in open("/proc/net/tcp", encoding="ascii").readlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port and fields[3] == "01":
            total += int(fields[4].split(":")[1], 16)
    return total


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="pinhole-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", f"{cls.folder}/privkey.pem", "-out", f"{cls.folder}/fullchain.pem"],
            check=True, capture_output=True)
        cls.front = front.Front(server_conf="tls.conf", tls_dir=cls.folder)
        cls.addClassCleanup(cls.front.close)
        trust = ssl.create_default_context(cafile=f"{cls.folder}/fullchain.pem")
        cls.client = front.Client(cls.front.nginx.tls_port, tls=trust)

    def test_the_service_and_its_promise_to_stay_with_tls(self):
        self.client.sign_up("ada")
        made = self.client.post_photo("safe").json()
        for path in ("/api/v1/users/me", made["files"][0]["url"], "/nowhere", "/media/none.gif"):
            answer = self.client.ask("GET", path)
            self.assertEqual(answer.headers["Strict-Transport-Security"], "max-age=63072000", path)
        self.assertEqual(self.client.ask("GET", made["files"][0]["url"]).body, front.PHOTO)

    def test_plain_http_leads_to_tls(self):
        plain = self.front.client()
        for path in ("/", "/api/v1/posts?ordering=-id", "/media/ab/x.gif", "/healthz"):
            answer = plain.ask("POST", path, b"{}", {"Host": "photos.example"})
            self.assertEqual(answer.status, 308)
            self.assertEqual(answer.headers["Location"], "https://photos.example" + path)
            self.assertIsNone(answer.headers["Strict-Transport-Security"])

    def test_certificates_can_be_renewed(self):
        folder = self.front.nginx.path("acme/.well-known/acme-challenge")
        os.makedirs(folder)
        with open(os.path.join(folder, "token"), "w", encoding="ascii") as file:
            file.write("proof")
        answer = self.front.client().ask("GET", "/.well-known/acme-challenge/token")
        self.assertEqual((answer.status, answer.body), (200, b"proof"))
        self.assertEqual(self.front.client().ask("GET", "/.well-known/acme-challenge/no").status, 404)

    def test_old_protocols_are_refused(self):
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            front.Client(self.front.nginx.tls_port, tls=old).ask("GET", "/")


if __name__ == "__main__":
    if front.find_program("nginx") is None:
        print("skipped: there is no nginx (Debian's nginx-light)")
        sys.exit(77)
    unittest.main(verbosity=2)
