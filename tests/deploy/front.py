"""The real server with nginx in front of it, for the tests of this folder.

nginx runs the repository's own nginx.conf with everything that it includes; changed are addresses,
paths and the worker's user, each exactly as often as it is there, or the test fails. Nothing here
waits by sleeping: a server says when it serves, nginx when its sockets are open.
"""

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
SERVER = os.environ.get("PINHOLE_SERVER_PROGRAM", os.path.join(ROOT, "build/release/pinhole-server"))
PATIENCE_S = 60
# One pixel, as small as a GIF gets.
PHOTO = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"
)


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    """Below those that the kernel gives to connections, which could take it while its server is away."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class Server:
    """pinhole-server on a port of its own that stays the same over restarts."""

    def __init__(self, folder, *arguments):
        self.data_dir = os.path.join(folder, "data")
        self.port = free_port()
        self.arguments = list(arguments)
        self.log = open(os.path.join(folder, "server.log"), "ab")
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [SERVER, "--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port}"]
            + self.arguments,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        line = self.process.stdout.readline()
        if b"serving" not in line:
            raise RuntimeError(f"the server did not come up: {line!r}")

    def freeze(self):
        """Stands still, every thread of it, when this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        return status

    def close(self):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        self.log.close()


class Nginx:
    """nginx with the repository's configuration, in front of 127.0.0.1:`upstream_port`."""

    def __init__(self, folder, upstream_port, media_dir, server_conf="plain.conf", tls_dir=None,
                 workers=2):
        self.folder = os.path.join(folder, "nginx")
        self.workers = workers
        self.port = free_port()
        self.tls_port = free_port()
        self.inner_port = free_port()
        self.write_configuration(upstream_port, media_dir, server_conf, tls_dir)
        self.log = open(os.path.join(self.folder, "stderr.log"), "ab")
        self.access_log = os.path.join(self.folder, "access.log")
        self.process = subprocess.Popen(
            [find_program("nginx"), "-p", self.folder, "-c", self.path("nginx.conf"),
             "-e", "/dev/stderr", "-g", "daemon off;"],
            stderr=self.log,
        )
        deadline = time.monotonic() + PATIENCE_S
        # The pid file is written once all sockets listen.
        while not os.path.exists(self.path("nginx.pid")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("nginx did not come up: " + self.errors())
            time.sleep(0.01)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_configuration(self, upstream_port, media_dir, server_conf, tls_dir):
        included = self.path("pinhole")
        shutil.copytree(os.path.join(ROOT, "tools/deploy/nginx"), included)
        shutil.copy(os.path.join(ROOT, "nginx.conf"), self.path("nginx.conf"))
        shutil.copy(os.path.join(included, server_conf), self.path("server.conf"))
        for name in ("body", "proxy", "acme"):
            os.makedirs(self.path(name))
        # Root's nginx gives its workers another user, who has to come through to here.
        os.chmod(self.folder, 0o755)
        user = "user www-data;" if os.geteuid() == 0 else ""
        temporary = (f"client_body_temp_path {self.path('body')}; proxy_temp_path "
                     f"{self.path('proxy')}; fastcgi_temp_path {self.path('proxy')}; "
                     f"uwsgi_temp_path {self.path('proxy')}; scgi_temp_path {self.path('proxy')};")
        self.replace("nginx.conf", {
            "user nginx;": (1, user),
            "worker_processes auto;": (1, f"worker_processes {self.workers};"),
            "worker_connections 8192;": (1, "worker_connections 2048;"),
            "pid /run/nginx.pid;": (1, f"pid {self.path('nginx.pid')};"),
            "access_log /dev/stdout json;": (1, f"access_log {self.path('access.log')} json;"),
            "listen 127.0.0.1:8081;": (1, f"listen 127.0.0.1:{self.inner_port};"),
            "server app:8080;": (1, f"server 127.0.0.1:{upstream_port};"),
            "sendfile on;": (1, "sendfile on; " + temporary),
        })
        self.replace("server.conf", {
            "listen 80 ": (1, f"listen 127.0.0.1:{self.port} "),
        } | ({} if server_conf == "plain.conf" else {
            "listen 443 ": (1, f"listen 127.0.0.1:{self.tls_port} "),
            "/etc/nginx/tls/": (2, f"{tls_dir}/"),
            "/srv/acme": (1, self.path("acme")),
        }))
        self.replace("pinhole/site.conf", {"/srv/media/public": (2, f"{media_dir}/public")})
        again = read_text(os.path.join(included, "again.conf"))
        self.replace("pinhole/again.conf", {
            "unix:/run/": (again.count("unix:/run/"), f"unix:{self.folder}/")})
        for name in ["nginx.conf", "server.conf"] + os.listdir(included):
            path = self.path(name if name in ("nginx.conf", "server.conf") else f"pinhole/{name}")
            text = read_text(path)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("/etc/nginx/pinhole/", included + "/")
                           .replace("/etc/nginx/server.conf", self.path("server.conf")))

    def replace(self, name, wanted):
        path = self.path(name)
        text = read_text(path)
        for old, (times, new) in wanted.items():
            if text.count(old) != times:
                raise RuntimeError(f"{name} has {text.count(old)} times '{old}', not {times} times")
            text = text.replace(old, new)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def worker_pids(self):
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return {int(pid) for pid in read_text(path).split()}

    def errors(self):
        self.log.flush()
        return read_text(self.path("stderr.log"))

    def access_lines(self):
        return [json.loads(line) for line in read_text(self.access_log).splitlines()]

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_S)
        self.log.close()


class Client:
    """Asks one address, from one address of the loopback; a new connection for each request."""

    def __init__(self, port, source="127.0.0.1", tls=None, timeout_s=PATIENCE_S):
        self.port = port
        self.source = source
        self.tls = tls
        self.timeout_s = timeout_s
        self.token = None

    def connect(self):
        place = dict(timeout=self.timeout_s, source_address=(self.source, 0))
        if self.tls is not None:
            return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, **place)
        return http.client.HTTPConnection("127.0.0.1", self.port, **place)

    def ask(self, method, path, body=None, headers=None, login=True):
        headers = dict(headers or {})
        if login and self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def comments_of(self, post):
        """What all comments of the post say, page by page."""
        found = set()
        page = f"/api/v1/comments?post={post}&page_size=100"
        while page:
            answer = self.ask("GET", page).json()
            found |= {comment["content"] for comment in answer["results"]}
            page = answer["next"]
        return found

    def sign_up(self, name):
        answer = self.ask("POST", "/api/v1/auth/signup",
                          {"username": name, "password": "a long password"}, login=False)
        if answer.status != 201:
            raise RuntimeError(f"{answer.status} {answer.body!r}")
        self.token = answer.json()["token"]
        return self

    def post_photo(self, content="", headers=None):
        kind, body = form(content, [("photo.gif", PHOTO)])
        return self.ask("POST", "/api/v1/posts", body, {"Content-Type": kind} | (headers or {}))


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


def form(content, files):
    """A multipart/form-data body: its Content-Type, and the bytes."""
    mark = "a-mark-that-is-nowhere-else"
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="content"\r\n\r\n{content}\r\n'.encode()]
    for name, data in files:
        parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="files"; '
                     f'filename="{name}"\r\n\r\n'.encode() + data + b"\r\n")
    return f"multipart/form-data; boundary={mark}", b"".join(parts) + f"--{mark}--\r\n".encode()


class Front:
    """Both, in a temporary folder; `with Front() as front`."""

    def __init__(self, *server_arguments, server_conf="plain.conf", tls_dir=None, workers=2):
        self.stack = contextlib.ExitStack()
        # Not below a folder that only its owner may pass: nginx's workers are another user.
        self.folder = tempfile.mkdtemp(prefix="pinhole-front-", dir="/tmp")
        self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        try:
            self.server = Server(self.folder, "--trusted-proxies", "127.0.0.1", "--log-level",
                                 "info", *server_arguments)
            self.stack.callback(self.server.close)
            self.nginx = Nginx(self.folder, self.server.port,
                               os.path.join(self.server.data_dir, "media"), server_conf, tls_dir,
                               workers)
            self.stack.callback(self.nginx.close)
        except BaseException:
            self.stack.close()
            raise

    def client(self, source="127.0.0.1"):
        return Client(self.nginx.port, source)

    def server_log(self):
        return read_text(os.path.join(self.folder, "server.log"))

    def close(self):
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def check_configurations():
    """Has nginx read the configuration, with and without TLS. Its complaints go to stderr."""
    good = True
    for server_conf in ("plain.conf", "tls.conf"):
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-nodes", "-subj", "/CN=x", "-keyout", f"{folder}/privkey.pem", "-out",
                 f"{folder}/fullchain.pem"], check=True, capture_output=True)
            nginx = Nginx.__new__(Nginx)
            nginx.folder = os.path.join(folder, "nginx")
            nginx.workers = 2
            nginx.port, nginx.tls_port, nginx.inner_port = free_port(), free_port(), free_port()
            nginx.write_configuration(free_port(), folder, server_conf, folder)
            good &= subprocess.run([find_program("nginx"), "-t", "-q", "-p", nginx.folder, "-c",
                                    nginx.path("nginx.conf"), "-e", "/dev/stderr"]).returncode == 0
    return good


if __name__ == "__main__":
    sys.exit(0 if check_configurations() else 1)
