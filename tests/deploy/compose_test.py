#!/usr/bin/python3
"""docker-compose.yml with a real engine: started, killed, rolled over under load, dumped and restored.

PINHOLE_TEST_IMAGE names a built image (tools/deploy/build-image); without it, or without an engine,
there is nothing to do. PINHOLE_TEST_COMPOSE may name one more compose file to lay over ours. Prints
the figures that it measures."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import front  # noqa: E402

IMAGE = os.environ.get("PINHOLE_TEST_IMAGE")
UP = ("up", "-d", "--no-build", "--wait", "--wait-timeout", "180")


def docker(*arguments, **more):
    more = {"check": True, "capture_output": True, "text": True} | more
    try:
        return subprocess.run(("docker",) + arguments, **more).stdout
    except subprocess.CalledProcessError as failure:
        raise AssertionError(f"docker {' '.join(arguments)}: {failure.stdout}{failure.stderr}") from None


class Deployment:
    """A compose project of its own, with its own volumes, networks and port."""

    def __init__(self, number, image=IMAGE):
        self.project = f"pinhole-test-{os.getpid()}-{number}"
        self.port = front.free_port()
        descriptors = min(65536, int(subprocess.run(["bash", "-c", "ulimit -Hn"], check=True,
                                                    capture_output=True, text=True).stdout))
        base, first = f"10.213.{os.getpid() % 250}", number * 16
        self.settings = {
            "PINHOLE_IMAGE": image, "PINHOLE_SECRET_KEY": "7f3a9c0e5b1d8264" * 4,
            "PINHOLE_HTTP_PORT": str(self.port), "PINHOLE_OPEN_FILES": str(descriptors),
            "PINHOLE_SUBNET": f"{base}.{first}/28", "PINHOLE_GUEST_ADDRESSES": f"{base}.{first + 8}/29",
            "PINHOLE_APP_ADDRESS": f"{base}.{first + 2}",
            "PINHOLE_NGINX_ADDRESS": f"{base}.{first + 3}",
        }
        more = os.environ.get("PINHOLE_TEST_COMPOSE")
        self.files = ["-f", os.path.join(front.ROOT, "docker-compose.yml")] + (
            ["-f", more] if more else [])

    def compose(self, *arguments, **more):
        return docker("compose", "-p", self.project, "--env-file", "/dev/null", *self.files, *arguments,
                      env=os.environ | self.settings, **more)

    def succeeds(self, *arguments):
        try:
            self.compose(*arguments)
        except AssertionError:
            return False
        return True

    def inspect(self, service):
        name = self.compose("ps", "-q", "--all", service).strip()
        return json.loads(docker("inspect", name))[0]

    def client(self):
        return front.Client(self.port)

    def remove(self):
        self.compose("--profile", "*", "down", "-v", "--timeout", "5")


def kill(pid):
    """Kills a process as the kernel would, of which Docker knows nothing. When that was."""
    try:
        os.kill(pid, signal.SIGKILL)
    except PermissionError:  # it is not ours, but the engine's root may
        docker("run", "--rm", "--network", "none", "--pid", "host", "--user", "0", "--entrypoint", "kill",
               IMAGE, "-9", str(pid))
    return time.monotonic()


def wait_until(condition, what, patience_s=120):
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"in vain: {what}")
        time.sleep(0.05)


class Load:
    """Readers and writers that go on over whatever happens, and keep a ledger."""

    def __init__(self, deployment, token, post):
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.answers = {}
        self.slowest_s = {}
        self.acknowledged, self.unknown, self.undone = [], [], []
        self.failure = None
        self.post = post
        clients = [deployment.client() for _ in range(6)]
        for client in clients:
            client.token = token
        steps = [self.read, self.read, self.read, self.write, self.write, self.upload]
        self.threads = [threading.Thread(target=self.run, args=(step, client))
                        for step, client in zip(steps, clients)]
        for thread in self.threads:
            thread.start()

    def run(self, step, client):
        try:
            number = 0
            while not self.stopping.is_set():
                number += 1
                step(client, f"{uuid.uuid4()} {number}")
        except BaseException as failure:
            self.failure = failure

    def note(self, kind, answer, began):
        with self.lock:
            key = (kind, answer.status)
            self.answers[key] = self.answers.get(key, 0) + 1
            took = time.monotonic() - began
            self.slowest_s[kind] = max(self.slowest_s.get(kind, 0), took)

    def ask(self, kind, client, *request):
        began = time.monotonic()
        answer = client.ask(*request)
        self.note(kind, answer, began)
        return answer

    def read(self, client, _):
        answer = self.ask("read", client, "GET", f"/api/v1/posts/{self.post}")
        if answer.status == 429:
            time.sleep(0.2)

    def write(self, client, text):
        answer = self.ask("write", client, "POST", f"/api/v1/posts/{self.post}/comments",
                          {"content": text})
        with self.lock:
            {201: self.acknowledged, 502: self.unknown}.get(answer.status, self.undone).append(text)
        time.sleep(0.15)  # under the limit of writes: this is a load, not a wait

    def upload(self, client, text):
        began = time.monotonic()
        self.note("upload", client.post_photo(text), began)
        time.sleep(0.3)

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.failure is not None:
            raise self.failure


class Compose(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one = Deployment(0)
        cls.addClassCleanup(cls.one.remove)
        began = time.monotonic()
        cls.one.compose(*UP)
        print(f"\nfigure: up until healthy, volumes new: {time.monotonic() - began:.1f} s")
        size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
        print(f"figure: image: {size / 1e6:.1f} MB")
        cls.ada = cls.one.client().sign_up("ada")
        cls.post = cls.ada.post_photo("here").json()

    def test_answers_as_it_should(self):
        subprocess.run([os.path.join(front.ROOT, "tools/deploy/smoke"),
                        f"http://127.0.0.1:{self.one.port}", "--write"], check=True)

    def test_has_no_more_rights_than_it_needs(self):
        for service in ("app", "nginx"):
            config = self.one.inspect(service)["HostConfig"]
            self.assertTrue(config["ReadonlyRootfs"])
            self.assertEqual(config["CapDrop"], ["ALL"])
            self.assertIn("no-new-privileges:true", config["SecurityOpt"])
            self.assertGreater(config["Memory"], 0)
            self.assertGreater(config["PidsLimit"], 0)
            self.assertEqual(config["LogConfig"]["Config"]["max-size"], "10m")
        self.assertEqual(self.one.compose("exec", "-T", "app", "id", "-u").strip(), "10001")
        for place in ("/", "/usr/bin", "/etc"):
            self.one.compose("exec", "-T", "app", "sh", "-c", f"! touch {place}/x 2>/dev/null")
        # nginx's workers see what is public, and only see it.
        as_worker = ("exec", "-T", "-u", "nginx", "nginx", "sh", "-c")
        self.one.compose(*as_worker, "ls /srv/media/public/ab && ! ls /srv/media/hidden 2>/dev/null"
                         " && ! ls /srv/media/incoming 2>/dev/null && ! touch /srv/media/public/x 2>/dev/null")
        self.one.compose("exec", "-T", "nginx", "sh", "-c", "! touch /srv/media/public/x 2>/dev/null")

    def test_starts_with_no_secret_that_others_know(self):
        for key in ("", "replace-me-with-the-output-of-openssl-rand-hex-32", "change_me" * 5, "x" * 64,
                    "too-short"):
            ended = subprocess.run(["docker", "run", "--rm", "--network", "none", "-e",
                                    f"PINHOLE_SECRET_KEY={key}", IMAGE], capture_output=True, text=True)
            self.assertEqual(ended.returncode, 78, key)
            self.assertIn("PINHOLE_SECRET_KEY", ended.stderr)
        without = {name: value for name, value in self.one.settings.items()
                   if name != "PINHOLE_SECRET_KEY"}
        said = subprocess.run(["docker", "compose", "--env-file", "/dev/null", *self.one.files, "config",
                               "-q"], env=os.environ | without, capture_output=True, text=True)
        self.assertNotEqual(said.returncode, 0)

    def test_comes_back_after_a_kill(self):
        made = self.ada.post_photo("before the kill").json()
        before = self.one.inspect("app")
        began = kill(before["State"]["Pid"])
        # nginx waits for it.
        answer = self.ada.ask("GET", f"/api/v1/posts/{made['id']}")
        gap_s = time.monotonic() - began
        self.assertEqual((answer.status, answer.json()["content"]), (200, "before the kill"))
        self.assertEqual(self.ada.ask("GET", made["files"][0]["url"]).body, front.PHOTO)
        self.assertGreater(self.one.inspect("app")["RestartCount"], before["RestartCount"])
        print(f"figure: kill -9 until the next answer: {gap_s:.2f} s")
        self.one.compose(*UP)

    def test_rolls_over_under_load(self):
        other = f"{self.one.project}:other"
        docker("build", "-q", "-t", other, "-", input=f"FROM {IMAGE}\nLABEL test.other=yes\n",
               env=os.environ | {"DOCKER_BUILDKIT": "1"})
        self.addCleanup(docker, "image", "rm", "-f", other)
        load = Load(self.one, self.ada.token, self.post["id"])
        wait_until(lambda: load.failure or len(load.acknowledged) > 5, "the load runs")
        began = time.monotonic()
        self.one.settings["PINHOLE_IMAGE"] = other
        nginx = self.one.inspect("nginx")["Id"]
        self.one.compose(*UP, "app")
        self.one.compose(*UP)
        self.assertEqual(self.one.inspect("nginx")["Id"], nginx)
        # As on-host does then: two generations of workers are in the container for a while.
        for words in (("nginx", "-t"), ("nginx", "-s", "reload"),
                      ("wget", "-q", "-T", "10", "-O", "/dev/null", "http://127.0.0.1:8081/readyz")):
            self.one.compose("exec", "-T", "nginx", *words)
        took_s = time.monotonic() - began
        count = len(load.acknowledged)
        wait_until(lambda: load.failure or len(load.acknowledged) > count + 5, "the load goes on")
        load.end()
        image = json.loads(docker("image", "inspect", other))[0]["Id"]
        self.assertEqual(self.one.inspect("app")["Image"], image)
        print(f"figure: rollout: {took_s:.1f} s; answers: {load.answers}; slowest: "
              f"{ {kind: round(worst, 2) for kind, worst in load.slowest_s.items()} } s")
        self.assertEqual({status for kind, status in load.answers if kind == "read"} - {200, 429}, set())
        # Clean failures only.
        self.assertLessEqual({status for _, status in load.answers}, {200, 201, 429, 502, 503})
        there = self.comments()
        self.assertLessEqual(set(load.acknowledged), there)
        self.assertFalse(set(load.undone) & there)
        self.assertFalse(there - set(load.acknowledged) - set(load.unknown))

    def comments(self):
        return self.ada.comments_of(self.post["id"])

    def test_dumps_here_and_restores_there(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        dump = os.path.join(folder, "backup.tar")
        made = self.ada.post_photo("to be moved").json()
        with open(dump, "wb") as file:
            self.one.compose("exec", "-T", "app", "pinhole-admin", "--quiet", "dump", "--media", "-",
                             capture_output=False, stdout=file, text=None)
        other = Deployment(1)
        self.addCleanup(other.remove)
        other.settings["PINHOLE_SECRET_KEY"] = "e4d909c290d0fb1c" * 4
        with open(dump, "rb") as file:
            other.compose("run", "--rm", "-T", "--no-deps", "app", "pinhole-admin", "--quiet", "restore",
                          "-", stdin=file)
        other.compose(*UP)
        there = other.client()
        login = there.ask("POST", "/api/v1/auth/login",
                          {"username": "ada", "password": "a long password"})
        there.token = login.json()["token"]
        answer = there.ask("GET", f"/api/v1/posts/{made['id']}")
        self.assertEqual((answer.status, answer.json()["content"]), (200, "to be moved"))
        self.assertEqual(there.ask("GET", made["files"][0]["url"]).body, front.PHOTO)
        other.compose("exec", "-T", "app", "pinhole-admin", "--quiet", "check", "--hash")

    def test_backups_on_a_schedule_come_back(self):
        other = Deployment(2)
        self.addCleanup(other.remove)
        other.settings["COMPOSE_PROFILES"] = "backup"
        other.compose(*UP)
        ada = other.client().sign_up("ada")
        # The first is made at once: whoever turns it on sees whether it works.
        backup = ("exec", "-T", "backup", "pinhole-backup")
        wait_until(lambda: other.succeeds(*backup, "status"), "the first backup")
        made = [ada.post_photo(f"photo {number}").json() for number in range(5)]
        gone = ada.post_photo("deleted").json()
        self.assertEqual(ada.ask("DELETE", f"/api/v1/posts/{gone['id']}").status, 204)
        for _ in range(2):
            other.compose(*backup, "now")
        ids = [line.split()[0] for line in other.compose(*backup, "list").splitlines()[1:]]
        self.assertEqual(ids, ["1", "2", "3"])
        self.assertIn("whole: backup 1, 2, 3", other.compose(*backup, "verify", "--all", "--hash"))
        other.compose("exec", "-T", "-e", "PINHOLE_BACKUP_KEEP=2", "backup", "pinhole-backup", "now")
        self.assertFalse(other.succeeds(*backup, "verify", "--id", "1"))
        # Nothing is restored over what is there.
        self.assertFalse(other.succeeds("run", "--rm", "-T", "restore"))

        def look():
            for post in made:
                answer = ada.ask("GET", f"/api/v1/posts/{post['id']}")  # with the login of before
                self.assertEqual((answer.status, answer.json()["content"]), (200, post["content"]))
                self.assertEqual(ada.ask("GET", post["files"][0]["url"]).body, front.PHOTO)
            self.assertEqual(ada.ask("GET", gone["files"][0]["url"]).status, 404)
            other.compose("exec", "-T", "app", "pinhole-admin", "--quiet", "check", "--hash")

        # The volumes are lost.
        other.compose("down", "--timeout", "30")
        docker("volume", "rm", f"{other.project}_database", f"{other.project}_media")
        began = time.monotonic()
        self.assertIn("restored: backup 4", other.compose("run", "--rm", "-T", "restore"))
        other.compose(*UP)
        print(f"figure: restore from a backup until healthy: {time.monotonic() - began:.1f} s")
        look()
        self.assertEqual(ada.ask("POST", f"/api/v1/posts/{gone['id']}/restore").status, 200)
        self.assertEqual(ada.ask("GET", gone["files"][0]["url"]).body, front.PHOTO)

        # They are there, and not what they should be: moved aside, as docs/deploy.md says.
        other.compose("stop")
        other.compose("run", "--rm", "-T", "--entrypoint", "sh", "restore", "-c",
                      "cd /var/lib/pinhole && mkdir before media/before && mv db before && "
                      "mv media/public media/hidden media/before")
        self.assertIn("restored: backup 3", other.compose("run", "--rm", "-T", "restore", "--id", "3"))
        other.compose(*UP)
        look()


def reason_to_skip():
    if not IMAGE:
        return "PINHOLE_TEST_IMAGE names no image"
    with contextlib.suppress(OSError, AssertionError):
        docker("compose", "version")
        docker("info")
        return None
    return "there is no Docker engine with compose here"


if __name__ == "__main__":
    reason = reason_to_skip()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)
