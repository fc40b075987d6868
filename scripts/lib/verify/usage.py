"""The words of argparse in Spanish: it asks gettext for them, which has no catalogue here."""
import argparse

from language import SPANISH

WORDS = {
    "usage: ": "uso: ",
    "options": "opciones",
    "show this help message and exit": "muestra esta ayuda y termina",
    "argument %(argument_name)s: %(message)s": "argumento %(argument_name)s: %(message)s",
    "expected one argument": "falta un valor",
    "ignored explicit argument %r": "no lleva valor, y se dio %r",
    "invalid %(type)s value: %(value)r": "valor no válido para %(type)s: %(value)r",
    "not allowed with argument %s": "no se admite junto con %s",
    "unrecognized arguments: %s": "no se conoce: %s",
    "ambiguous option: %(option)s could match %(matches)s":
        "opción ambigua: %(option)s puede ser %(matches)s",
}


def translate():
    if SPANISH:
        argparse._ = lambda text: WORDS.get(text, text)
