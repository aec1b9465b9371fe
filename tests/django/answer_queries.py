"""Answers queries with Django on a PostgreSQL of its own: answer_queries.py ROWS

ROWS has a row a line: {"list": …, "values": {…}}. When they are loaded, a line says which versions
these are. From then on each line of stdin is a query, {"list": …, "parameters": [[name, value], …]},
and each line of stdout its answer: {"ids": […]}, or {"fault": …} if Django refuses it. It ends when
stdin does. `answer_queries.py --check` only tells, by its exit status, whether it can run here.
"""
import json
import sys
import traceback

import cluster


def say(answer):
    print(json.dumps(answer), flush=True)


def check():
    if cluster.find_programs() is None:
        sys.exit("there is no PostgreSQL 15 (Debian's package: postgresql-15)")
    try:
        import django
        import psycopg2
    except ImportError as missing:
        sys.exit(f"{missing} (Debian's packages: python3-django, python3-psycopg2)")
    if django.VERSION[:2] != (3, 2):
        sys.exit(f"Django is {django.get_version()}, not 3.2 (Debian's package: python3-django)")
    del psycopg2


def load(path):
    from entities.models import TABLES, create_tables
    from django.db import connection
    create_tables(connection)
    rows = {name: [] for name in TABLES}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            rows[row["list"]].append(TABLES[row["list"]](**row["values"]))
    for name, all_rows in rows.items():
        TABLES[name].objects.bulk_create(all_rows)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return connection.pg_version


def answer(line):
    from translate import queryset
    query = json.loads(line)
    try:
        rows = queryset(query["list"], query["parameters"])
        return {"ids": list(rows.values_list("pk", flat=True))}
    except Exception:
        return {"fault": traceback.format_exc()}


def main(rows_path):
    import django
    from django.conf import settings
    with cluster.temporary_cluster() as socket_directory:
        settings.configure(
            INSTALLED_APPS=["entities"], USE_TZ=True, TIME_ZONE="UTC",
            DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres",
                                   "USER": "pinhole", "HOST": socket_directory}})
        django.setup()
        say({"django": django.get_version(), "postgresql": load(rows_path)})
        for line in sys.stdin:
            say(answer(line))
        django.db.connection.close()


if __name__ == "__main__":
    check()
    if sys.argv[1:] != ["--check"]:
        main(*sys.argv[1:])
