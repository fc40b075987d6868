"""/items with both servers up."""
import re
import threading
from urllib.parse import quote

import pytest

from harness import FIELDS, ITEM_KEYS, expect_problem, item, item_key, raw_exchange, row_of

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


def create(relevo, **over):
    answer = relevo.api.post("/items", item(**over))
    assert answer.status == 201, answer
    return answer.data


def pages(relevo, query):
    """Every page of a listing."""
    after, found = "", []
    while True:
        page = relevo.api.get(f"/items?{query}{after}").json()
        found.append(page)
        if page["next"] is None:
            return found
        assert len(found) < 1000
        after = "&after=" + quote(page["next"], safe="")


# --- create ---

def test_create_answers_201_with_the_item(relevo):
    answer = relevo.api.post("/items", item())
    assert answer.status == 201
    body = answer.json()
    assert list(body) == ["source", "status", "data"]
    assert body["source"] == "MySQL" and body["status"] == "success"
    assert list(body["data"]) == ITEM_KEYS
    assert body["data"]["version"] == 1
    assert TIME.match(body["data"]["updated_at"])
    assert {field: body["data"][field] for field in FIELDS} == item()


def test_create_names_the_location(relevo):
    answer = relevo.api.post("/items", item())
    assert answer.headers["Location"].endswith(item_key(answer.data))
    assert relevo.api.get(answer.headers["Location"]).data == answer.data


def test_create_answers_json(relevo):
    kind = relevo.api.post("/items", item()).headers["Content-Type"]
    assert kind.split(";")[0] == "application/json"


def test_create_writes_the_row(system, relevo):
    made = create(relevo)
    assert system.mysql.items() == {made["id"]: (*row_of(item()), 1)}


def test_create_shows_the_time_of_mysql(system, relevo):
    made = create(relevo)
    (stamp,), = system.mysql.sql("SELECT DATE_FORMAT(updated_at,'%Y-%m-%dT%H:%i:%s.%fZ') FROM items")
    assert made["updated_at"] == stamp


def test_date_defaults_to_null(system, relevo):
    body = item()
    del body["acquisition_date"]
    answer = relevo.api.post("/items", body)
    assert answer.status == 201 and answer.data["acquisition_date"] is None
    assert system.mysql.items()[answer.data["id"]][4] is None


@pytest.mark.parametrize("text", [
    "ñandú", "日本語", "😀", "e\u0301", "\u202eabc", "a\tb", "line\nbreak", "\x7f", '"quoted"',
    "back\\slash", "'; DROP TABLE items; --", "%s%d%n", " padded ", "\u2028", "\ufeff", "\x01",
    "ß", "a" * 50, "😀" * 50])
def test_text_comes_back_as_it_was_sent(system, relevo, text):
    made = create(relevo, code=text)
    assert made["code"] == text
    assert relevo.api.get(item_key(made)).data == made
    assert relevo.api.get(item_key(made), {"Cache-Control": "no-cache"}).data == made
    assert system.mysql.items()[made["id"]][0] == text


def test_ids_are_given_in_ascending_order(relevo):
    ids = [create(relevo, code=f"C-{n}")["id"] for n in range(5)]
    assert ids == sorted(set(ids))


# --- read ---

def test_read_one(relevo):
    made = create(relevo)
    answer = relevo.api.get(item_key(made))
    assert answer.status == 200
    assert list(answer.json()) == ["source", "data"]
    assert answer.data == made


def test_reads_come_from_the_cache(relevo):
    made = create(relevo)
    assert relevo.api.get(item_key(made)).json()["source"] == "REDIS_CACHE"
    assert relevo.api.get("/items").json()["source"] == "REDIS_CACHE"


@pytest.mark.parametrize("header", ["no-cache", "max-age=0, no-cache", "No-Cache"])
def test_no_cache_reads_mysql(relevo, header):
    made = create(relevo)
    for path in (item_key(made), "/items"):
        answer = relevo.api.get(path, {"Cache-Control": header})
        assert answer.json()["source"] == "MySQL"
    assert answer.data == [made]


@pytest.mark.parametrize("lines", [("no-cache", "max-age=0"), ("max-age=0", "no-cache")])
def test_no_cache_in_one_of_several_lines(relevo, lines):
    """Lines of a list are one list."""
    headers = "".join(f"Cache-Control: {line}\r\n" for line in lines)
    answer = raw_exchange(relevo.port, f"GET /items HTTP/1.1\r\nHost: x\r\n{headers}"
                          "Connection: close\r\n\r\n".encode(), finish=False)
    assert b'{"source":"MySQL",' in answer


def test_no_cache_sees_a_foreign_change_at_once(system, relevo):
    made = create(relevo)
    system.mysql.sql("UPDATE items SET area='Sótano' WHERE id=%s", (made["id"],))
    shown = relevo.api.get(item_key(made), {"Cache-Control": "no-cache"}).data
    assert shown["area"] == "Sótano"


def test_read_from_mysql_by_configuration(system):
    relevo = system.start(RELEVO_READ_FROM="mysql")
    made = create(relevo)
    for path in (item_key(made), "/items", "/items?code=PC-01", "/items?limit=1"):
        assert relevo.api.get(path).json()["source"] == "MySQL"
    assert relevo.api.get("/items").data == [made]


@pytest.mark.parametrize("key", [
    "1", "0", "-1", "abc", "9223372036854775807", "9223372036854775808",
    "99999999999999999999999", "1.0", "1e3", "%31x", "pending_", "pending_x",
    "pending_018f0000-0000-7000-8000-000000000000"])
def test_unknown_item_is_404(relevo, key):
    expect_problem(relevo.api.get(f"/items/{key}"), 404)


def test_head_is_get_without_the_body(relevo):
    made = create(relevo)
    for path in ("/items", item_key(made), "/health", "/sync/status"):
        got, head = relevo.api.get(path), relevo.api.request("HEAD", path)
        assert head.status == 200 and head.body == b""
        assert head.headers["ETag"] == got.headers["ETag"]
        if path.startswith("/items"):
            assert head.headers["Content-Length"] == str(len(got.body))
    assert relevo.api.request("HEAD", "/items/999").status == 404


# --- list, paging, filters ---

def test_empty_list(relevo):
    body = relevo.api.get("/items").json()
    assert list(body) == ["source", "data", "count", "total", "next"]
    assert (body["data"], body["count"], body["total"], body["next"]) == ([], 0, 0, None)


def test_list_shows_all_items_by_ascending_id(relevo):
    made = [create(relevo, code=f"C-{n}") for n in range(12)]
    body = relevo.api.get("/items").json()
    assert body["data"] == made
    assert (body["count"], body["total"], body["next"]) == (12, 12, None)


@pytest.mark.parametrize("limit", [1, 3, 5, 9, 10, 11, 1000])
def test_pages_put_together_are_the_list(relevo, limit):
    made = [create(relevo, code=f"C-{n}") for n in range(10)]
    found = pages(relevo, f"limit={limit}")
    assert [shown for page in found for shown in page["data"]] == made
    assert len(found) == -(-10 // limit)
    for page in found:
        assert page["total"] == 10 and page["count"] == len(page["data"]) <= limit


def test_paging_survives_deletes_between_pages(relevo):
    made = [create(relevo, code=f"C-{n}") for n in range(6)]
    first = relevo.api.get("/items?limit=2").json()
    relevo.api.delete(item_key(made[1]))
    relevo.api.delete(item_key(made[2]))
    second = relevo.api.get(f"/items?limit=2&after={quote(first['next'], safe='')}").json()
    assert second["data"] == made[3:5]


@pytest.mark.parametrize("field", ["code", "type", "status", "area"])
def test_filter_is_exact(relevo, field):
    create(relevo, **{field: "Sala"})
    wanted = create(relevo, **{field: "Sala 12"})
    create(relevo, **{field: "Sala 123"})
    body = relevo.api.get(f"/items?{field}=Sala%2012").json()
    assert body["data"] == [wanted] and body["total"] == body["count"] == 1


def test_filters_are_joined_by_and(relevo):
    create(relevo, type="Monitor", area="Aula 1")
    wanted = create(relevo, type="Monitor", area="Aula 2")
    create(relevo, type="Impresora", area="Aula 2")
    assert relevo.api.get("/items?type=Monitor&area=Aula+2").data == [wanted]


def test_filter_without_a_match(relevo):
    create(relevo)
    body = relevo.api.get("/items?code=nada").json()
    assert (body["data"], body["count"], body["total"], body["next"]) == ([], 0, 0, None)


def test_filter_follows_updates_and_deletes(relevo):
    made = create(relevo, area="Aula 1")
    relevo.api.patch(item_key(made), {"area": "Aula 2"})
    assert relevo.api.get("/items?area=Aula%201").data == []
    assert relevo.api.get("/items?area=Aula%202").json()["total"] == 1
    relevo.api.delete(item_key(made))
    assert relevo.api.get("/items?area=Aula%202").data == []


def test_filter_with_paging_counts_matches(relevo):
    for n in range(9):
        create(relevo, code=f"C-{n}", area="Aula 1" if n % 3 else "Aula 2")
    found = pages(relevo, "area=Aula%201&limit=4")
    assert [page["count"] for page in found] == [4, 2]
    assert all(page["total"] == 6 for page in found)


@pytest.mark.parametrize("field, value", [
    ("code", "XJ-9"), ("type", "Microscopio óptico"), ("status", "En reparación"),
    ("area", "Laboratorio Ñ"), ("acquisition_date", "1999-12-31")])
@pytest.mark.parametrize("cut", ["whole", "inner", "upper", "lower"])
def test_q_finds_a_substring_in_any_field(relevo, field, value, cut):
    create(relevo)
    wanted = create(relevo, **{field: value})
    text = {"whole": value, "inner": value[1:-1], "upper": value.upper(),
            "lower": value.lower()}[cut]
    assert relevo.api.get(f"/items?q={quote(text)}").data == [wanted]


@pytest.mark.parametrize("stored, asked", [
    ("ÓPTICA", "óptica"), ("привет", "ПРИВЕТ"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("ĞAZİ", "ğaz")])
def test_q_ignores_case_beyond_ascii(relevo, stored, asked):
    create(relevo)
    wanted = create(relevo, area=stored)
    assert relevo.api.get(f"/items?q={quote(asked)}").data == [wanted]


@pytest.mark.parametrize("text", ["%", "_", "P%1", "P_-01", "\\", "'", '"', "*", ".*", "\n"])
def test_q_knows_no_wildcards(relevo, text):
    create(relevo)
    assert relevo.api.get(f"/items?q={quote(text)}").data == []


def test_q_does_not_look_into_id_version_and_time(relevo):
    made = create(relevo, acquisition_date=None)
    assert relevo.api.get(f"/items?q={quote(made['updated_at'][:10])}").data == []
    assert relevo.api.get("/items?q=null").data == []
    assert relevo.api.get("/items?q=version").data == []


def test_q_does_not_match_across_fields(relevo):
    create(relevo, code="AB", type="CD")
    assert relevo.api.get("/items?q=ABCD").data == []


def test_q_with_filter_and_paging(relevo):
    for n in range(8):
        create(relevo, code=f"C-{n}", area=f"Aula {n % 2}", status="Prestada" if n < 6 else "Nueva")
    found = pages(relevo, "q=presta&area=Aula%201&limit=2")
    assert [page["count"] for page in found] == [2, 1] and found[0]["total"] == 3


@pytest.mark.parametrize("query", [
    "limit=0", "limit=1001", "limit=-1", "limit=abc", "limit=", "limit=1.5", "limit=10x",
    "limit=99999999999999999999", "after=abc", "after=%00", "after=-", "nope=1", "id=1",
    "acquisition_date=2024-01-01", "Limit=1", "limit=1&limit=2", "q=%ff", "q=%zz", "code=%c3%28"])
def test_bad_parameter_is_400(relevo, query):
    expect_problem(relevo.api.get(f"/items?{query}"), 400)


@pytest.mark.parametrize("path", ["/items", "/operations"])
def test_a_long_parameter_is_cut_at_a_character_in_the_error(relevo, path):
    name = "a" + "%C3%B1" * 40
    for query in (f"{name}=1", f"{name}=1&{name}=2"):
        detail = expect_problem(relevo.api.get(f"{path}?{query}"), 400)["detail"]
        assert "a" + "ñ" * 31 in detail and "ñ" * 32 not in detail


# --- replace, patch ---

def test_replace_answers_200_with_the_new_item(system, relevo):
    made = create(relevo)
    body = item(code="PC-02", area="Sala 2", acquisition_date=None)
    answer = relevo.api.put(item_key(made), body)
    assert answer.status == 200
    assert list(answer.json()) == ["source", "status", "data"]
    assert answer.json()["source"] == "MySQL" and answer.json()["status"] == "updated"
    assert list(answer.data) == ITEM_KEYS and answer.data["version"] == 2
    assert row_of(answer.data) == row_of(body)
    assert relevo.api.get(item_key(made)).data == answer.data
    assert system.mysql.items() == {made["id"]: (*row_of(body), 2)}


def test_replace_without_a_date_clears_it(relevo):
    made = create(relevo)
    body = item()
    del body["acquisition_date"]
    assert relevo.api.put(item_key(made), body).data["acquisition_date"] is None


@pytest.mark.parametrize("field, value", [
    ("code", "PC-99"), ("type", "Tableta"), ("status", "Prestada"), ("area", "Almacén"),
    ("acquisition_date", "2020-02-29"), ("acquisition_date", None)])
def test_patch_changes_what_is_named(system, relevo, field, value):
    made = create(relevo)
    answer = relevo.api.patch(item_key(made), {field: value})
    assert answer.status == 200 and answer.json()["status"] == "updated"
    wanted = item(**{field: value})
    assert row_of(answer.data) == row_of(wanted)
    assert system.mysql.items()[made["id"]] == (*row_of(wanted), 2)


def test_each_change_raises_the_version_by_one(relevo):
    made = create(relevo)
    versions = [relevo.api.patch(item_key(made), {"area": f"Sala {n}"}).data["version"]
                for n in range(5)]
    assert versions == [2, 3, 4, 5, 6]


def test_a_change_to_the_same_values_raises_the_version_too(relevo):
    made = create(relevo)
    answer = relevo.api.put(item_key(made), item())
    assert answer.status == 200 and answer.data["version"] == 2


def test_time_of_update_never_goes_back(relevo):
    made = create(relevo)
    stamps = [made["updated_at"]]
    for n in range(5):
        stamps.append(relevo.api.patch(item_key(made), {"area": f"{n}"}).data["updated_at"])
    assert stamps == sorted(stamps)


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_client_can_send_back_what_it_got(relevo, method):
    made = create(relevo)
    answer = getattr(relevo.api, method)(item_key(made), made)
    assert answer.status == 200 and row_of(answer.data) == row_of(made)


def test_version_and_time_in_a_body_are_ignored(relevo):
    made = create(relevo)
    body = {**made, "version": 77, "updated_at": "1999-01-01T00:00:00Z", "pending": True}
    answer = relevo.api.put(item_key(made), body)
    assert answer.status == 200 and answer.data["version"] == 2
    assert "pending" not in answer.data


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("wrong", [2, "1", None, 1.5, [], True])
def test_another_id_in_the_body_is_422(relevo, method, wrong):
    made = create(relevo)
    assert made["id"] == 1
    expect_problem(getattr(relevo.api, method)("/items/1", {**item(), "id": wrong}), 422, ["id"])
    assert relevo.api.get("/items/1").data == made


@pytest.mark.parametrize("key", ["77", "0", "abc", "99999999999999999999",
                                 "pending_018f0000-0000-7000-8000-000000000000"])
def test_changes_to_an_unknown_item_are_404(system, relevo, key):
    expect_problem(relevo.api.put(f"/items/{key}", item()), 404)
    expect_problem(relevo.api.patch(f"/items/{key}", {"area": "x"}), 404)
    expect_problem(relevo.api.delete(f"/items/{key}"), 404)
    assert system.mysql.items() == {}


# --- delete ---

def test_delete_answers_200(system, relevo):
    made = create(relevo)
    answer = relevo.api.delete(item_key(made))
    assert answer.status == 200
    assert answer.json() == {"source": "MySQL", "status": "deleted", "id": made["id"]}
    assert system.mysql.items() == {}


def test_a_deleted_item_is_gone(relevo):
    kept, gone = create(relevo, code="A"), create(relevo, code="B")
    relevo.api.delete(item_key(gone))
    expect_problem(relevo.api.get(item_key(gone)), 404)
    expect_problem(relevo.api.delete(item_key(gone)), 404)
    expect_problem(relevo.api.patch(item_key(gone), {"area": "x"}), 404)
    assert relevo.api.get("/items").data == [kept]


def test_many_items_of_many_clients_arrive(system, relevo):
    def work(worker):
        for n in range(50):
            if relevo.api.post("/items", item(code=f"{worker}-{n}")).status != 201:
                return
            done.append(f"{worker}-{n}")
        relevo.api.close()
    done = []
    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 800 and system.mysql.codes() == sorted(done)
    assert [shown["id"] for shown in relevo.api.get("/items").data] == sorted(system.mysql.items())
