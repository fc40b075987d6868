"""Pictures of the dashboard's main states, on servers of their own. See scripts/screenshots."""
import os
import sys
import tempfile
import time

from harness import DASHBOARD, Browser, drop_templates, item
from harness.system import System

ROOMS = ("Sala 1", "Laboratorio de química", "Laboratorio de redes", "Taller de electrónica",
         "Biblioteca, planta 2", "Almacén")
KINDS = (("PC", "Computadora"), ("LT", "Portátil"), ("MC", "Microscopio"), ("IM", "Impresora"),
         ("OS", "Osciloscopio"))
STATES = ("Operativa", "Operativa", "Operativa", "En mantenimiento", "Prestada")


class Stage:
    """An inventory of a fictitious institute, and what happens to it."""

    def __init__(self, system):
        self.system = system
        self.daemon = system.start(name="relevo-1", RELEVO_STATIC_DIR=DASHBOARD,
                                   RELEVO_CONFLICT="mysql-wins")
        for number in range(1, 90):
            short, kind = KINDS[number % len(KINDS)]
            code = f"{short}-{number:03d}" if number != 12 else "PC-012"
            self.daemon.api.post("/items", item(
                code=code, type="Computadora" if number == 12 else kind,
                status=STATES[number * 7 % len(STATES)], area=ROOMS[number * 5 % len(ROOMS)],
                acquisition_date=f"20{15 + number % 10}-{1 + number % 12:02d}-{1 + number % 28:02d}"))

    def traffic(self):
        """Some seconds of readers, so that the chart has something to show."""
        end = time.monotonic() + 6
        while time.monotonic() < end:
            for _ in range(1 + int(time.monotonic() * 1.3) % 4):
                self.daemon.api.get("/items/1")
            time.sleep(0.1)

    def kill_mysql(self):
        self.system.mysql_down()

    def conflict(self, code):
        """MySQL is back, where somebody changed the row that has a change waiting."""
        self.daemon.pause()
        self.system.mysql.start()
        self.system.mysql.sql("UPDATE items SET area = 'Almacén', version = version + 1 "
                              "WHERE code = %s", (code,))
        self.daemon.resume()
        self.system.mysql_up()

    def actions(self):
        return {"traffic": self.traffic, "kill_mysql": self.kill_mysql, "conflict": self.conflict}


def main():
    out = os.path.abspath(sys.argv[1])
    system = System()
    try:
        system.reset()
        stage = Stage(system)
        with tempfile.TemporaryDirectory() as folder:
            Browser(folder).play("pictures", stage.daemon.url, stage.actions(), out=out)
    finally:
        system.close()
        drop_templates()


main()
