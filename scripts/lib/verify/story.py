"""The story of an outage, step by step. Each step says what it saw and fails at the first thing that
does not hold."""
import time

import expect
from api import Failed
from items import Items
from language import either

FRESH = {"Cache_Control": "no-cache"}  # read MySQL itself
PENDING = ("pending_creates", "pending_updates", "pending_deletes")


class Story:
    def __init__(self, api, database, report, limit_s, settle_s):
        self.api = api
        self.database = database
        self.report = report
        self.limit_s = limit_s    # for a state of the system
        self.settle_s = settle_s  # for the instances to follow each other
        self.stopped = False  # MySQL, by us
        self.instances = 1  # behind the address
        self.items = None
        # By the part they play.
        self.kept = self.changed = self.deleted = None            # made online
        self.made = self.repeated = self.cancelled = None         # made in the outage
        self.operations = {}  # id -> (kind, the item)
        self.key = None

    def steps(self):
        return [
            (either("Is the system well?", "¿Funciona bien el sistema?"), self.healthy),
            (either("Create, change and delete with MySQL up",
                    "Crear, modificar y borrar con MySQL en marcha"), self.online),
            (either("Stop MySQL", "Detener MySQL"), self.stop),
            (either("Read without MySQL", "Leer sin MySQL"), self.read_offline),
            (either("Create without MySQL", "Crear sin MySQL"), self.create_offline),
            (either("Change without MySQL", "Modificar sin MySQL"), self.change_offline),
            (either("Delete without MySQL", "Borrar sin MySQL"), self.delete_offline),
            (either("What waits for MySQL", "Lo que espera a MySQL"), self.waiting),
            (either("Start MySQL and watch the drain", "Iniciar MySQL y seguir el vaciado de la cola"),
             self.drain),
            (either("What became of each operation", "Qué fue de cada operación"), self.outcomes),
            (either("Compare with MySQL", "Comparar con MySQL"), self.compare),
            (either("Go on with MySQL up", "Seguir con MySQL en marcha"), self.online_again),
        ]

    # --- what is asked of the system as a whole ---

    def status(self):
        return expect.status(self.api.get("/sync/status"), 200)

    def health_is(self, **wanted):
        document = expect.status(self.api.get("/health"), 200)
        for name, value in wanted.items():
            expect.same(document.get(name), value, f"/health: {name}")
        return document

    def is_synced(self):
        status = self.status()
        wanted = {"mysql_available": True, "redis_available": True, **dict.fromkeys(PENDING, 0),
                  "is_consistent": True, "status": "synced", "mode": "online"}
        for name, value in wanted.items():
            expect.same(status.get(name), value, f"/sync/status: {name}")
        details = status.get("consistency_details")
        expect.holds(isinstance(details, dict) and details.get("is_valid") is True and
                     details.get("hash_match") is True and
                     details.get("items_count") == status.get("cache_items"),
                     f"/sync/status: consistency_details {details!r}",
                     f"/sync/status: consistency_details {details!r}")
        return status

    # --- before ---

    def _synced_and_counted(self):
        status = self.is_synced()
        count = status.get("instances")
        expect.holds(type(count) is int and count >= 0, f"/sync/status: instances {count!r}",
                     f"/sync/status: instances {count!r}")
        self.instances = max(self.instances, count)
        return status

    def healthy(self):
        ok = self.report.ok
        health = expect.until(
            lambda: self.health_is(status="healthy", mysql=True, redis=True, mode="online"),
            self.limit_s, "/health")
        ok(f"/health: healthy, version {health.get('version')}, durability {health.get('durability')}",
           f"/health: healthy, versión {health.get('version')}, durabilidad {health.get('durability')}")
        answer = self.api.get("/session")
        if answer.status == 401:
            raise Failed(either("a token is needed: --token or RELEVO_TOKEN",
                                "hace falta un token: --token o RELEVO_TOKEN"))
        role = expect.status(answer, 200).get("role")
        expect.holds(role in ("write", "admin"), f"the token's role is {role!r}: it may not write",
                     f"el rol del token es {role!r}: no permite escribir")
        ok(f"we may write (role {role})", f"se puede escribir (rol {role})")
        # Each instance at the address has to be asked; the one asked first may not know of all.
        status = None
        for _ in range(2):
            status = expect.until(self._synced_and_counted, self.limit_s, "/sync/status", self.instances)
        self.items = Items(self.api, self.settle_s, self.instances)
        ok(f"/sync/status: synced, {status['cache_items']} items, {self.instances} instance(s)",
           f"/sync/status: synced, {status['cache_items']} ítems, {self.instances} instancia(s)")
        self.report.note(f"our items have codes that begin with {self.items.tag}",
                         f"los códigos de nuestros ítems empiezan con {self.items.tag}")

    def online(self):
        ok, items = self.report.ok, self.items
        self.kept, self.changed, self.deleted = (items.new(name) for name in ("KEPT", "CHANGED", "GONE"))
        self.changed.values["acquisition_date"] = None
        for made in (self.kept, self.changed, self.deleted):
            items.create_online(made)
            items.shows(made, like=made.seen)
            items.shows(made, source=("MySQL",), like=made.seen, **FRESH)
            ok(f"created {made.id} ({made.values['code']}): 201 from MySQL, read back from cache and MySQL",
               f"creado {made.id} ({made.values['code']}): 201 de MySQL, leído de la caché y de MySQL")
        old = self.changed.etag
        items.change_online(self.changed, {"status": "En reparación"}, If_Match=old)
        items.shows(self.changed, like=self.changed.seen)
        ok(f"changed {self.changed.id}: version {self.changed.seen['version']}",
           f"modificado {self.changed.id}: versión {self.changed.seen['version']}")
        self._heeds_etags(old, pending=False)
        short = items.new("SHORT")
        items.create_online(short)
        items.delete_online(short)
        items.hidden(short.id)
        ok(f"created and deleted {short.id}: 404 now", f"creado y borrado {short.id}: ahora 404")
        items.listed_are([self.kept, self.changed, self.deleted])
        ok("the lists show each once and in order", "las listas muestran cada ítem una sola vez y en orden")
        self._whole_table([self.kept, self.changed, self.deleted])

    def _heeds_etags(self, old, pending):
        """Of the item that is changed."""
        self.items.heeds_etags(self.changed, old)
        self.items.shows(self.changed, pending, like=self.changed.seen)
        self.report.ok("If-None-Match: 304; If-Match with an old ETag: 412, and nothing changed",
                       "If-None-Match: 304; If-Match con un ETag antiguo: 412, y nada cambió")

    def _whole_table(self, wanted):
        self.items.table_has(wanted)
        self.report.ok("the whole table, in one piece and in pages: the same items, each once",
                       "la tabla entera, de una vez y por páginas: los mismos ítems, cada uno una sola vez")

    # --- the outage ---

    def stop(self):
        self.stopped = True
        self.database.stop()
        expect.until(lambda: self.health_is(status="degraded", mysql=False, redis=True, mode="offline"),
                     self.database.patience_s or self.limit_s, "/health", self.instances)
        self.report.ok("/health: degraded, MySQL down, Redis up, mode offline",
                       "/health: degraded, MySQL caído, Redis en marcha, modo offline")

        def out_of_sync():
            status = self.status()
            for name, value in {"mysql_available": False, "redis_available": True,
                                "is_consistent": False, "status": "out_of_sync"}.items():
                expect.same(status.get(name), value, f"/sync/status: {name}")
        self.items.settled(out_of_sync, "/sync/status")
        self.report.ok("/sync/status: out_of_sync", "/sync/status: out_of_sync")

    def read_offline(self):
        for made in (self.kept, self.changed, self.deleted):
            self.items.shows(made, source=("REDIS_CACHE",), like=made.seen)
            self.items.shows(made, source=("REDIS_CACHE",), like=made.seen, **FRESH)
        self.items.listed_are([self.kept, self.changed, self.deleted], source=("REDIS_CACHE",))
        self.report.ok("each item and the lists as they were, from the cache",
                       "cada ítem y las listas siguen como estaban, según la caché")

    def create_offline(self):
        ok, items = self.report.ok, self.items
        self.made, self.repeated, self.cancelled = (items.new(name) for name in
                                                    ("MADE", "REPEATED", "CANCELLED"))
        items.create_offline(self.made)
        self.key = f"{items.tag}-key"
        items.create_offline(self.repeated, Idempotency_Key=self.key)
        items.create_offline(self.cancelled)
        for made in (self.made, self.repeated, self.cancelled):
            self.operations[made.operation] = ("create", made)
            items.shows(made, pending=True, source=("REDIS_CACHE",), like=made.seen)
            ok(f"accepted {made.values['code']}: 202, temporary id {made.id}, read back",
               f"aceptado {made.values['code']}: 202, id temporal {made.id}, y así se lee")
        self._repeat(202, "operation", self.repeated.operation)
        ok("repeated under the same Idempotency-Key: the same operation",
           "repetido con la misma Idempotency-Key: la misma operación")
        items.listed_are([self.kept, self.changed, self.deleted, self.made, self.repeated,
                          self.cancelled], source=("REDIS_CACHE",))
        ok("the lists show each once, the new ones last",
           "las listas muestran cada ítem una sola vez, los nuevos al final")

    def _repeat(self, status, name, wanted):
        """The keyed create once more, on every instance: this status, and one member of the answer."""
        def look():
            answer = self.api.request("POST", "/items", self.repeated.values, Idempotency_Key=self.key)
            expect.same(expect.status(answer, status).get(name), wanted,
                        either(f"{name} of the repeat", f"{name} de la repetición"))
        self.items.settled(look, either("the repeat", "la repetición"))

    def change_offline(self):
        ok, items, old = self.report.ok, self.items, self.changed.etag
        for made, method, changes in (
                (self.changed, "PATCH", {"area": "Almacén 1"}),
                (self.changed, "PUT", {"status": "Prestada", "acquisition_date": "2023-12-31"}),
                (self.changed, "PATCH", {"area": "Almacén 2 “ñ”"}),
                (self.made, "PATCH", {"status": "Reservada"})):
            op = items.change_offline(made, method, changes)
            self.operations[op] = ("update", made)
            items.shows(made, pending=True, source=("REDIS_CACHE",), like=made.seen)
            ok(f"{method} of {made.id}: 202, shown with it, all other fields kept",
               f"{method} de {made.id}: 202, se muestra el cambio, los demás campos intactos")
        self._heeds_etags(old, pending=True)

    def delete_offline(self):
        for made in (self.deleted, self.cancelled):
            op = self.items.delete_offline(made)
            self.operations[op] = ("delete", made)
            self.items.hidden(made.id)
            self.report.ok(f"DELETE of {made.id}: 202, then 404",
                           f"DELETE de {made.id}: 202, luego 404")
        self.items.listed_are([self.kept, self.changed, self.made, self.repeated],
                              source=("REDIS_CACHE",))
        self.report.ok("the lists are without them", "las listas ya no los muestran")

    def waiting(self):
        for op, (kind, made) in self.operations.items():
            document = self._operation(op, kind, "pending")
            expect.same(document["item_id"], made.id, f"/operations/{op}: item_id")
        count = len(self.operations)
        self.report.ok(f"/operations: all {count} pending", f"/operations: las {count} están pendientes")

        def counted():
            status = self.status()
            for name in PENDING:
                kind = name[len("pending_"):-1]
                ours = sum(of == kind for of, _ in self.operations.values())
                expect.holds(isinstance(status.get(name), int) and status[name] >= ours,
                             f"/sync/status: {name} is {status.get(name)!r}, ours alone are {ours}",
                             f"/sync/status: {name} es {status.get(name)!r}, solo las nuestras ya son {ours}")
            return status
        status = self.items.settled(counted, "/sync/status")
        shown = ", ".join(f"{name} {status[name]}" for name in PENDING)
        self.report.ok(f"/sync/status: {shown}", f"/sync/status: {shown}")

    def _operation(self, op, kind, state):
        """Its document, the same on every instance."""
        def look():
            document = expect.status(self.api.get(f"/operations/{op}"), 200)
            expect.operation(document, op, kind, state)
            return document
        return self.items.settled(look, f"/operations/{op}")

    # --- the return ---

    def start(self):
        """Also what makes up for a step that failed."""
        self.database.start()
        expect.until(lambda: self.health_is(mysql=True, redis=True),
                     self.database.patience_s or self.limit_s, "/health", self.instances)
        self.stopped = False

    def drain(self):
        began = time.monotonic()
        self.start()
        self.report.ok("/health: MySQL is back", "/health: MySQL volvió")
        seen = []

        def watch():
            status = self.status()
            if (found := [status.get(name) for name in PENDING]) != seen:
                seen[:] = found
                shown = ", ".join(f"{name} {status.get(name)}" for name in PENDING)
                self.report.note(f"{time.monotonic() - began:5.1f} s  {shown}",
                                 f"{time.monotonic() - began:5.1f} s  {shown}")
            return self.is_synced()
        expect.until(watch, self.limit_s, either("the drain", "el vaciado de la cola"), self.instances)
        self.health_is(status="healthy", mysql=True, redis=True, mode="online")
        self.report.ok("/sync/status: nothing pending, synced, cache, hash and MySQL equal",
                       "/sync/status: nada pendiente, synced; caché, hash y MySQL iguales")

    def outcomes(self):
        applied = {"delete": [], "update": [], "create": []}
        finals = {}
        for op, (kind, made) in self.operations.items():
            document = self._operation(op, kind, "applied")
            # What is folded into the item's creation or cancels out is applied with that.
            if made not in (self.made, self.cancelled) or op == self.made.operation:
                applied[kind].append(document["applied_at"])
            finals[op] = document["item_id"]
        count = len(self.operations)
        self.report.ok(f"/operations: all {count} applied", f"/operations: las {count} están aplicadas")
        expect.holds(max(applied["delete"]) <= min(applied["update"]) and
                     max(applied["update"]) <= min(applied["create"]),
                     f"not deletes, then updates, then creates: {applied}",
                     f"no se siguió el orden borrar, modificar, crear: {applied}")
        self.report.ok("deletes first, then updates, then creates",
                       "primero los borrados, luego los cambios, al final las creaciones")
        for made in (self.made, self.repeated):
            expect.final_id(finals[made.operation], f"/operations/{made.operation}: item_id")
            made.id = finals[made.operation]
            expect.holds(made.id > self.deleted.id, f"{made.id} is an old id", f"{made.id} es un id antiguo")
            self.report.ok(f"{made.temporary} became {made.id}", f"{made.temporary} ahora es {made.id}")
        expect.holds(self.made.id != self.repeated.id, "two items have one id",
                     "dos ítems tienen el mismo id")
        for op, (_, made) in self.operations.items():
            wanted = None if made is self.cancelled else made.id
            expect.same(finals[op], wanted, f"/operations/{op}: item_id")
        self.report.ok("each operation names its item", "cada operación indica su ítem")

        def none_dead():
            answer = self.api.get("/sync/dead")
            document = expect.status(answer, 200)
            dead = document.get("data")
            expect.holds(isinstance(dead, list), f"no list: {answer}", f"no es una lista: {answer}")
            expect.same(document.get("count"), len(dead), "/sync/dead: count")
            ours = [letter for letter in dead if letter.get("operation") in self.operations]
            expect.same(ours, [], "/sync/dead")
        self.items.settled(none_dead, "/sync/dead")
        self.report.ok("/sync/dead: none of ours", "/sync/dead: ninguna de las nuestras")

    def compare(self):
        ok, items = self.report.ok, self.items
        items.shows(self.kept, like=self.kept.seen)
        items.shows(self.kept, source=("MySQL",), like=self.kept.seen, **FRESH)
        ok(f"{self.kept.id}: untouched, version and time too",
           f"{self.kept.id}: intacto, incluidas su versión y su hora")
        version = self.changed.seen["version"]
        for made in (self.changed, self.made, self.repeated):
            items.shows(made)
            items.shows(made, source=("MySQL",), like=made.seen, **FRESH)
            if made.temporary:
                items.shows(made, at=made.temporary, like=made.seen)
            ok(f"{made.id}: cache and MySQL show what was last asked for",
               f"{made.id}: la caché y MySQL muestran lo último que se pidió")
        expect.holds(self.changed.seen["version"] > version, f"{self.changed.id}: version still {version}",
                     f"{self.changed.id}: la versión sigue en {version}")
        for item_id in (self.deleted.id, self.cancelled.temporary):
            items.hidden(item_id)
            items.hidden(item_id, **FRESH)
            ok(f"{item_id}: stays deleted", f"{item_id}: sigue borrado")
        left = sorted((self.kept, self.changed, self.made, self.repeated), key=lambda made: made.id)
        items.listed_are(left)
        items.listed_are(left, source=("MySQL",), **FRESH)
        ok("the lists from cache and MySQL are equal, each item stands once",
           "las listas de la caché y de MySQL son iguales, con cada ítem una sola vez")
        self._whole_table(left)

    def online_again(self):
        ok, items = self.report.ok, self.items
        self._repeat(201, "data", self.repeated.seen)
        ok(f"the keyed create repeated: 201 with its final id {self.repeated.id}",
           f"la creación repetida con su clave: 201 con el id definitivo {self.repeated.id}")
        items.change_online(self.made, {"area": "Sala 2"}, at=self.made.temporary)
        items.shows(self.made, like=self.made.seen)
        ok("a change by the temporary id reaches the item",
           "un cambio hecho con el id temporal llega al ítem")
        last = items.new("LAST")
        items.create_online(last)
        left = sorted((self.kept, self.changed, self.made, self.repeated, last), key=lambda one: one.id)
        items.listed_are(left)
        expect.until(self.is_synced, self.limit_s, "/sync/status", self.instances)
        ok("new items go to MySQL; still synced", "los ítems nuevos van a MySQL; sigue synced")

    # --- the end, whatever happened ---

    def clean_up(self):
        if self.stopped:
            self.start()
            self.report.ok("MySQL runs again", "MySQL está de nuevo en marcha")
        if self.items is not None:
            self.items.remove()
            self.report.ok("our items are gone, from cache and MySQL",
                           "nuestros ítems ya no están, ni en la caché ni en MySQL")
