"""The entities as a Django project would declare them, for tools/bench/restore.

Every row has a 64-bit primary key; a foreign key has a constraint and an index; a username and a
URL are unique, and so is a user's like of a post. Texts are indexed as far as that goes and no
further: Django declares no counterpart to Pinhole's search by a part of a text. (The bench adds the
nearest one of MariaDB for a row of its own.)
"""
from django.db import models


class Row(models.Model):
    id = models.BigIntegerField(primary_key=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    is_deleted = models.BooleanField(default=False)

    class Meta:
        abstract = True


class User(Row):
    username = models.CharField(max_length=150, unique=True)
    password = models.CharField(max_length=512)
    name = models.CharField(max_length=150, blank=True)
    website = models.CharField(max_length=200, blank=True)
    bio = models.TextField(blank=True)
    is_staff = models.BooleanField(default=False)

    class Meta:
        db_table = "users"


class Post(Row):
    author = models.ForeignKey(User, models.CASCADE)
    content = models.TextField(blank=True)

    class Meta:
        db_table = "posts"


class File(Row):
    post = models.ForeignKey(Post, models.CASCADE)
    position = models.IntegerField()
    type = models.CharField(max_length=16)
    url = models.CharField(max_length=255, unique=True)
    content_type = models.CharField(max_length=127)
    size = models.BigIntegerField()
    width = models.IntegerField()
    height = models.IntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "files"


class Comment(Row):
    post = models.ForeignKey(Post, models.CASCADE)
    author = models.ForeignKey(User, models.CASCADE)
    content = models.TextField()

    class Meta:
        db_table = "comments"


class Like(Row):
    post = models.ForeignKey(Post, models.CASCADE)
    user = models.ForeignKey(User, models.CASCADE)

    class Meta:
        db_table = "likes"
        unique_together = [("post", "user")]


# By the name of their file in a dump, in its order: what is referred to comes first.
TABLES = {"users": User, "posts": Post, "files": File, "comments": Comment, "likes": Like}
