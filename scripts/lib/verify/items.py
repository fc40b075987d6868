"""The items of one run: made under codes that nobody else has, looked at, and taken away again."""
import secrets
import urllib.parse

import expect
from api import Failed
from language import either


class Item:
    """What we know of an item: its values, the ids it had, the operation that made it."""

    def __init__(self, values):
        self.values = values
        self.id = None
        self.temporary = None
        self.operation = None
        self.seen = None  # as it was last shown, to be compared with


class Items:
    def __init__(self, api, settle_s, instances):
        self.api = api
        self.settle_s = settle_s
        self.instances = instances
        self.tag = f"VS-{secrets.token_hex(5)}"
        self._made = []

    def new(self, name, **over):
        values = {"code": f"{self.tag}-{name}", "type": "Portátil 漢字", "status": "Operativa",
                  "area": "Laboratorio “Ñandú” n.º 1", "acquisition_date": "2024-02-29", **over}
        made = Item(values)
        self._made.append(made)
        return made

    # --- reads, each until every instance shows it ---

    def settled(self, look, what):
        return expect.until(look, self.settle_s, what, self.instances)

    def read(self, path, source, **headers):
        """GET of one item; `source`: those allowed. The item."""
        answer = self.api.get(path, **headers)
        document = expect.status(answer, 200)
        found = expect.member(document, "source", str(answer))
        expect.holds(found in source, f"{answer.request}: source {found!r} is none of {source}",
                     f"{answer.request}: la fuente {found!r} no es ninguna de {source}")
        expect.holds("stale" not in document, f"stale: {answer}", f"obsoleto: {answer}")
        expect.holds(answer.headers.get("ETag"), f"{answer.request}: no ETag",
                     f"{answer.request}: sin ETag")
        return expect.member(document, "data", str(answer))

    def shows(self, made, pending=False, at=None, source=expect.CACHED, like=None, **headers):
        """The item is shown with its values; `like`: exactly so."""
        path = f"/items/{at or made.id}"

        def look():
            shown = self.read(path, source, **headers)
            expect.item(shown, made.values, pending, path)
            expect.same(shown["id"], made.id, f"{path}: id")
            if like is not None:
                expect.same(shown, like, path)
            return shown
        made.seen = self.settled(look, path)
        return made.seen

    def hidden(self, item_id, **headers):
        """404, and on every instance."""
        path = f"/items/{item_id}"
        self.settled(lambda: expect.same(self.api.get(path, **headers).status, 404, path), path)

    def listed(self, query, source=expect.CACHED, **headers):
        """GET of a list that fits on one page. Its items."""
        answer = self.api.get(f"/items?{urllib.parse.urlencode({**query, 'limit': 1000})}", **headers)
        document = expect.status(answer, 200)
        found = expect.member(document, "source", str(answer))
        expect.holds(found in source, f"{answer.request}: source {found!r} is none of {source}",
                     f"{answer.request}: la fuente {found!r} no es ninguna de {source}")
        data = expect.member(document, "data", str(answer))
        expect.holds(isinstance(data, list), f"no list: {answer}", f"no es una lista: {answer}")
        for name in ("count", "total"):
            expect.same(document.get(name), len(data), f"{answer.request}: {name}")
        expect.same(document.get("next", 0), None, f"{answer.request}: next")
        return data

    def listed_are(self, wanted, source=expect.CACHED, **headers):
        """The lists by each code and by the tag hold exactly these, once, in this order, as they were
        last seen."""
        def one(made):
            expect.same(self.listed({"code": made.values["code"]}, source, **headers),
                        [made.seen] if made in wanted else [], f"?code={made.values['code']}")

        def all_of_them():
            found = self.listed({"q": self.tag}, source, **headers)
            expect.same(found, [made.seen for made in wanted], f"?q={self.tag}")
        for made in self._made:
            self.settled(lambda made=made: one(made), f"?code={made.values['code']}")
        self.settled(all_of_them, f"?q={self.tag}")

    # --- writes ---

    def create_online(self, made):
        answer = self.api.request("POST", "/items", made.values)
        document = expect.status(answer, 201)
        self._take_id(made, document)
        self._says(answer, document, "MySQL", "success")
        expect.item(document["data"], made.values, False, answer.request)
        expect.same(document["data"]["version"], 1, f"{answer.request}: version")
        expect.location(answer, made.id)
        made.seen = document["data"]

    def change_online(self, made, changes, at=None):
        made.values = {**made.values, **changes}
        answer = self.api.request("PATCH", f"/items/{at or made.id}", changes)
        document = expect.status(answer, 200)
        self._says(answer, document, "MySQL", "updated")
        expect.item(document.get("data"), made.values, False, answer.request)
        expect.same(document["data"]["id"], made.id, f"{answer.request}: id")
        expect.same(document["data"]["version"], made.seen["version"] + 1,
                    f"{answer.request}: version")
        made.seen = document["data"]

    def delete_online(self, made):
        answer = self.api.request("DELETE", f"/items/{made.id}")
        document = expect.status(answer, 200)
        self._says(answer, document, "MySQL", "deleted")
        expect.same(document.get("id"), made.id, f"{answer.request}: id")

    def create_offline(self, made, **headers):
        answer = self.api.request("POST", "/items", made.values, **headers)
        document = expect.accepted(answer)
        self._take_id(made, document)
        made.temporary, made.operation = made.id, document["operation"]
        expect.same(made.temporary, f"pending_{made.operation}", f"{answer.request}: id")
        expect.item(document["data"], made.values, True, answer.request)
        expect.location(answer, made.temporary)
        made.seen = document["data"]

    def change_offline(self, made, method, changes):
        """The operation's id."""
        made.values = {**made.values, **changes}
        body = changes if method == "PATCH" else made.values
        answer = self.api.request(method, f"/items/{made.id}", body)
        document = expect.accepted(answer)
        expect.item(document.get("data"), made.values, True, answer.request)
        expect.same(document["data"]["id"], made.id, f"{answer.request}: id")
        expect.same(document["data"]["version"], made.seen["version"], f"{answer.request}: version")
        made.seen = document["data"]
        return document["operation"]

    def delete_offline(self, made):
        """The operation's id."""
        return expect.accepted(self.api.request("DELETE", f"/items/{made.id}"))["operation"]

    @staticmethod
    def _says(answer, document, source, status):
        expect.same(document.get("source"), source, f"{answer.request}: source")
        expect.same(document.get("status"), status, f"{answer.request}: status")

    @staticmethod
    def _take_id(made, document):
        data = document.get("data")
        expect.holds(isinstance(data, dict) and "id" in data, f"no item with an id: {document}",
                     f"no hay ítem con id: {document}")
        made.id = data["id"]

    # --- the end ---

    def remove(self):
        """Delete all we made: by the ids we know, and what a list still shows under our tag, as an
        answer may have got lost. Until nothing is left, in MySQL too."""
        def gone():
            for item_id in [made.id for made in self._made if made.id is not None]:
                self._delete(item_id)
            left = [shown["id"] for headers in ({}, {"Cache_Control": "no-cache"})
                    for shown in self.listed({"q": self.tag}, **headers)]
            for item_id in left:
                self._delete(item_id)
            expect.same(left, [], f"?q={self.tag}")
        expect.until(gone, 4 * self.settle_s, either("nothing of ours is left", "no queda nada"),
                     self.instances, pause_s=0.5)

    def _delete(self, item_id):
        answer = self.api.request("DELETE", f"/items/{item_id}")
        if answer.status not in (200, 202, 404):
            raise Failed(str(answer))
