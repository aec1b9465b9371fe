#!/usr/bin/python3
"""What clients see through nginx while the server ends and starts."""

import os
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import front  # noqa: E402
from nginx_case import Case, run, wait_until  # noqa: E402


def ask_patiently(client, *request):
    """nginx's limits are another test's."""
    while True:
        answer = client.ask(*request)
        if answer.status != 429:
            return answer
        time.sleep(0.02)


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
                answer = ask_patiently(client, "GET", each)
                self.assertEqual(answer.status, 200, answer.body)

        def write(client):
            with lock:
                text = f"comment {next(number)}"
            answer = ask_patiently(client, "POST", f"{path}/comments", {"content": text})
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

        there = self.ada.comments_of(self.post["id"])
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
            ("head", "HEAD", "/api/v1/posts"),
            ("search", "GET", "/api/v1/posts?content__icontains=lighthouse")]]
        for each in waiting:
            each.start()
        self.front.server.start()
        for each in waiting:
            each.join()
        self.assertEqual({name: answer.status for name, answer in answers.items()},
                         {"read": 200, "change": 200, "comment": 201, "like": 201, "head": 200,
                          "search": 200})
        # That it could not be sent at first is no reason to write down what was searched for.
        self.assertNotIn("lighthouse", self.front.nginx.errors())
        seen = self.ada.ask("GET", f"/api/v1/posts/{self.post['id']}").json()
        self.assertEqual((seen["comment_count"], seen["like_count"]), (1, 1))

    def test_many_readers_of_one_address_wait_together(self):
        """Whoever only reads the list of posts takes no place of an upload."""
        self.front.server.stop(signal.SIGTERM)
        answers = []
        readers = [threading.Thread(
            target=lambda: answers.append(self.ada.ask("GET", "/api/v1/posts").status))
            for _ in range(40)]
        for each in readers:
            each.start()
        self.front.server.start()
        for each in readers:
            each.join()
        self.assertEqual(answers, [200] * 40)

    def test_a_write_that_was_sent_is_not_sent_again(self):
        self.ada.ask("GET", "/api/v1/users/me")  # a connection is kept, and was good
        self.front.server.freeze()
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


class Reload(Case):
    def test_all_workers_are_there_after_a_reload_and_stay_within_their_limit(self):
        """Threads count against the container's limit, those of two generations during a reload."""
        cores_max = 64
        compose = front.read_text(os.path.join(front.ROOT, "docker-compose.yml"))
        limit = max(int(pids) for pids in re.findall(r"pids_limit: (\d+)", compose.split("nginx:", 1)[1]
                                                     .split("backup:", 1)[0]))
        with front.Front(workers=8) as both:
            nginx = both.nginx
            wait_until(lambda: len(nginx.worker_pids()) == 8, "eight workers")
            old = nginx.worker_pids()
            nginx.process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(nginx.worker_pids() - old) == 8, "eight new workers")
            threads = max(len(os.listdir(f"/proc/{pid}/task")) for pid in nginx.worker_pids() - old)
            self.assertLess(1 + 2 * threads * cores_max, limit)
            wait_until(lambda: not nginx.worker_pids() & old, "the old workers have gone")
            self.assertEqual(both.client().ask("GET", "/readyz").status, 200)


def unread_bytes(port):
    """What lies unread in the sockets of this local port."""
    total = 0
    for line in front.read_text("/proc/net/tcp").splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port and fields[3] == "01":
            total += int(fields[4].split(":")[1], 16)
    return total


if __name__ == "__main__":
    run()
