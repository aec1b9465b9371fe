"""The app that import-django knows without a map."""
from django.conf import settings
from django.db import models


class Profile(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE)
    name = models.CharField(max_length=64, blank=True)
    website = models.URLField(blank=True)
    bio = models.TextField(blank=True)
    updated_at = models.DateTimeField(null=True)


class Row(models.Model):
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    is_deleted = models.BooleanField(default=False)

    class Meta:
        abstract = True


class Post(Row):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    content = models.TextField(blank=True)


class File(Row):
    post = models.ForeignKey(Post, models.CASCADE)
    file = models.FileField(upload_to="posts")
    position = models.IntegerField(default=0)


class Comment(Row):
    post = models.ForeignKey(Post, models.CASCADE)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    content = models.TextField()


class Like(Row):
    post = models.ForeignKey(Post, models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
