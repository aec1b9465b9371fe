#!/usr/bin/python3
"""nginx with tls.conf: certificates, their renewal, and plain HTTP beside them."""

import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import front  # noqa: E402
from nginx_case import Case, run  # noqa: E402


class Http2:
    """Just enough of HTTP/2 to ask for a file many times at once, and take none of its bytes: no stream
    ends, so all of them count at the same time, however fast or slow the machine is."""

    HEADERS, SETTINGS, PING = 1, 4, 6

    def __init__(self, port, trust):
        raw = socket.create_connection(("127.0.0.1", port), timeout=front.PATIENCE_S)
        self.connection = trust.wrap_socket(raw, server_hostname="127.0.0.1")
        self.file = self.connection.makefile("rb")
        initial_window_size = struct.pack(">HI", 4, 0)
        self.connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                + self.frame(self.SETTINGS, 0, 0, initial_window_size))
        self.settings = dict(struct.iter_unpack(">HI", self.next_of(self.SETTINGS)))

    @staticmethod
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

    def next_of(self, wanted):
        while True:
            head = self.file.read(9)
            if len(head) < 9:
                raise AssertionError("nginx has closed the connection")
            payload = self.file.read(int.from_bytes(head[:3], "big"))
            if head[3] == wanted and not (wanted == self.SETTINGS and head[4] & 1):
                return payload

    def ask(self, path, count):
        """How the header of each answer begins."""
        name = path.encode()
        # GET, https, and two literal fields: :path and :authority.
        fields = b"\x82\x87\x04" + bytes([len(name)]) + name + b"\x01\x01x"
        end_of_stream_and_headers = 5
        self.connection.sendall(b"".join(
            self.frame(self.HEADERS, end_of_stream_and_headers, 2 * i + 1, fields) for i in range(count)))
        # Headers whose bytes may not follow stay in nginx's buffer for TLS until something flushes it.
        self.connection.sendall(self.frame(self.PING, 0, 0, bytes(8)))
        return [self.next_of(self.HEADERS)[0] for _ in range(count)]

    def close(self):
        self.file.close()
        self.connection.close()


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

    def test_a_page_full_of_photos_is_no_flood(self):
        """Each stream of HTTP/2 counts as a connection: those of two pages at once are more than 100."""
        self.client.sign_up("ben")
        path = self.client.post_photo("one of many").json()["files"][0]["url"]
        trust = ssl.create_default_context(cafile=f"{self.folder}/fullchain.pem")
        trust.set_alpn_protocols(["h2"])
        streams_max, status_200 = 3, 0x88
        for _ in range(2):
            page = Http2(self.front.nginx.tls_port, trust)
            self.addCleanup(page.close)
            self.assertEqual(page.settings[streams_max], 64)
            self.assertEqual(page.ask(path, 64), [status_200] * 64)

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
    run()
