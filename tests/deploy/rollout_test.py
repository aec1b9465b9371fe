#!/usr/bin/python3
"""tools/deploy's scripts against a host that is this machine: sshd with keys and a port of its own, as
no service, and a `docker` that only notes what it is told (stub_docker)."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import front  # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
KEY = "PINHOLE_SECRET_KEY=0123456789abcdef0123456789abcdef"


def image(name):
    return f"ghcr.io/lee/{name}@sha256:{name.encode().hex()[:64].ljust(64, '0')}"


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


class Host(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp(prefix="pinhole-keys-", dir="/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.keys)
        for name in ("host", "user", "other"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                            os.path.join(cls.keys, name)], check=True)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pinhole-host-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.wait_for_host)
        self.stub = os.path.join(self.folder, "docker")
        os.makedirs(self.stub)
        shutil.copy(os.path.join(HERE, "stub_docker"), os.path.join(self.stub, "docker"))
        with open(os.path.join(self.stub, "images"), "w", encoding="utf-8"):
            pass
        self.path = os.path.join(self.folder, "opt pinhole".replace(" ", "-"))
        self.start_sshd()
        self.make_checkout()
        self.environment = os.environ | {
            "DEPLOY_HOST": f"{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{self.port}",
            "DEPLOY_SSH_KEY": read(self.keys, "user"),
            "DEPLOY_KNOWN_HOSTS": f"[127.0.0.1]:{self.port} " + read(self.keys, "host.pub"),
            "DEPLOY_PATH": self.path,
            "ENV_PROD": f"{KEY}\nPINHOLE_TLS_DIR=/etc/pinhole/tls",
        }

    def start_sshd(self):
        self.port = front.free_port()
        with open(os.path.join(self.folder, "sshd_config"), "w", encoding="utf-8") as file:
            file.write(f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.keys}/host\n"
                       f"AuthorizedKeysFile {self.keys}/user.pub\nPidFile {self.folder}/sshd.pid\n"
                       "UsePAM no\nStrictModes no\nPasswordAuthentication no\n"
                       "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
                       # A home without a .bashrc, of which ssh's shell would take who knows what.
                       f"SetEnv PATH={self.stub}:/usr/bin:/bin STUB_DOCKER={self.stub} "
                       f"HOME={self.folder}\n")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # which Debian's service makes otherwise
        with open(os.path.join(self.folder, "sshd.log"), "wb") as log:
            self.sshd = subprocess.Popen([front.find_program("sshd"), "-D", "-e", "-f",
                                          os.path.join(self.folder, "sshd_config")], stderr=log)
        self.addCleanup(self.sshd.wait)
        self.addCleanup(self.sshd.terminate)
        deadline = time.monotonic() + front.PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > deadline or self.sshd.poll() is not None:
                    raise
                time.sleep(0.01)

    def make_checkout(self):
        """What rollout brings, where a test may change it."""
        self.checkout = os.path.join(self.folder, "checkout")
        shutil.copytree(os.path.join(front.ROOT, "tools/deploy"),
                        os.path.join(self.checkout, "tools/deploy"))
        for name in ("docker-compose.yml", "docker-compose.prod.yml", "nginx.conf"):
            shutil.copy(os.path.join(front.ROOT, name), self.checkout)

    def start_rollout(self, name, **more):
        return subprocess.Popen([os.path.join(self.checkout, "tools/deploy/rollout"), image(name)],
                                env=self.environment | more, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def rollout(self, name, **more):
        started = self.start_rollout(name, **more)
        self.said = started.communicate(timeout=front.PATIENCE_S)[0]
        return started.returncode

    def rollback(self, **more):
        done = subprocess.run([os.path.join(self.checkout, "tools/deploy/rollback")],
                              env=self.environment | more, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.said = done.stdout
        return done.returncode

    def tell_stub(self, name, text=""):
        """What `docker` finds from now on; see stub_docker."""
        with open(os.path.join(self.stub, name), "w", encoding="utf-8") as file:
            file.write(text)

    def calls(self, *beginning):
        lines = [json.loads(line) for line in read(self.stub, "calls").splitlines()]
        return [call for call in lines if call["arguments"][:len(beginning)] == list(beginning)]

    def running(self):
        return read(self.stub, "running")

    def gate(self):
        """The next `compose up` waits until this is written to."""
        path = os.path.join(self.stub, "gate")
        os.mkfifo(path)
        return path

    def wait_for_gate(self):
        # Opens once the other end reads.
        return open(os.path.join(self.stub, "gate.taken"), "w", encoding="utf-8") if self.taken() \
            else None

    def taken(self):
        deadline = time.monotonic() + front.PATIENCE_S
        while not os.path.exists(os.path.join(self.stub, "gate.taken")):
            if time.monotonic() > deadline:
                raise AssertionError("compose up was not called")
            time.sleep(0.01)
        return True

    def wait_for_host(self):
        """A rollout whose connection broke goes on: until it has ended."""
        lock = os.path.join(self.path, "lock")
        if os.path.exists(lock):
            subprocess.run(["flock", "--timeout", str(front.PATIENCE_S), lock, "true"], check=True)

    def left_over(self):
        return [name for name in os.listdir(self.path)
                if name.startswith(("incoming", "unfinished", "leaving", "previous.new", "older"))]


class Rollouts(Host):
    def test_the_first_and_the_next(self):
        self.assertEqual(self.rollout("first"), 0, self.said)
        self.assertEqual(self.running(), image("first"))
        settings = os.path.join(self.path, ".env")
        self.assertEqual(stat.S_IMODE(os.stat(settings).st_mode), 0o600)
        self.assertEqual(read(settings).split(),
                         [KEY, "PINHOLE_TLS_DIR=/etc/pinhole/tls",
                          "COMPOSE_FILE=docker-compose.yml:docker-compose.prod.yml",
                          f"PINHOLE_IMAGE={image('first')}"])
        self.assertEqual(read(self.path, "nginx.conf"), read(front.ROOT, "nginx.conf"))
        self.assertFalse(os.path.exists(os.path.join(self.path, ".env.prod")))

        mounted = os.stat(os.path.join(self.path, "nginx.conf")).st_ino
        with open(os.path.join(self.checkout, "nginx.conf"), "a", encoding="utf-8") as file:
            file.write("# changed\n")
        self.assertEqual(self.rollout("second"), 0, self.said)
        self.assertEqual(self.running(), image("second"))
        self.assertTrue(read(self.path, "nginx.conf").endswith("# changed\n"))
        # The file that the container has mounted, not another one by its name.
        self.assertEqual(os.stat(os.path.join(self.path, "nginx.conf")).st_ino, mounted)
        reload = self.calls("compose", "exec", "-T", "nginx", "nginx", "-s", "reload")
        self.assertEqual(len(reload), 2)
        self.assertEqual(self.left_over(), [])
        self.assertFalse(any({"down", "rm", "-v", "--volumes", "prune"} & set(call["arguments"])
                             and call["arguments"][:2] != ["image", "rm"] for call in self.calls()))

    def test_a_broken_image_is_taken_back_with_its_files(self):
        self.rollout("good")
        before = read(self.path, "nginx.conf"), read(self.path, ".env")
        with open(os.path.join(self.checkout, "nginx.conf"), "a", encoding="utf-8") as file:
            file.write("# of the broken one\n")
        extra = os.path.join(self.checkout, "tools/deploy/nginx/extra.conf")
        with open(extra, "w", encoding="utf-8") as file:
            file.write("# new\n")
        self.assertEqual(self.rollout("broken"), 1, self.said)
        self.assertIn(f"{image('good')} runs again", self.said)
        # The app first and by itself.
        ups = [call for call in self.calls("compose", "up") if call["arguments"][-1] == "app"]
        self.assertEqual([call["image"] for call in ups],
                         [image("good"), image("broken"), image("good")])
        self.assertIn("of the broken one", ups[1]["conf"])
        self.assertEqual((read(self.path, "nginx.conf"), read(self.path, ".env")), before)
        self.assertFalse(os.path.exists(os.path.join(self.path, "tools/deploy/nginx/extra.conf")))
        self.assertEqual(self.left_over(), [])
        # Nor is it, or the same once more, what to go back to after the next good one.
        os.remove(extra)
        self.assertEqual(self.rollout("better"), 0)
        self.assertEqual(self.rollback(), 0)
        self.assertEqual(self.running(), image("good"))

    def test_when_neither_starts(self):
        self.assertEqual(self.rollout("broken-first"), 3)
        self.assertIn("nothing to go back to", self.said)
        # What is likeliest the first time, and none of its clients.
        self.assertIn("[emerg] 1#1: cannot load certificate", self.said)
        self.assertNotIn("192.0.2.7", self.said)
        self.assertEqual(self.rollout("good"), 0, self.said)
        self.tell_stub("all-broken")
        self.assertEqual(self.rollout("other"), 3)
        self.assertIn("did not start either", self.said)

    def test_what_cannot_work_touches_nothing(self):
        self.rollout("good")
        before = {name: read(self.path, name) for name in (".env", "nginx.conf")}
        count = len(self.calls("compose", "up"))
        self.assertEqual(self.rollout("absent"), 1)
        self.assertIn("cannot pull", self.said)
        self.assertEqual(self.rollout("fine", ENV_PROD="PINHOLE_TLS_DIR=/x"), 1)
        self.assertIn("PINHOLE_SECRET_KEY is missing", self.said)
        self.assertEqual(self.rollout("fine", ENV_PROD=read(front.ROOT, ".env.prod.example")), 1)
        self.assertIn("placeholder", self.said)
        self.assertNotEqual(self.rollout("fine", ENV_PROD=""), 0)
        self.assertEqual(len(self.calls("compose", "up")), count)
        self.assertEqual({name: read(self.path, name) for name in before}, before)
        self.assertEqual(self.left_over(), [])

    def test_only_an_image_by_digest(self):
        for wrong in ("ghcr.io/lee/pinhole:latest", "x@sha256:12", "$(id)@sha256:" + "0" * 64, ""):
            said = subprocess.run([os.path.join(self.checkout, "tools/deploy/rollout"), wrong],
                                  env=self.environment, capture_output=True)
            self.assertEqual(said.returncode, 2)
        self.assertFalse(os.path.exists(self.path))

    def test_no_other_host_is_believed(self):
        others = f"[127.0.0.1]:{self.port} " + read(self.keys, "other.pub")
        self.assertNotEqual(self.rollout("good", DEPLOY_KNOWN_HOSTS=others), 0)
        self.assertNotEqual(self.rollout("good", DEPLOY_SSH_KEY=read(self.keys, "other")), 0)
        self.assertNotEqual(self.rollout("good", DEPLOY_HOST="-oProxyCommand=id@x"), 0)
        self.assertFalse(os.path.exists(self.path))

    def test_one_at_a_time(self):
        self.rollout("good")
        self.gate()
        slow = self.start_rollout("slow")
        with self.wait_for_gate():
            self.assertEqual(self.rollout("hasty"), 75, self.said)
            self.assertEqual(self.rollback(), 75)
        self.assertEqual(slow.wait(front.PATIENCE_S), 0)
        slow.stdout.close()
        self.assertEqual(self.running(), image("slow"))
        self.assertEqual(self.left_over(), [])

    def test_a_broken_connection_leaves_a_whole_deployment(self):
        self.rollout("good")
        self.gate()
        rollout = self.start_rollout("broken")
        with self.wait_for_gate():
            os.killpg(rollout.pid, signal.SIGKILL)
            rollout.wait()
            rollout.stdout.close()
        # Nobody listens any more; what is broken is taken back all the same.
        self.wait_for_host()
        self.assertIn(f"{image('good')} runs again", read(self.path, "deploy.log"))
        self.assertEqual(self.running(), image("good"))

    def test_one_that_was_killed_is_not_what_to_go_back_to(self):
        self.rollout("good")
        self.gate()
        rollout = self.start_rollout("cut-short")
        with self.wait_for_gate():
            found = subprocess.run(["pgrep", "-f", f"on-host apply incoming.*{image('cut-short')}"],
                                   capture_output=True, text=True, check=True).stdout.split()
            for pid in found:
                # The end of one may be that of another.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        rollout.wait(front.PATIENCE_S)
        rollout.stdout.close()
        self.assertTrue(os.path.exists(os.path.join(self.path, "unfinished")))
        self.assertEqual(self.rollout("broken"), 1, self.said)
        self.assertEqual(self.running(), image("good"))

    def test_going_back_and_forth(self):
        self.assertEqual(self.rollout("first"), 0)
        self.assertEqual(self.rollback(), 1)
        self.rollout("second")
        self.assertEqual(self.rollout("broken"), 1)
        for name in ("first", "second"):
            self.assertEqual(self.rollback(), 0)
            self.assertEqual(self.running(), image(name))

    def test_the_same_again_is_nothing_to_go_back_to(self):
        for name in ("good", "bad", "bad"):
            self.assertEqual(self.rollout(name), 0, self.said)
        self.assertEqual(self.rollback(), 0, self.said)
        self.assertEqual(self.running(), image("good"))

    def test_going_back_can_be_tried_again(self):
        self.rollout("slow")
        self.rollout("bad")
        self.tell_stub("next-is-broken")
        self.assertEqual(self.rollback(), 1, self.said)
        self.assertEqual(self.running(), image("bad"))
        self.assertEqual(self.rollback(), 0, self.said)
        self.assertEqual(self.running(), image("slow"))
        self.assertEqual(self.left_over(), [])

    def test_nothing_goes_back_over_a_schema(self):
        self.rollout("schema2")
        self.rollout("schema3")
        count = len(self.calls("compose", "up"))
        self.assertEqual(self.rollback(), 1)
        self.assertIn("does not open schema 3, nothing was touched", self.said)
        self.assertEqual(len(self.calls("compose", "up")), count)

    def test_a_disk_that_is_full_does_not_stop_the_way_back(self):
        self.rollout("good")
        log = os.path.join(self.path, "deploy.log")
        os.remove(log)
        os.symlink("/dev/full", log)
        self.assertEqual(self.rollout("broken"), 1, self.said)
        self.assertIn(f"{image('good')} runs again", self.said)
        self.assertEqual(self.running(), image("good"))

    def test_files_that_cannot_be_put_in_place_are_taken_back(self):
        self.rollout("good")
        # A folder where a file has to go: root, too, cannot write that.
        os.mkdir(os.path.join(self.path, "tools/deploy/nginx/extra.conf"))
        with open(os.path.join(self.checkout, "tools/deploy/nginx/extra.conf"), "w", encoding="utf-8"):
            pass
        self.assertEqual(self.rollout("other"), 1, self.said)
        self.assertIn(f"{image('good')} runs again", self.said)
        self.assertNotIn(image("other"), [call["image"] for call in self.calls("compose", "up")])
        self.assertEqual(self.left_over(), [])

    def test_going_back_brings_back_the_nginx_of_then(self):
        pins = [f"nginx@sha256:{digit * 64}" for digit in "ab"]
        for name, pin in zip(("first", "second"), pins):
            self.tell_stub("nginx-digest", pin + "\n")
            self.assertEqual(self.rollout(name), 0, self.said)
            self.assertEqual(read(self.path, ".env").splitlines()[-1], f"PINHOLE_NGINX_IMAGE={pin}")
        self.assertEqual(self.rollback(), 0)
        self.assertEqual(read(self.path, ".env").splitlines()[-1], f"PINHOLE_NGINX_IMAGE={pins[0]}")

    def test_only_seconds_are_a_timeout(self):
        for wrong in ("5m", "-1", "0", "1.5"):
            self.assertEqual(self.rollout("good", DEPLOY_TIMEOUT=wrong), 1)
            self.assertIn("DEPLOY_TIMEOUT needs seconds", self.said)
            self.assertEqual(self.rollback(DEPLOY_TIMEOUT=wrong), 1)
            on_host = subprocess.run(
                ["bash", os.path.join(self.checkout, "tools/deploy/on-host"), "rollback", wrong],
                cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(on_host.returncode, 2)
            self.assertIn("SECONDS needs", on_host.stderr)
        self.assertFalse(os.path.exists(self.path))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "lock")))

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_nobody_but_the_owner_leaves_files(self):
        self.rollout("first")
        self.rollout("second")
        os.chown(self.path, pwd.getpwnam("nobody").pw_uid, -1)
        self.assertEqual(self.rollback(), 2)
        self.assertIn("sudo -u nobody", self.said)
        self.assertEqual(self.running(), image("second"))
        os.chown(self.path, 0, -1)
        self.assertEqual(self.rollback(), 0)

    def test_what_was_left_behind_goes(self):
        self.rollout("first")
        old, new = (os.path.join(self.path, "incoming-" + name) for name in ("aaaaaaaa", "bbbbbbbb"))
        for folder in (old, new):
            os.mkdir(folder)
        two_days_ago = time.time() - 2 * 24 * 3600
        os.utime(old, (two_days_ago, two_days_ago))
        self.rollout("second")
        self.assertFalse(os.path.exists(old))
        self.assertTrue(os.path.exists(new))  # perhaps another one is just bringing it

    def test_rows_are_dumped_also_while_the_app_is_down(self):
        self.rollout("schema2")
        self.tell_stub("app-is-down")
        self.tell_stub("no-room")
        self.assertEqual(self.rollout("schema3"), 1)
        self.assertIn("cannot dump the rows, nothing was touched", self.said)
        self.assertEqual([call["arguments"][1:] for call in self.calls("compose")][-1], ["start", "app"])
        self.assertFalse(os.path.exists(os.path.join(self.path, "before-schema-3.tar.partial")))
        os.remove(os.path.join(self.stub, "no-room"))
        self.assertEqual(self.rollout("schema3"), 0, self.said)
        self.assertEqual(read(self.path, "before-schema-3.tar"), "all rows of the volume\n")
        words = [call["arguments"][1] for call in self.calls("compose")]
        self.assertLess(words.index("stop"), words.index("run"))

    def test_rows_are_dumped_before_another_schema(self):
        self.rollout("schema2")
        self.assertEqual(self.rollout("schema3"), 0, self.said)
        dump = os.path.join(self.path, "before-schema-3.tar")
        self.assertEqual(read(dump), "all rows\n")
        self.assertEqual(stat.S_IMODE(os.stat(dump).st_mode), 0o600)
        words = [call["arguments"][:4] for call in self.calls("compose")]
        self.assertLess(words.index(["compose", "exec", "-T", "app"]),
                        max(i for i, word in enumerate(words) if word[1] == "up"))

    def test_secrets_are_neither_in_arguments_nor_left(self):
        token = "a-token-for-the-registry"
        self.assertEqual(self.rollout("good", REGISTRY_USER="lee", REGISTRY_TOKEN=token), 0, self.said)
        login, = self.calls("login")
        self.assertEqual(login["input"], token + "\n")
        self.assertEqual(self.calls("pull")[0]["config"], login["config"])
        self.assertFalse(os.path.exists(login["config"]))
        arguments = json.dumps([call["arguments"] for call in self.calls()])
        log = read(self.path, "deploy.log") + self.said
        for secret in (token, KEY):
            self.assertNotIn(secret, arguments + log)

    def test_images_that_nobody_needs_go(self):
        with open(os.path.join(self.stub, "images"), "w", encoding="utf-8") as file:
            file.write("\n".join(map(image, ("a", "b", "c"))))
        for name in ("a", "b", "c"):
            self.rollout(name)
        removed = [call["arguments"][-1] for call in self.calls("image", "rm")][-1:]
        self.assertEqual(removed, [image("a")])


if __name__ == "__main__":
    if front.find_program("sshd") is None:
        print("skipped: there is no sshd (Debian's openssh-server)")
        sys.exit(77)
    unittest.main(verbosity=2)
