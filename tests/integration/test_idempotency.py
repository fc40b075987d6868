"""Idempotency-Key: a repeat changes nothing and gets the operation's outcome as it stands."""
import threading

import pytest

from harness import expect_problem, item, item_key, row_of


def key(name="k-1"):
    return {"Idempotency-Key": name}


@pytest.mark.parametrize("method, path, body, status", [
    ("POST", "/items", item(code="B"), 201), ("PUT", "/items/1", item(area="x"), 200),
    ("PATCH", "/items/1", {"area": "x"}, 200), ("DELETE", "/items/1", None, 200)])
def test_a_repeat_online_gets_the_same_answer(system, relevo, method, path, body, status):
    relevo.api.post("/items", item())
    first = relevo.api.request(method, path, body, key())
    rows = system.mysql.items()
    for _ in range(3):
        again = relevo.api.request(method, path, body, key())
        assert (again.status, again.json()) == (first.status, first.json())
        assert again.headers["Location"] == first.headers["Location"]
    assert first.status == status
    assert system.mysql.items() == rows


def test_different_keys_are_different_operations(system, relevo):
    for n in range(3):
        assert relevo.api.post("/items", item(), key(f"k-{n}")).status == 201
    assert len(system.mysql.items()) == 3


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/items", item(code="other")), ("PUT", "/items/1", item()), ("PATCH", "/items/1", item()),
    ("DELETE", "/items/1", None)])
def test_the_key_with_another_request_is_422(system, relevo, method, path, body):
    assert relevo.api.post("/items", item(), key()).status == 201
    rows = system.mysql.items()
    expect_problem(relevo.api.request(method, path, body, key()), 422)
    assert system.mysql.items() == rows


def test_the_key_for_another_item_is_422(system, relevo):
    for _ in range(2):
        relevo.api.post("/items", item())
    assert relevo.api.patch("/items/1", {"area": "x"}, key()).status == 200
    expect_problem(relevo.api.patch("/items/2", {"area": "x"}, key()), 422)


def test_another_request_under_a_pending_key_is_422(system, relevo):
    system.mysql_down()
    assert relevo.api.post("/items", item(), key()).status == 202
    expect_problem(relevo.api.post("/items", item(code="other"), key()), 422)
    assert system.pending() == 1


@pytest.mark.parametrize("bad", ["", "x" * 256, "with blank", "tab\there",
                                 "ñandú".encode().decode("latin-1")])
def test_a_bad_key_is_refused(system, relevo, bad):
    answer = relevo.api.post("/items", item(), key(bad))
    assert answer.status in (400, 422), answer
    assert system.mysql.items() == {}


def test_the_longest_key_is_taken(relevo):
    for _ in range(2):
        assert relevo.api.post("/items", item(), key("~" * 255)).status == 201
    assert relevo.api.get("/items").json()["total"] == 1


def test_an_invalid_request_does_not_use_up_the_key(relevo):
    expect_problem(relevo.api.post("/items", {"code": "x"}, key()), 422)
    expect_problem(relevo.api.patch("/items/77", {"area": "x"}, key("k-2")), 404)
    assert relevo.api.post("/items", item(), key()).status == 201
    assert relevo.api.post("/items", item(), key("k-2")).status == 201


@pytest.mark.threads
def test_one_key_from_eight_threads_makes_one_row(system, relevo):
    for round_ in range(5):
        answers = []
        start = threading.Barrier(8)

        def create(name):
            start.wait()
            answers.append(relevo.api.post("/items", item(code=name), key(name)))
            relevo.api.close()
        threads = [threading.Thread(target=create, args=(f"R-{round_}",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer.status for answer in answers} <= {201, 409}
        assert len({answer.data["id"] for answer in answers if answer.status == 201}) == 1
        assert system.mysql.codes() == [f"R-{n}" for n in range(round_ + 1)]


def test_one_key_from_eight_threads_on_two_instances_makes_one_row(system):
    daemons = [system.start(), system.start()]
    answers = []
    start = threading.Barrier(8)

    def create(n):
        start.wait()
        answers.append(daemons[n % 2].api.post("/items", item(), key()))
    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} <= {201, 409}
    assert 201 in {answer.status for answer in answers}
    assert len(system.mysql.items()) == 1


def test_one_key_from_eight_threads_in_an_outage_is_queued_once(system, relevo):
    system.mysql_down()
    answers = []

    def create():
        answers.append(relevo.api.post("/items", item(), key()))
    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers} <= {202, 409}
    assert len({answer.json()["operation"] for answer in answers if answer.status == 202}) == 1
    assert system.pending() == 1
    system.mysql_up()
    assert len(system.mysql.items()) == 1


def test_a_repeat_in_the_outage_gets_202_with_the_same_operation(system, relevo):
    system.mysql_down()
    first = relevo.api.post("/items", item(), key())
    again = relevo.api.post("/items", item(), key())
    assert first.status == again.status == 202
    assert again.json()["operation"] == first.json()["operation"]
    assert again.data == first.data
    assert system.pending() == 1


def test_a_repeat_after_the_drain_gets_201_with_the_final_id(system, relevo):
    system.mysql_down()
    first = relevo.api.post("/items", item(), key())
    system.mysql_up()
    again = relevo.api.post("/items", item(), key())
    assert again.status == 201
    body = again.json()
    assert body["source"] == "MySQL" and body["status"] == "success"
    assert list(system.mysql.items()) == [body["data"]["id"]]
    assert again.headers["Location"].endswith(item_key(body["data"]))
    assert "pending" not in body["data"] and first.status == 202


@pytest.mark.parametrize("method, body", [("PUT", item(area="x")), ("PATCH", {"area": "x"}),
                                          ("DELETE", None)])
def test_a_repeat_of_a_change_after_the_drain_gets_200(system, relevo, method, body):
    relevo.api.post("/items", item())
    system.mysql_down()
    assert relevo.api.request(method, "/items/1", body, key()).status == 202
    assert relevo.api.request(method, "/items/1", body, key()).status == 202
    system.mysql_up()
    rows = system.mysql.items()
    again = relevo.api.request(method, "/items/1", body, key())
    assert again.status == 200 and again.json()["source"] == "MySQL"
    assert system.mysql.items() == rows
    if method == "DELETE":
        assert again.json() == {"source": "MySQL", "status": "deleted", "id": 1}
    else:
        assert row_of(again.data) == row_of(item(area="x"))


@pytest.mark.parametrize("method, path, body, status", [
    ("POST", "/items", item(code="B"), 201), ("PATCH", "/items/1", {"area": "x"}, 200),
    ("DELETE", "/items/1", None, 200)])
def test_a_repeat_of_an_online_write_in_an_outage(system, relevo, method, path, body, status):
    relevo.api.post("/items", item())
    first = relevo.api.request(method, path, body, key())
    system.mysql_down()
    again = relevo.api.request(method, path, body, key())
    assert (again.status, again.json()) == (status, first.json())
    assert system.pending() == 0


def test_a_repeat_shows_the_outcome_of_its_own_operation(relevo):
    relevo.api.post("/items", item())
    first = relevo.api.patch("/items/1", {"area": "x"}, key())
    relevo.api.patch("/items/1", {"area": "y"})
    again = relevo.api.patch("/items/1", {"area": "x"}, key())
    assert again.json() == first.json()
    assert relevo.api.get("/items/1").data["area"] == "y"


def test_a_repeat_on_another_instance(system):
    one, two = system.start(), system.start()
    first = one.api.post("/items", item(), key())
    again = two.api.post("/items", item(), key())
    assert (again.status, again.json()) == (201, first.json())
    expect_problem(two.api.post("/items", item(code="other"), key()), 422)
    assert len(system.mysql.items()) == 1


def test_a_repeat_on_another_instance_in_an_outage(system):
    one, two = system.start(), system.start()
    system.mysql_down()
    first = one.api.post("/items", item(), key())
    again = two.api.post("/items", item(), key())
    assert first.status == again.status == 202
    assert first.json()["operation"] == again.json()["operation"]
    assert system.pending() == 1


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_repeat_after_a_restart_of_the_daemon(system, relevo, how):
    first = relevo.api.post("/items", item(), key())
    getattr(relevo, how)()
    relevo.start()
    again = relevo.api.post("/items", item(), key())
    assert (again.status, again.json()) == (201, first.json())
    assert len(system.mysql.items()) == 1


def test_a_repeat_after_redis_lost_its_memory(system, relevo):
    first = relevo.api.post("/items", item(), key())
    system.redis.wipe()
    again = relevo.api.post("/items", item(), key())
    assert (again.status, again.json()) == (201, first.json())
    assert len(system.mysql.items()) == 1


def test_a_repeat_while_redis_is_down(system, relevo):
    first = relevo.api.post("/items", item(), key())
    system.redis_down()
    again = relevo.api.post("/items", item(), key())
    assert (again.status, again.json()) == (201, first.json())
    assert len(system.mysql.items()) == 1


def test_redis_without_memory_and_mysql_down_still_apply_it_once(system, relevo):
    assert relevo.api.post("/items", item(), key()).status == 201
    relevo.stop()
    system.redis.wipe()
    system.mysql.kill()
    relevo.start(wait="up")
    relevo.await_health(redis=True)
    assert relevo.api.post("/items", item(), key()).status in (201, 202)
    system.mysql_up()
    assert len(system.mysql.items()) == 1
    assert relevo.api.post("/items", item(), key()).status == 201


def test_a_repeat_of_a_create_that_a_delete_cancelled(system, relevo):
    system.mysql_down()
    first = relevo.api.post("/items", item(), key())
    assert relevo.api.delete(item_key(first.data)).status == 202
    system.mysql_up()
    assert system.mysql.items() == {}
    again = relevo.api.post("/items", item(), key())
    assert again.status == 201
    assert again.data["id"] == first.data["id"] and row_of(again.data) == row_of(item())
    assert system.mysql.items() == {}


def test_a_repeat_of_an_operation_that_became_a_dead_letter(system, relevo):
    relevo.api.post("/items", item())
    system.mysql_down()
    operation = relevo.api.patch("/items/1", {"area": "x"}, key()).json()["operation"]
    relevo.pause()
    system.mysql.start()
    system.mysql.sql("DELETE FROM items")
    relevo.resume()
    system.await_up()
    answer = relevo.api.patch("/items/1", {"area": "x"}, key())
    assert operation in answer.json()["detail"]
    expect_problem(answer, 409)


def test_a_key_on_a_temporary_id(system, relevo):
    system.mysql_down()
    made = relevo.api.post("/items", item()).data
    first = relevo.api.patch(item_key(made), {"area": "x"}, key())
    again = relevo.api.patch(item_key(made), {"area": "x"}, key())
    assert first.json()["operation"] == again.json()["operation"]
    system.mysql_up()
    after = relevo.api.patch(item_key(made), {"area": "x"}, key())
    assert after.status == 200 and after.data["area"] == "x"
    assert isinstance(after.data["id"], int)
