"""English or Spanish, as the locale says."""
import os


def spanish():
    """The first of the variables that is set decides, as in POSIX."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return os.environ[name].lower().startswith("es")
    return False


SPANISH = spanish()


def either(english, in_spanish):
    return in_spanish if SPANISH else english
