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


def value(daemon, name, *labels):
    """The sum of the samples of a name with every label; 0 while none of them was counted yet."""
    named = {key: number for key, number in samples(daemon).items() if name in key}
    assert named, name
    return sum(number for key, number in named.items() if all(label in key for label in labels))
