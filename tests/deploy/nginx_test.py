#!/usr/bin/python3
"""nginx's own program, with the repository's nginx.conf, in front of the real server: media, uploads, headers,
logs."""

import contextlib
import gzip
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import front  # noqa: E402
from nginx_case import PROBLEM, Case, run, wait_until  # noqa: E402


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

    def test_a_slash_behind_the_list_of_posts_is_no_smaller_door(self):
        kind, body = front.form("large " + "x" * 100_000, [("photo.gif", front.PHOTO)])
        for path in ("/api/v1/posts", "/api/v1/posts/"):
            answer = self.ada.ask("POST", path, body, {"Content-Type": kind})
            self.assertEqual(answer.status, 422, answer.body)  # the program's own word on its length

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
        site = front.read_text(os.path.join(front.ROOT, "tools/deploy/nginx/site.conf"))
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
                size = 0
                for entry in os.scandir(incoming):
                    with contextlib.suppress(FileNotFoundError):  # just taken away
                        size += entry.stat().st_size
                return size

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


if __name__ == "__main__":
    run()
