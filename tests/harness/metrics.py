"""GET /metrics as numbers."""
import re

LABELS = r'\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)+\}'
LINE = re.compile(rf"^([a-zA-Z_:][a-zA-Z0-9_:]*)({LABELS})? (-?[0-9.]+(?:e[-+]?\d+)?|\+Inf|NaN)$")


def samples(daemon):
    """{'name{labels}': value}, after checking the form of every line."""
    answer = daemon.api.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    found, typed = {}, set()
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
        elif line and not line.startswith("# HELP "):
            match = LINE.match(line)
            assert match, line
            assert re.sub(r"_(bucket|sum|count)$", "", match[1]) in typed or match[1] in typed, line
            key = match[1] + (match[2] or "")
            assert key not in found, f"twice: {key}"
            found[key] = float(match[3])
    return found


def value(daemon, *words):
    """The sum of the samples whose name and labels hold every word."""
    chosen = {key: n for key, n in samples(daemon).items() if all(word in key for word in words)}
    assert chosen, words
    return sum(chosen.values())
