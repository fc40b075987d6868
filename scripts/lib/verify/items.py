"""The items of one run: made under codes that nobody else has, looked at, and taken away again."""
import secrets
import urllib.parse

import expect
from api import Failed
from language import either


PAGE = 2         # of a list of ours, so that it has several
PAGE_MAX = 1000  # what the API allows


class Item:
    """What we know of an item: its values, the ids it had, the operation that made it."""

    def __init__(self, values):
        self.values = values
        self.id = None
        self.temporary = None
        self.operation = None
        self.seen = None  # as it was last shown, to be compared with
        self.etag = None  # under which


class Items:
    def __init__(self, api, settle_s, instances):
        self.api = api
        self.settle_s = settle_s
        self.instances = instances
        self.tag = f"VS-{secrets.token_hex(5)}"
        self._made = []
        self._tagged = {}  # (path, ETag) -> hash of what was shown

    def new(self, name, **over):
        values = {"code": f"{self.tag}-{name}", "type": "Portátil 漢字", "status": "Operativa",
                  "area": "Laboratorio “Ñandú” n.º 1", "acquisition_date": "2024-02-29", **over}
        made = Item(values)
        self._made.append(made)
        return made

    # --- reads, each until every instance shows it ---

    def settled(self, look, what):
        return expect.until(look, self.settle_s, what, self.instances)

    def _read(self, path, source, **headers):
        """GET of an item or a list; `source`: those allowed. The answer and its document."""
        answer = self.api.get(path, **headers)
        document = expect.status(answer, 200)
        found = expect.member(document, "source", str(answer))
        expect.holds(found in source, f"{answer.request}: source {found!r} is none of {source}",
                     f"{answer.request}: el origen {found!r} no es ninguno de {source}")
        expect.holds("stale" not in document, f"stale: {answer}", f"datos obsoletos: {answer}")
        etag = answer.headers.get("ETag")
        expect.holds(etag, f"{answer.request}: no ETag", f"{answer.request}: sin ETag")
        shown = hash(repr({**document, "source": None}))
        expect.holds(self._tagged.setdefault((path, etag), shown) == shown,
                     f"{answer.request}: was different under the same ETag {etag}",
                     f"{answer.request}: era distinto con el mismo ETag {etag}")
        return answer, document

    def shows(self, made, pending=False, at=None, source=expect.CACHED, like=None, **headers):
        """The item is shown with its values; `like`: exactly so."""
        path = f"/items/{at or made.id}"

        def look():
            answer, document = self._read(path, source, **headers)
            shown = expect.member(document, "data", str(answer))
            expect.item(answer, shown, made.values, pending)
            expect.same(shown["id"], made.id, f"{path}: id")
            if like is not None:
                expect.same(shown, like, path)
            made.etag = answer.headers["ETag"]
            return shown
        made.seen = self.settled(look, path)
        return made.seen

    def hidden(self, item_id, **headers):
        """404, and on every instance."""
        path = f"/items/{item_id}"
        self.settled(lambda: expect.same(self.api.get(path, **headers).status, 404, path), path)

    def heeds_etags(self, made, old):
        """The item as it was last shown is not sent again; a change of what had the ETag `old` is
        refused."""
        path = f"/items/{made.id}"

        def current():
            answer = self.api.get(path, If_None_Match=made.etag)
            expect.same(answer.status, 304, f"If-None-Match: {answer}")

        def outdated():
            answer = self.api.request("PATCH", path, {"area": "412"}, If_Match=old)
            expect.same(answer.status, 412, f"If-Match: {answer}")
        self.settled(current, path)
        self.settled(outdated, path)

    @staticmethod
    def _page(answer, document):
        """The items and the total."""
        data = expect.member(document, "data", str(answer))
        expect.holds(isinstance(data, list), f"no list: {answer}", f"no es una lista: {answer}")
        expect.same(document.get("count"), len(data), f"{answer.request}: count")
        total = document.get("total")
        expect.holds(type(total) is int, f"{answer.request}: total {total!r}",
                     f"{answer.request}: total {total!r}")
        return data, total

    def _pages(self, query, limit, source=expect.CACHED, **headers):
        """GET of a list page by page. All items, and the totals that were told."""
        found, totals, cursors, after = [], [], set(), {}
        while True:
            path = f"/items?{urllib.parse.urlencode({**query, 'limit': limit, **after})}"
            answer, document = self._read(path, source, **headers)
            data, total = self._page(answer, document)
            found += data
            totals.append(total)
            cursor = expect.member(document, "next", str(answer))
            if cursor is None:
                return found, totals
            expect.holds(data and cursor not in cursors, f"{answer.request}: next leads nowhere",
                         f"{answer.request}: next no lleva a ninguna parte")
            cursors.add(cursor)
            after = {"after": cursor}

    def listed(self, query, source=expect.CACHED, limit=PAGE_MAX, **headers):
        """A list that nobody else changes. Its items."""
        found, totals = self._pages(query, limit, source, **headers)
        expect.same(totals, [len(found)] * len(totals), f"?{urllib.parse.urlencode(query)}: total")
        return found

    def listed_are(self, wanted, source=expect.CACHED, **headers):
        """The lists by each code and by the tag hold exactly these, once, in this order, as they were
        last seen."""
        def one(made):
            expect.same(self.listed({"code": made.values["code"]}, source, **headers),
                        [made.seen] if made in wanted else [], f"?code={made.values['code']}")

        def all_of_them():
            found = self.listed({"q": self.tag}, source, PAGE, **headers)
            expect.same(found, [made.seen for made in wanted], f"?q={self.tag}")
        for made in self._made:
            self.settled(lambda made=made: one(made), f"?code={made.values['code']}")
        self.settled(all_of_them, f"?q={self.tag}")

    def table_has(self, wanted):
        """The whole table holds these of ours, in one piece and page by page. Others may write
        meanwhile: between two looks the pages show what both show, and nothing that neither does."""
        def checked(data, what):
            ids = expect.in_order(data, what)
            ours = [shown for shown in data if str(shown.get("code")).startswith(self.tag)]
            expect.same(ours, [made.seen for made in wanted], what)
            return ids

        def in_one_piece():
            answer, document = self._read("/items", expect.CACHED)
            data, total = self._page(answer, document)
            expect.same((total, document.get("next", 0)), (len(data), None), "/items: total, next")
            return checked(data, "/items")

        def look():
            before = in_one_piece()
            data, totals = self._pages({}, PAGE_MAX)
            what = f"/items?limit={PAGE_MAX}"
            expect.holds(min(totals) <= len(data) <= max(totals),
                         f"{what}: {len(data)} items, total {totals}",
                         f"{what}: {len(data)} ítems, total {totals}")
            paged, after = checked(data, what), in_one_piece()
            astray = (before & after) - paged | paged - (before | after)
            expect.same(sorted(map(str, astray)), [],
                        either("only in /items or on its pages", "solo en /items o en sus páginas"))
        expect.until(look, self.settle_s, "/items")

    # --- writes ---

    def create_online(self, made):
        answer = self.api.request("POST", "/items", made.values)
        document = expect.status(answer, 201)
        self._take_id(made, document)
        self._says(answer, document, "MySQL", "success")
        expect.item(answer, document["data"], made.values, False)
        expect.same(document["data"]["version"], 1, f"{answer.request}: version")
        expect.location(answer, made.id)
        made.seen = document["data"]

    def change_online(self, made, changes, at=None, **headers):
        made.values = {**made.values, **changes}
        answer = self.api.request("PATCH", f"/items/{at or made.id}", changes, **headers)
        document = expect.status(answer, 200)
        self._says(answer, document, "MySQL", "updated")
        expect.item(answer, document.get("data"), made.values, False)
        expect.same(document["data"]["id"], made.id, f"{answer.request}: id")
        expect.same(document["data"]["version"], made.seen["version"] + 1,
                    f"{answer.request}: version")
        times = made.seen["updated_at"], document["data"]["updated_at"]
        expect.holds(times[0] <= times[1], f"{answer.request}: updated_at goes back: {times}",
                     f"{answer.request}: updated_at retrocede: {times}")
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
        expect.item(answer, document["data"], made.values, True)
        expect.location(answer, made.temporary)
        made.seen = document["data"]

    def change_offline(self, made, method, changes):
        """The operation's id."""
        made.values = {**made.values, **changes}
        body = changes if method == "PATCH" else made.values
        answer = self.api.request(method, f"/items/{made.id}", body)
        document = expect.accepted(answer)
        expect.item(answer, document.get("data"), made.values, True)
        expect.same(document["data"]["id"], made.id, f"{answer.request}: id")
        expect.same(document["data"]["version"], made.seen["version"], f"{answer.request}: version")
        made.seen = document["data"]
        return document["operation"]

    def delete_offline(self, made):
        """The operation's id."""
        answer = self.api.request("DELETE", f"/items/{made.id}")
        document = expect.accepted(answer)
        expect.same(document.get("id"), made.id, f"{answer.request}: id")
        return document["operation"]

    @staticmethod
    def _says(answer, document, source, status):
        expect.same(document.get("source"), source, f"{answer.request}: source")
        expect.same(document.get("status"), status, f"{answer.request}: status")

    @staticmethod
    def _take_id(made, document):
        data = document.get("data")
        expect.holds(isinstance(data, dict) and "id" in data, f"no item with an id: {document}",
                     f"no hay un ítem con id: {document}")
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
        expect.until(gone, 4 * self.settle_s, either("nothing of ours is left", "que no quede nada nuestro"),
                     self.instances, pause_s=0.5)

    def _delete(self, item_id):
        answer = self.api.request("DELETE", f"/items/{item_id}")
        if answer.status not in (200, 202, 404):
            raise Failed(str(answer))
