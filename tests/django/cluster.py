"""A PostgreSQL of one's own: in a temporary directory, on a socket in it, gone at the end."""
import contextlib
import ctypes
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

PR_SET_PDEATHSIG = 1


def find_programs():
    """Debian's directory of the newest one that knows --locale-provider; None if there is none."""
    versions = [int(path.split("/")[4]) for path in glob.glob("/usr/lib/postgresql/*/bin/postgres")]
    newest = max(versions, default=0)
    return f"/usr/lib/postgresql/{newest}/bin" if newest >= 15 else None


def find_user():
    """Whom PostgreSQL runs as; it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("there is neither a user postgres nor nobody")


def wait_until_ready(server):
    log = []
    for line in server.stderr:
        log.append(line)
        if "ready to accept connections" in line:
            return
    raise RuntimeError("PostgreSQL ended:\n" + "".join(log))


@contextlib.contextmanager
def temporary_cluster():
    """Gives the directory of its socket."""
    programs, user, libc = find_programs(), find_user(), ctypes.CDLL(None)
    directory = tempfile.mkdtemp(prefix="pinhole-django-")
    server = None
    try:
        if user:
            os.chown(directory, user["user"], user["group"])
        how = {"cwd": directory, "env": {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, "text": True,
               "stdin": subprocess.DEVNULL, **user}
        # Sorted by code point, and with upper cases beyond ASCII.
        subprocess.run([f"{programs}/initdb", "--pgdata=data", "--username=pinhole", "--auth=trust",
                        "--no-sync", "--locale-provider=libc", "--lc-collate=C",
                        "--lc-ctype=C.UTF-8", "--encoding=UTF8"],
                       check=True, stdout=subprocess.DEVNULL, **how)
        # Its log has starts and ends only, so that the pipe can't fill up.
        server = subprocess.Popen(
            [f"{programs}/postgres", "-D", "data", "-k", directory, "-c", "listen_addresses=",
             "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "log_min_messages=log",
             "-c", "log_checkpoints=off", "-c", "autovacuum=off", "-c", "jit=off",
             "-c", "statement_timeout=60s"],
            stderr=subprocess.PIPE, **how,
            # It doesn't outlive a killed parent.
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT))
        wait_until_ready(server)
        yield directory
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once: what it holds is thrown away
            server.communicate()
        shutil.rmtree(directory)
