"""From the text of a list's query to a queryset.

Soft deletion is written out: each filter is a filter() of its own that says, in the same call, that
every row on its path is there. Nothing of Pinhole's parser is used.
"""
import csv
import io
import json
import re

from django.db.models import DateTimeField, Q
from django.db.models.functions import ExtractSecond

from entities.models import ALIVE, TABLES, alive

LISTS = {model: name for name, model in TABLES.items()}


class WholeSecond(ExtractSecond):
    """Django 3.2 has PostgreSQL compare 59.5 seconds; the API, as later Djangos, compares 59."""

    def as_sql(self, compiler, connection):
        sql, params = super().as_sql(compiler, connection)
        return f"FLOOR({sql})", params


DateTimeField.register_lookup(WholeSecond)


def among(rows):
    """Being one of these rows. The limit, which none reaches, has PostgreSQL work them out by
    themselves; else it joins the tables of all filters at once, and may take minutes for it."""
    return Q(pk__in=rows.values("pk")[:1_000_000])


def follow(model, names):
    """The models on a path, each with its prefix, and the names that are behind the relations."""
    steps = []
    for at, name in enumerate(names):
        field = {each.name: each for each in model._meta.get_fields()}.get(name)
        if field is None or not field.is_relation:
            return steps, names[at:]
        model = field.related_model
        steps.append((model, "__".join(names[:at + 1]) + "__"))
    return steps, []


def test(root, name, value):
    """What one `path__lookup=value` holds of."""
    names = name.split("__")
    if names[-1] == "isnull":
        # Over what is there: a left join that leads to nothing, or to something.
        return among(ALIVE[LISTS[root]].objects.filter(**{name: value}))
    steps, rest = follow(root, names)
    if rest == ["range"]:
        name = "__".join(names[:-1] + ["id", "range"])  # a relation itself has no `range` in Django
    conditions = {}
    for model, prefix in steps:
        conditions.update(alive(LISTS[model], prefix))
    return among(root.objects.filter(**conditions, **{name: value}))


def parameter(root, name, text):
    value = text
    if name.endswith("__isnull"):
        value = {"true": True, "false": False}[text]
    elif name.endswith(("__in", "__range")):
        value = next(csv.reader(io.StringIO(text, newline=""), strict=True), [])
    return test(root, name, value)


class Expression:
    """or := and ("|" and)*; and := not ("&" not)*; not := "~" not | "(" or ")" | test"""

    SPACE = re.compile(r"\s*")
    NAME = re.compile(r"\w+")

    def __init__(self, root, text):
        self.root, self.text, self.at = root, text, 0

    def take(self, wanted):
        self.at = self.SPACE.match(self.text, self.at).end()
        if self.text.startswith(wanted, self.at):
            self.at += len(wanted)
            return True
        return False

    def parse(self):
        whole = self.alternatives()
        self.take("")
        assert self.at == len(self.text), self.text[self.at:]
        return whole

    def alternatives(self):
        found = self.all_of()
        while self.take("|"):
            found = found | self.all_of()
        return found

    def all_of(self):
        found = self.one()
        while self.take("&"):
            found = found & self.one()
        return found

    def one(self):
        if self.take("~"):
            return ~self.one()
        if self.take("("):
            inner = self.alternatives()
            assert self.take(")"), self.text[self.at:]
            return inner
        name = self.NAME.match(self.text, self.at)
        self.at = name.end()
        assert self.take("=")
        self.take("")
        value, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
        return test(self.root, name.group(), value)


def queryset(list_name, parameters):
    """Requires: (name, value) pairs as the API's query string has them, decoded."""
    root = TABLES[list_name]
    rows = root.objects.filter(**alive(list_name))
    order = ["-created_at"]
    for name, text in parameters:
        if name == "ordering":
            order = text.split(",")
        elif name == "filter":
            rows = rows.filter(Expression(root, text).parse())
        elif name.endswith("!"):
            rows = rows.exclude(parameter(root, name[:-1], text))
        else:
            rows = rows.filter(parameter(root, name, text))
    ties = "-id" if order[-1].startswith("-") else "id"
    return rows.order_by(*order, ties)
