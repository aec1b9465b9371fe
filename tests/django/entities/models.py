"""Pinhole's entities as a Django developer would declare them.

They are declared twice: TABLES has all rows, with a flag on those that are deleted; ALIVE, on views,
only those that are there: not deleted, and hanging under nothing deleted.
"""
from django.db import models

# What each list's rows hang under.
PARENTS = {
    "users": {},
    "posts": {"author": "users"},
    "files": {"post": "posts"},
    "comments": {"post": "posts", "author": "users"},
    "likes": {"post": "posts", "user": "users"},
}


def make_models(prefix, managed):
    made = {}

    def make(name, fields):
        meta = type("Meta", (), {"app_label": "entities", "db_table": f"{prefix}_{name}",
                                 "managed": managed})
        for parent, target in PARENTS[name].items():
            fields[parent] = models.ForeignKey(made[target], on_delete=models.CASCADE,
                                               related_name=name, db_constraint=False)
        made[name] = type(f"{prefix}_{name}", (models.Model,), {
            "__module__": __name__, "Meta": meta,
            "id": models.BigIntegerField(primary_key=True),
            "is_deleted": models.BooleanField(),
            "created_at": models.DateTimeField(), **fields})

    make("users", {"username": models.TextField(), "name": models.TextField(),
                   "post_count": models.BigIntegerField()})
    make("posts", {"content": models.TextField(), "like_count": models.BigIntegerField(),
                   "comment_count": models.BigIntegerField()})
    make("files", {"type": models.TextField(), "width": models.BigIntegerField(),
                   "position": models.BigIntegerField()})
    make("comments", {"content": models.TextField()})
    make("likes", {})
    return made


TABLES = make_models("all", managed=True)
ALIVE = make_models("alive", managed=False)


def alive(name, prefix=""):
    """What filter() is told for a row to be there."""
    conditions = {f"{prefix}is_deleted": False}
    for parent, target in PARENTS[name].items():
        conditions.update(alive(target, f"{prefix}{parent}__"))
    return conditions


def create_tables(connection):
    with connection.schema_editor() as editor:
        for model in TABLES.values():
            editor.create_model(model)
    with connection.cursor() as cursor:
        for name in TABLES:
            parents = "".join(f" AND {parent}_id IN (SELECT id FROM alive_{target})"
                              for parent, target in PARENTS[name].items())
            cursor.execute(f"CREATE VIEW alive_{name} AS SELECT * FROM all_{name}"
                           f" WHERE NOT is_deleted{parents}")
