"""Items as the tests write them."""
DATE = "2024-01-01"
FIELDS = ("code", "type", "status", "area", "acquisition_date")
ITEM_KEYS = ["id", *FIELDS, "version", "updated_at"]


def item(code="PC-01", **over):
    base = {"code": code, "type": "Computadora", "status": "Operativa", "area": "Sala 1",
            "acquisition_date": DATE}
    return {**base, **over}


def row_of(shown):
    """The data columns of an item or body, as SqlServer.items() shows them (without version)."""
    return tuple(shown.get(field) for field in FIELDS)


def item_key(shown):
    return f"/items/{shown['id']}"
