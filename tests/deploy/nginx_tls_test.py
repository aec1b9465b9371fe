#!/usr/bin/python3
"""nginx with tls.conf: certificates, their renewal, and plain HTTP beside them."""

import os
import shutil
import ssl
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import front  # noqa: E402
from nginx_case import Case, run  # noqa: E402


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
    run()
