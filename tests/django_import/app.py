"""A real Django with an Instagram-like app on SQLite, for the tests of both ways.

    app.py make DIR SEED       fills DIR/db.sqlite3 and DIR/media (with files from DIR/samples), and
                               dumps DIR/fixture.json, DIR/fixture.jsonl and DIR/passwords.json
    app.py compare DIR DUMP IDS
                               says what differs between the database and a Pinhole dump of it; IDS
                               is import-django's map of ids
    app.py load DIR FIXTURE DUMP [IDS]
                               loads a fixture of export-django into DIR/loaded.sqlite3, and says
                               what differs from the dump. IDS: primary keys are numbers, in order
    app.py --check             only tells, by its exit status, whether it can run here

Differences are lines of standard output: none is good.
"""
import datetime
import json
import os
import random
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TEXTS = ["바다", "sea & <b>sky</b>", "🌊🏳️‍🌈", "e\u0301 combining", "\u202eright to left\u202c", "line\nbreak\r\n",
         "\u2028", "'quoted' \"twice\"", "\\ back", "\ufeffmark", "tab\t", "שלום", "ß ſ İ", "\U0010fffd", " "]
UTC = datetime.timezone.utc


def set_up(directory, database):
    sys.path.insert(0, os.path.join(HERE, "app"))
    import django
    from django.conf import settings
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth",
                        "django.contrib.sessions", "api"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3",
                               "NAME": os.path.join(directory, database)}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True, TIME_ZONE="UTC",
        MEDIA_ROOT=os.path.join(directory, "media"),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.PBKDF2PasswordHasher",
                          "django.contrib.auth.hashers.Argon2PasswordHasher",
                          "django.contrib.auth.hashers.MD5PasswordHasher"])
    django.setup()
    from django.core.management import call_command
    call_command("migrate", run_syncdb=True, verbosity=0)


def random_text(chance, most):
    text = "".join(chance.choice(TEXTS) for _ in range(chance.randrange(1, 6)))
    return text[:most]


def random_time(chance):
    """Some from before 2024, where ids do not begin yet."""
    return datetime.datetime(2023, 6, 1, tzinfo=UTC) + datetime.timedelta(
        microseconds=chance.randrange(3 * 365 * 86_400_000_000))


def make_users(chance):
    from api.models import Profile
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    passwords = {name: f"the old password of {name} ü" for name in ("kim", "lee", "ari", "md5")}
    User.objects.create_user("kim", password=passwords["kim"], first_name="Kim", last_name="김")
    User.objects.create_superuser("Lee", password=passwords["lee"])
    User.objects.create(username="ari", password=make_password(passwords["ari"], hasher="argon2"))
    User.objects.create_user("nobody")  # unusable
    User.objects.create_user("banned", password=passwords["kim"], is_active=False)
    User.objects.create(username="md5", password=make_password(passwords["md5"], hasher="md5"))
    hashed = User.objects.get(username="kim").password
    for number in range(10):
        User.objects.create(username=f"user_{number}", password=hashed)
    for user in User.objects.all():
        user.date_joined = random_time(chance)
        user.save()
        if user.pk % 3:
            Profile.objects.create(user=user, name=random_text(chance, 64).replace("\x00", ""),
                                   bio=random_text(chance, 150),
                                   website=chance.choice(["", "https://example.com/~kim?a=1#b"]),
                                   updated_at=chance.choice([None, random_time(chance)]))
    return passwords


def make_rows(directory, chance):
    from api.models import Comment, File, Like, Post
    from django.contrib.auth.models import User
    users = list(User.objects.all())
    samples = sorted(os.listdir(os.path.join(directory, "samples")))

    def dates():
        at = random_time(chance)
        return {"created_at": at, "updated_at": at + datetime.timedelta(seconds=chance.randrange(99)),
                "is_deleted": chance.random() < 0.2}
    for number in range(24):
        post = Post.objects.create(author=chance.choice(users), content=random_text(chance, 2200),
                                   **dates())
        for position in range(chance.randrange(1, 4)):
            name = samples[number % len(samples)]
            path = f"posts/{number}/{position}-바다 {name}"
            os.makedirs(os.path.join(directory, "media", os.path.dirname(path)), exist_ok=True)
            shutil.copy(os.path.join(directory, "samples", name),
                        os.path.join(directory, "media", path))
            when = dates()
            when["is_deleted"] = when["is_deleted"] and position > 0
            File.objects.create(post=post, file=path, position=position, **when)
        for user in chance.sample(users, 5):
            Like.objects.create(post=post, user=user, **dates())
            Comment.objects.create(post=post, author=user, content=random_text(chance, 2200),
                                   **dates())
    first = Like.objects.filter(is_deleted=False).first()
    Like.objects.create(post=first.post, user=first.user, created_at=first.created_at
                        + datetime.timedelta(days=1), updated_at=first.updated_at)


def make(directory, seed):
    set_up(directory, "db.sqlite3")
    from django.contrib.sessions.models import Session
    from django.core.management import call_command
    chance = random.Random(int(seed))
    passwords = make_users(chance)
    make_rows(directory, chance)
    Session.objects.create(session_key="a", session_data="b", expire_date=random_time(chance))
    for form in ("json", "jsonl"):
        call_command("dumpdata", format=form, output=os.path.join(directory, f"fixture.{form}"),
                     verbosity=0)
    with open(os.path.join(directory, "passwords.json"), "w", encoding="utf-8") as file:
        json.dump(passwords, file)


def read_dump(dump):
    rows = {}
    for name in ("users", "posts", "files", "comments", "likes"):
        with open(os.path.join(dump, name + ".jsonl"), encoding="utf-8") as lines:
            rows[name] = {row["id"]: row for row in map(json.loads, lines)}
    return rows


def text_of(at, digits):
    at = at.astimezone(UTC)
    if digits == 3:  # that is what dumpdata keeps
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rows_of_django(digits):
    """Each model's objects as a dump has them, as far as Django knows it."""
    from api.models import Comment, File, Like, Post, Profile
    from django.contrib.auth.models import User
    profiles = {profile.user_id: profile for profile in Profile.objects.all()}

    def user(row):
        profile = profiles.get(row.pk)
        changed = profile and profile.updated_at or row.date_joined
        name = profile and profile.name or f"{row.first_name} {row.last_name}".strip()
        return {"username": row.username.lower(), "name": name, "is_staff": row.is_staff,
                "bio": profile.bio if profile else "", "website": profile.website if profile else "",
                "created_at": text_of(row.date_joined, digits),
                "updated_at": text_of(changed, digits), "is_deleted": not row.is_active}

    def dated(row, **values):
        return {"created_at": text_of(row.created_at, digits),
                "updated_at": text_of(row.updated_at, digits), "is_deleted": row.is_deleted, **values}
    return {
        "users": ("auth.user", {row.pk: user(row) for row in User.objects.all()}),
        "posts": ("api.post", {row.pk: dated(row, author=("auth.user", row.author_id),
                                             content=row.content) for row in Post.objects.all()}),
        "files": ("api.file", {row.pk: dated(row, post=("api.post", row.post_id),
                                             position=row.position) for row in File.objects.all()}),
        "comments": ("api.comment", {
            row.pk: dated(row, post=("api.post", row.post_id), author=("auth.user", row.author_id),
                          content=row.content) for row in Comment.objects.all()}),
        "likes": ("api.like", {
            row.pk: dated(row, post=("api.post", row.post_id), user=("auth.user", row.user_id))
            for row in Like.objects.all()}),
    }


def find_differences(expected, dump, ids, left_out=()):
    """`ids`: from (model, pk) to the dump's id."""
    for entity, (model, objects) in expected.items():
        rows = dict(dump[entity])
        for pk, values in objects.items():
            if (model, pk) in left_out:
                continue
            row = rows.pop(ids(model, pk), None)
            if row is None:
                yield f"{model} {pk} is not in the dump"
                continue
            for name, value in values.items():
                wanted = ids(*value) if isinstance(value, tuple) else value
                if row[name] != wanted:
                    yield f"{model} {pk}: {name} is {row[name]!r} and not {wanted!r}"
        for row in rows.values():
            yield f"{entity} has a row of nobody: {row}"


def find_changed_ids(expected, ids):
    """Whatever refers to a row by its primary key still finds it."""
    for model, objects in expected.values():
        for pk in objects:
            if ids(model, pk) not in (None, str(pk)):
                yield f"{model} {pk} has the id {ids(model, pk)}"


def compare(directory, dump_directory, ids_path):
    set_up(directory, "db.sqlite3")
    from api.models import Like
    ids = {}
    with open(ids_path, encoding="utf-8") as lines:
        for entry in map(json.loads, lines):
            ids[entry["model"], entry["pk"]] = entry["id"]
    dump = read_dump(dump_directory)
    expected = rows_of_django(3)
    repeated = {("api.like", Like.objects.latest("pk").pk)}
    yield from find_differences(expected, dump, lambda *of: ids.get(of), repeated)
    yield from find_changed_ids(expected, lambda *of: ids.get(of))


def load(directory, fixture, dump_directory, renumbered=""):
    set_up(directory, "loaded.sqlite3")
    from api.models import File
    from django.contrib.auth.hashers import check_password
    from django.contrib.auth.models import User
    from django.core.management import call_command
    call_command("loaddata", fixture, verbosity=0)
    dump = read_dump(dump_directory)
    if renumbered:
        names = {"auth.user": "users", "api.post": "posts", "api.file": "files",
                 "api.comment": "comments", "api.like": "likes"}
        numbered = {model: sorted(dump[name], key=int) for model, name in names.items()}

        def ids(model, pk):
            return numbered[model][pk - 1]
    else:
        def ids(model, pk):
            del model
            return str(pk)
    yield from find_differences(rows_of_django(6), dump, ids)
    with open(os.path.join(directory, "passwords.json"), encoding="utf-8") as file:
        passwords = json.load(file)
    for user in User.objects.all():
        usable = user.username in ("kim", "lee", "ari")
        password = passwords.get(user.username, passwords["kim"])
        is_right = check_password(password, user.password)
        if usable and (not is_right or check_password(password + "x", user.password)):
            yield f"{user.username} cannot log in with the hash {user.password}"
        if user.username in ("nobody", "banned", "md5") and is_right:
            yield f"{user.username} can log in"
    media = os.path.join(directory, "exported media")
    for file in File.objects.all():
        size = os.path.getsize(os.path.join(media, file.file.name))
        if size != dump["files"][ids("api.file", file.pk)]["size"]:
            yield f"{file.file.name} has {size} bytes"


def check():
    try:
        import argon2
        import django
    except ImportError as missing:
        sys.exit(f"{missing} (Debian's packages: python3-django, python3-argon2)")
    if django.VERSION < (3, 2):
        sys.exit(f"Django is {django.get_version()}, which has no JSONL")
    del argon2


if __name__ == "__main__":
    check()
    COMMANDS = {"compare": compare, "load": load}
    if sys.argv[1] == "make":
        make(*sys.argv[2:])
    elif sys.argv[1] != "--check":
        for difference in COMMANDS[sys.argv[1]](*sys.argv[2:]):
            print(difference)
