"""A web service is called with a secret that goes nowhere else, and what changes something is done as approved, once."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from core.connectors.ports import EffectFailed, EffectUnknown, LoginRefused, Receipt
from core.kernel.errors import Invalid
from runners.connectors import manifest
from runners.connectors.http.client import KEYED, PLAIN, HttpRequest
from runners.mail.compose import key_hash
from runners.outbound_http import OutboundRefused
from tests.contract.connectors.rigs import HOST, HttpRig

SECRET = "Bearer 0123456789"


def _request(rig: HttpRig, path: str = "/things/1", **more: Any) -> dict[str, Any]:
    return {"method": "POST", "url": rig.site.url(path), "body": "x=1", **more}


def test_what_is_sent_is_what_was_approved_with_the_secret_and_a_key(web_service: HttpRig) -> None:
    with web_service.open() as client:
        client.perform(KEYED, "key-1", _request(web_service, headers="X-A: 1\r\nX-B: 2", content_type="text/csv"))
    [(method, path, headers, body)] = web_service.site.calls
    assert (method, path, body) == ("POST", "/things/1", b"x=1")
    sent = {name: headers[name] for name in ("x-a", "x-b", "content-type", "authorization", "idempotency-key")}
    assert sent == {
        "x-a": "1", "x-b": "2", "content-type": "text/csv", "authorization": SECRET, "idempotency-key": key_hash("key-1"),
    }  # fmt: skip


def test_a_plain_request_promises_no_key(web_service: HttpRig) -> None:
    with web_service.open() as client:
        client.perform(PLAIN, "key-1", _request(web_service))
    assert "idempotency-key" not in web_service.site.calls[0][2]


def test_a_key_that_the_service_does_not_honour_any_more_stops_a_keyed_request(web_service: HttpRig) -> None:
    web_service.config["honours_key"] = False
    with web_service.open() as client, pytest.raises(EffectFailed) as failed:
        client.perform(KEYED, "key-1", _request(web_service))
    assert (failed.value.code, failed.value.lasting) == ("connectors.key_not_honoured", True)
    assert web_service.site.calls == []


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/x",
        f"https://{HOST}.elsewhere.example/x",
        f"https://elsewhere.example/{HOST}",
        f"https://{HOST}@elsewhere.example/",
        f"https://elsewhere.example\\@{HOST}/",
        f"https://{HOST}:x/",
        f"https://{HOST}./",
        f"https://user:pw@{HOST}/",
        f"http://{HOST}/",
        "https://",
        "https://[::1",
    ],
)
def test_the_secret_goes_to_its_own_hosts_only(web_service: HttpRig, url: str) -> None:
    with web_service.open() as client:
        with pytest.raises(EffectFailed) as failed:
            client.perform(PLAIN, "key-1", _request(web_service) | {"url": url})
        with pytest.raises((Invalid, OutboundRefused)):
            client.fetch(url, headers={}, head=False, max_bytes=10, seconds=5)  # type: ignore[attr-defined]
    assert failed.value.lasting
    assert failed.value.code in ("connectors.host_refused", "connectors.input_invalid")
    assert web_service.site.calls == []


def test_a_host_that_could_be_reached_is_not_called_either(web_service: HttpRig) -> None:
    url = f"https://localhost:{web_service.site.port}/things"
    with web_service.open() as client:
        with pytest.raises(EffectFailed):
            client.perform(PLAIN, "key-1", _request(web_service) | {"url": url})
        with pytest.raises(Invalid):
            client.fetch(url, headers={}, head=False, max_bytes=10, seconds=5)  # type: ignore[attr-defined]
    assert web_service.site.calls == []


def test_reading_carries_the_secret_and_drops_it_on_the_way_elsewhere(web_service: HttpRig) -> None:
    site = web_service.site
    site.answers["/away"] = (302, {"Location": f"https://localhost:{site.port}/page"}, b"")
    with web_service.open() as client:
        client.fetch(site.url("/away"), headers={"authorization": "mine"}, head=False, max_bytes=100, seconds=5)  # type: ignore[attr-defined]
    assert [headers.get("authorization") for _, _, headers, _ in site.calls] == [SECRET, None]


def test_an_approved_request_follows_no_redirect(web_service: HttpRig) -> None:
    web_service.site.answers["/things/1"] = (307, {"Location": "/page"}, b"")
    with web_service.open() as client, pytest.raises(EffectUnknown):
        client.perform(PLAIN, "key-1", _request(web_service))
    assert len(web_service.site.calls) == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, Receipt), (201, Receipt), (204, Receipt), (303, Receipt), (401, LoginRefused), (403, "lasting"), (404, "lasting"), (422, "lasting"),
     (207, EffectUnknown), (429, "later"), (503, "later"), (302, EffectUnknown), (500, EffectUnknown), (502, EffectUnknown), (504, EffectUnknown), (409, EffectUnknown)],
)  # fmt: skip
def test_a_status_is_taken_for_no_more_than_it_says(web_service: HttpRig, status: int, outcome: Any) -> None:
    web_service.site.answers["/things/1"] = (status, {}, b"")
    with web_service.open() as client:
        if outcome is Receipt:
            assert client.perform(KEYED, "key-1", _request(web_service)).facts["status"] == status
            return
        with pytest.raises((EffectFailed, EffectUnknown)) as caught:
            client.perform(KEYED, "key-1", _request(web_service))
        assert client.find(KEYED, "key-1", _request(web_service)) == "unclear"
    if isinstance(outcome, str):
        assert isinstance(caught.value, EffectFailed) and caught.value.lasting == (outcome == "lasting")
    else:
        assert isinstance(caught.value, outcome)


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("120", 120, 120), ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0), ("Wed, 31 Dec 2098 23:59:59 GMT", 3600, 1e11), ("soon", None, None), ("", None, None)],
)  # fmt: skip
def test_the_time_that_the_service_names_is_known(
    web_service: HttpRig, said: str, least: float | None, most: float | None
) -> None:
    web_service.site.answers["/things/1"] = (429, {"Retry-After": said}, b"")
    with web_service.open() as client, pytest.raises(EffectFailed) as caught:
        client.perform(KEYED, "key-1", _request(web_service))
    after = caught.value.after
    assert after is None if least is None or most is None else after is not None and least <= after <= most


def test_a_connection_that_is_cut_leaves_it_unknown(web_service: HttpRig) -> None:
    with web_service.open() as client, pytest.raises(EffectUnknown):
        client.perform(PLAIN, "key-1", _request(web_service, "/cut"))
    assert len(web_service.site.calls) == 1


def test_what_was_done_is_known_to_the_next_worker(web_service: HttpRig) -> None:
    with web_service.open() as client:
        done = client.perform(PLAIN, "key-1", _request(web_service))
    with web_service.open() as another:
        assert another.find(PLAIN, "key-1", {}) == done
    for note in (web_service.place.folder / "done").iterdir():
        note.write_bytes(b"[" * 100)
    with web_service.open() as another:
        assert another.find(PLAIN, "key-1", {}) == "unclear"


def test_a_note_holds_neither_secret_nor_text(web_service: HttpRig) -> None:
    with web_service.open() as client:
        client.perform(PLAIN, "key-1", _request(web_service, body="canary-body"))
    [note] = (web_service.place.folder / "done").iterdir()
    assert not any(word in note.read_text() for word in (SECRET, "canary-body", "key-1"))


def test_the_manifest_and_the_typed_request_agree(tmp_path: Path) -> None:
    for name in (PLAIN, KEYED):
        schema = manifest("http").operation(name).input_schema
        assert schema is not None
        assert set(schema["properties"]) == set(HttpRequest.model_fields)
        full = {
            "method": "PUT",
            "url": f"https://{HOST}/",
            "headers": "A: b\r\nC: d\n",
            "body": "é",
            "content_type": "a/b",
        }
        Draft202012Validator(schema).validate(json.loads(HttpRequest.model_validate(full).model_dump_json()))
        for headers in ("A", "A:b", "A: b\rC: d", "A: b\n\nC: d", "Ä: b", ": b"):
            assert list(Draft202012Validator(schema).iter_errors({**full, "headers": headers}))
