"""verify-sync: options, and what becomes of a run."""
import argparse
import os
import signal
import sys

import database
import usage
from api import Api
from language import either
from report import Report, say
from story import Story


def options():
    usage.translate()
    parser = argparse.ArgumentParser(
        prog="verify-sync", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=either(
            "Plays the story of an outage on a running system and judges every answer.\n"
            "It makes items of its own and takes them away again.",
            "Reproduce en un sistema en marcha la historia de una caída de MySQL y comprueba cada\n"
            "respuesta. Crea sus propios ítems y al final los borra."),
        epilog=either(
            "Exit code: 0 every step held, 1 one did not, 2 wrong usage, 130 broken off.\n"
            "The language follows LC_ALL, LC_MESSAGES and LANG.",
            "Código de salida: 0 todo en orden, 1 algo falló, 2 uso incorrecto, 130 interrumpido.\n"
            "El idioma depende de LC_ALL, LC_MESSAGES y LANG."))
    parser.add_argument("--url", help=either(
        "of the API; http://localhost:8001, with --local that of scripts/run",
        "de la API; si falta, http://localhost:8001, o con --local la de scripts/run"))
    parser.add_argument("--token", default=os.environ.get("RELEVO_TOKEN"), help=either(
        "with role write, where the API asks for one; better in RELEVO_TOKEN",
        "con el rol write, si la API pide uno; mejor en RELEVO_TOKEN"))
    parser.add_argument("--timeout", type=float, default=60, metavar="S", help=either(
        "seconds for a state to be reached, each (60)",
        "segundos para alcanzar cada estado (60)"))
    parser.add_argument("--settle", type=float, default=5, metavar="S", help=either(
        "seconds that the instances have to follow each other (5)",
        "segundos que tienen las instancias para ponerse al día entre sí (5)"))
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--compose", action="store_true", help=either(
        "stop and start the service mysql_db of docker-compose.yml",
        "detener e iniciar el servicio mysql_db de docker-compose.yml"))
    how.add_argument("--local", action="store_true", help=either(
        "stop and start the server of scripts/run", "detener e iniciar el servidor de scripts/run"))
    how.add_argument("--stop-command", metavar="SH", help=either(
        "a command line that stops MySQL; with --start-command",
        "comando que detiene MySQL; junto con --start-command"))
    parser.add_argument("--start-command", metavar="SH", help=either(
        "and one that starts it (neither given: you are asked to do it)",
        "y comando que lo inicia (sin ninguno de los dos se le pide a usted)"))
    chosen = parser.parse_args()
    if bool(chosen.stop_command) != bool(chosen.start_command):
        parser.error(either("--stop-command and --start-command go together",
                            "--stop-command y --start-command van juntas"))
    for name in ("timeout", "settle"):
        if not 0 < getattr(chosen, name) <= 86400:
            parser.error(f"--{name}: 0 < S <= 86400")
    try:
        url = chosen.url or chosen.local and database.run_state("RELEVO_URL")
        chosen.api = Api(url or "http://localhost:8001", chosen.token)
        chosen.database = how_to_stop(chosen)
    except ValueError as fault:
        parser.error(str(fault))
    return chosen


def how_to_stop(chosen):
    if chosen.compose:
        return database.compose()
    if chosen.local:
        return database.local()
    if chosen.stop_command:
        return database.Commands(chosen.stop_command, chosen.start_command)
    if not sys.stdin.isatty():
        raise ValueError(either("no terminal to ask on: --compose, --local or --stop-command",
                                "no hay terminal donde preguntar: --compose, --local o --stop-command"))
    return database.Ask()


class Breaks:
    """SIGINT, SIGTERM and SIGHUP break off what is done `with` this, or is done so next; no more than
    once at a time, and nothing else."""

    def __init__(self):
        self._came = self._heeded = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._take)  # not ignored: commands would inherit that

    def _take(self, *_):
        self._came = True
        if self._heeded:
            self._raise()

    def _raise(self):
        self._heeded = False
        raise KeyboardInterrupt

    def __enter__(self):
        self._heeded = True
        if self._came:
            self._raise()

    def __exit__(self, *_):
        self._heeded = False


def play(story, report, breaks):
    """All steps up to the first that does not hold, and the clean-up in any case; True if broken
    off."""
    broken_off, held = False, True
    for title, work in story.steps():
        if not held:
            report.skip(title)
            continue
        try:
            with breaks:
                held = report.step(title, work)
        except KeyboardInterrupt:
            broken_off, held = True, False
            report.bad(either("broken off; cleaning up", "interrumpido; limpiando"))
    # What was begun is ended, and heeds no signal: each wait has its limit.
    report.step(either("Leave everything as it was", "Dejarlo todo como estaba"), story.clean_up)
    return broken_off


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    chosen = options()
    breaks = Breaks()
    say(either(f"verify-sync: the story of an outage at {chosen.api.url}",
               f"verify-sync: la historia de una caída en {chosen.api.url}"))
    report = Report()
    story = Story(chosen.api, chosen.database, report, chosen.timeout, chosen.settle)
    broken_off = play(story, report, breaks)
    held = report.close()
    return 130 if broken_off else 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
