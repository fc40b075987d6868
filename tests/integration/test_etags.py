"""ETag, If-None-Match, If-Match."""
import threading

import pytest

from harness import await_consistent, expect_problem, item, item_key, wait_until


@pytest.fixture
def made(relevo):
    return relevo.api.post("/items", item()).data


def etag(relevo, path):
    value = relevo.api.get(path).etag
    assert value.startswith('"') and value.endswith('"') and len(value) > 4
    return value


@pytest.mark.parametrize("path", ["/items", "/items/1", "/items?limit=1", "/items?code=PC-01"])
def test_same_etag_gets_304_without_a_body(relevo, made, path):
    tag = etag(relevo, path)
    answer = relevo.api.get(path, {"If-None-Match": tag})
    assert (answer.status, answer.body, answer.etag) == (304, b"", tag)


@pytest.mark.parametrize("path", ["/items", "/items/1"])
def test_etag_is_stable_while_nothing_changes(relevo, made, path):
    assert etag(relevo, path) == etag(relevo, path)


@pytest.mark.parametrize("form", ["W/{}", '"x", {}', '"x",{},"y"', '"x" , W/{}', "*"])
def test_if_none_match_takes_lists_weak_tags_and_star(relevo, made, form):
    for path in ("/items", "/items/1"):
        header = form.format(etag(relevo, path))
        assert relevo.api.get(path, {"If-None-Match": header}).status == 304


@pytest.mark.parametrize("form", ['"x"', 'W/"x"', "", '"', "x", '"x", "y"'])
def test_other_tags_get_the_item(relevo, made, form):
    for path in ("/items", "/items/1"):
        assert relevo.api.get(path, {"If-None-Match": form}).status == 200


def test_each_change_changes_the_etags(relevo, made):
    seen_one, seen_list = {etag(relevo, "/items/1")}, {etag(relevo, "/items")}
    for n in range(4):
        relevo.api.patch("/items/1", {"area": f"Sala {n % 2}"})
        assert relevo.api.get("/items/1", {"If-None-Match": ",".join(seen_one)}).status == 200
        seen_one.add(etag(relevo, "/items/1"))
        seen_list.add(etag(relevo, "/items"))
    assert len(seen_one) == len(seen_list) == 5


def test_list_etag_changes_with_a_create_and_a_delete(relevo, made):
    first = etag(relevo, "/items")
    other = relevo.api.post("/items", item(code="B")).data
    second = etag(relevo, "/items")
    relevo.api.delete(item_key(other))
    assert first != second and second != etag(relevo, "/items")


def test_pages_and_filters_have_etags_of_their_own(relevo, made):
    relevo.api.post("/items", item(code="B"))
    tags = [etag(relevo, path) for path in ("/items", "/items?limit=1", "/items?code=B")]
    assert len(set(tags)) == 3


def test_writes_carry_the_new_etag(relevo, made):
    answer = relevo.api.patch("/items/1", {"area": "x"})
    if answer.etag is not None:
        assert answer.etag == etag(relevo, "/items/1")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_current_if_match_lets_the_write_through(relevo, made, method):
    body = None if method == "DELETE" else item(area="x")
    answer = relevo.api.request(method, "/items/1", body, {"If-Match": etag(relevo, "/items/1")})
    assert answer.status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("form", ["list", "star"])
def test_if_match_takes_lists_and_star(relevo, made, method, form):
    body = None if method == "DELETE" else item(area="x")
    header = "*" if form == "star" else '"x", ' + etag(relevo, "/items/1")
    assert relevo.api.request(method, "/items/1", body, {"If-Match": header}).status == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_stale_if_match_is_412_and_changes_nothing(system, relevo, made, method):
    tag = etag(relevo, "/items/1")
    current = relevo.api.patch("/items/1", {"area": "Sala 2"}).data
    before = system.mysql.items()
    body = None if method == "DELETE" else item(area="x")
    expect_problem(relevo.api.request(method, "/items/1", body, {"If-Match": tag}), 412)
    assert relevo.api.get("/items/1").data == current
    assert system.mysql.items() == before


@pytest.mark.parametrize("header", ["W/{}", '"x"', "x"])
def test_if_match_needs_a_strong_tag_of_ours(relevo, made, header):
    header = header.format(etag(relevo, "/items/1"))
    answer = relevo.api.patch("/items/1", {"area": "x"}, {"If-Match": header})
    assert answer.status in (400, 412), answer
    assert relevo.api.get("/items/1").data == made


def test_if_match_sees_a_foreign_change(system, relevo, made):
    """It is checked under the row lock, not against the cache."""
    tag = etag(relevo, "/items/1")
    system.mysql.sql("UPDATE items SET area='Sótano' WHERE id=1")
    expect_problem(relevo.api.patch("/items/1", {"code": "x"}, {"If-Match": tag}), 412)
    assert system.mysql.items()[1][0] == made["code"]


def test_of_many_writers_with_one_etag_one_wins(relevo, made):
    tag = etag(relevo, "/items/1")
    codes = []

    def write(n):
        codes.append(relevo.api.patch("/items/1", {"area": f"{n}"}, {"If-Match": tag}).status)
        relevo.api.close()
    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] + [412] * 7
    assert relevo.api.get("/items/1").data["version"] == 2


def test_offline_if_match_is_checked_against_the_cache(system, relevo, made):
    tag = etag(relevo, "/items/1")
    system.mysql_down()
    first = relevo.api.patch("/items/1", {"area": "x"}, {"If-Match": tag})
    assert first.status == 202
    expect_problem(relevo.api.patch("/items/1", {"area": "y"}, {"If-Match": tag}), 412)
    expect_problem(relevo.api.delete("/items/1", {"If-Match": tag}), 412)
    second = etag(relevo, "/items/1")
    assert second != tag
    assert relevo.api.patch("/items/1", {"area": "z"}, {"If-Match": second}).status == 202
    assert relevo.api.get("/items/1").data["area"] == "z"


def test_an_etag_of_a_pending_item_is_stale_after_the_drain(system, relevo, made):
    system.mysql_down()
    relevo.api.patch("/items/1", {"area": "x"})
    tag = etag(relevo, "/items/1")
    system.mysql_up()
    assert relevo.api.get("/items/1", {"If-None-Match": tag}).status == 200
    expect_problem(relevo.api.patch("/items/1", {"area": "y"}, {"If-Match": tag}), 412)


def test_304_offline(system, relevo, made):
    system.mysql_down()
    for path in ("/items", "/items/1"):
        assert relevo.api.get(path, {"If-None-Match": etag(relevo, path)}).status == 304


# --- several instances behind a load balancer ---

LISTS = ["/items", "/items?limit=2", "/items?area=Sala%202", "/items?q=pc", "/items?code=none"]


def list_tags(daemon):
    return [etag(daemon, path) for path in LISTS]


def agree(daemons):
    """The tags of the lists, once all show the same; 304 on whichever instance one asks."""
    def same_items():
        bodies = [daemon.api.get("/items").body for daemon in daemons]
        return all(body == bodies[0] for body in bodies)
    wait_until(same_items, 10, "all show the same")
    tags = list_tags(daemons[0])
    for daemon in daemons:
        assert list_tags(daemon) == tags
        for path, tag in zip(LISTS, tags):
            assert daemon.api.get(path, {"If-None-Match": tag}).status == 304, path
    return tags


def test_list_etags_are_the_same_on_every_instance(system):
    """Whatever order they learnt of the changes in; an instance that starts anew agrees, too."""
    daemons = [system.start(), system.start()]
    seen = [agree(daemons)[0]]
    for n in range(5):
        daemons[n % 2].api.post("/items", item(code=f"PC-{n}"))
    for change in (lambda: daemons[0].api.patch("/items/1", {"area": "Sala 2"}),
                   lambda: daemons[1].api.delete("/items/3"),
                   lambda: daemons[1].api.put("/items/2", item(code="PC-9", area="Sala 2"))):
        seen.append(agree(daemons)[0])
        assert change().status == 200
    await_consistent(daemons[0])
    seen.append(agree(daemons)[0])
    assert len(set(seen)) == len(seen)
    daemons.append(system.start())
    daemons[0].stop()
    daemons[0].start()
    assert agree(daemons)[0] == seen[-1]


def test_list_etags_of_an_outage_are_the_same_on_every_instance(system):
    """Pending marks, temporary ids and hidden rows count, also for who starts in the outage."""
    daemons = [system.start(), system.start()]
    for n in range(5):
        daemons[0].api.post("/items", item(code=f"PC-{n}"))
    agree(daemons)
    system.mysql_down()
    seen = [agree(daemons)[0]]
    made = []
    for change in (lambda: daemons[0].api.patch("/items/1", {"area": "Sala 2"}),
                   lambda: daemons[1].api.patch("/items/1", {"area": "Sala 2"}),
                   lambda: daemons[1].api.delete("/items/3"),
                   lambda: made.append(daemons[0].api.post("/items", item(code="late"))) or made[0],
                   lambda: daemons[1].api.post("/items", item(code="late")),
                   lambda: daemons[1].api.patch(item_key(made[0].data), {"area": "Sala 2"})):
        assert change().status == 202
        seen.append(agree(daemons)[0])
    assert len(set(seen)) == len(seen)
    daemons.append(system.start(wait="up"))
    daemons[2].await_health(redis=True)
    daemons[0].stop()
    daemons[0].start(wait="up")
    daemons[0].await_health(redis=True)
    assert agree(daemons)[0] == seen[-1]
    system.mysql_up()
    assert agree(daemons)[0] not in seen
