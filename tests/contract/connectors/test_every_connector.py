"""What holds for every connector that the registry finds."""

import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from core.connectors.gate import gated
from core.connectors.inverse import INVERSES, inverse_of
from core.connectors.manifest import ConnectorManifest
from core.connectors.operations import OPERATIONS, schema_of
from core.connectors.ports import EffectFailed, EffectUnknown, Item, Page, Problem, Receipt
from core.kernel.errors import Failure, Invalid, NotFound
from runners.connectors import connect, local, manifest, manifests
from tests.contract.connectors.rigs import LOCAL, RIGS, Rig, Rows

OWNER_ID = UUID(int=3)
ALL = manifests()
WRITES = [(slug, operation) for slug, rig in sorted(RIGS.items()) for operation in rig.examples]


def test_every_connector_has_a_world_in_this_suite() -> None:
    assert {m.slug for m in ALL} == RIGS.keys() | LOCAL.keys()


@pytest.mark.parametrize("found", ALL, ids=lambda m: m.slug)
def test_a_manifest_says_what_the_connector_needs_and_may_do(found: ConnectorManifest) -> None:
    Draft202012Validator.check_schema(found.config)
    properties: dict[str, Any] = found.config["properties"]
    assert found.config["additionalProperties"] is False
    assert all(p.get("title") for p in properties.values())
    assert set(found.hosts) <= properties.keys()
    assert bool(found.secret_fields) == (found.auth != "none")
    assert bool(found.hosts) == (found.auth != "none"), "a credential needs hosts that it may go to"
    assert len(found.description) < 160
    for operation in found.operations:
        assert (operation.effect is not None) == (operation.access == "write")
        assert operation.access == "read" or operation.name in OPERATIONS or operation.input_schema
    is_local = any(o.effect == "local" for o in found.operations)
    assert is_local == (found.slug in LOCAL)


@pytest.mark.parametrize("found", ALL, ids=lambda m: m.slug)
def test_each_write_has_an_example_that_fits_its_schema(found: ConnectorManifest) -> None:
    examples = LOCAL[found.slug] if found.slug in LOCAL else RIGS[found.slug].examples
    writes = {o.name for o in found.operations if o.access == "write"} - INVERSES
    assert writes == examples.keys()
    for operation, example in examples.items():
        schema = found.operation(operation).input_schema or schema_of(operation)
        Draft202012Validator(schema).validate(example)


def test_the_config_of_a_rig_fits_the_manifest(rig: Rig) -> None:
    Draft202012Validator(manifest(rig.slug).config).validate(rig.config | rig.secrets)


def test_a_config_that_breaks_the_schema_is_refused_without_repeating_it(rig: Rig) -> None:
    with pytest.raises(Invalid) as refused:
        connect(rig.slug, rig.config | {"nonsense": "s3cret-value"}, rig.secrets, rig.place)
    assert refused.value.code == "connectors.config_invalid"
    assert "s3cret-value" not in repr(refused.value)


def test_an_unknown_connector_is_not_found() -> None:
    for ask in (manifest, local):
        with pytest.raises(NotFound):
            ask("carrier_pigeon")
    with pytest.raises(NotFound):
        local("maildir")


def test_a_check_says_whose_account_it_is(rig: Rig) -> None:
    before = rig.traces() if rig.slug != "sample" else None
    with rig.open() as client:
        report = client.check()
    assert report.account
    assert "read" in report.permissions
    assert before is None or rig.traces() == before


def test_an_empty_world_gives_an_empty_page(reader: Rig) -> None:
    with reader.open() as client:
        page = client.read(reader.stream, None, 500)
    if reader.slug != "sample":
        assert page.items == ()
    assert not page.more
    assert page.problems == () or reader.slug in ("mailfile", "sample")


def test_reading_goes_on_where_it_stopped(reader: Rig) -> None:
    cursor = _read_all(reader, None)[1]
    if not reader.grows:
        cursor = None
    reader.arrive("one", "two", "three")
    first = _read(reader, cursor, 2)
    second = _read(reader, first.cursor, 2)
    third = _read(reader, second.cursor, 2)
    assert [len(first.items), len(second.items), len(third.items)] == [2, 1, 0]
    assert [first.more, third.more] == [True, False]
    assert len({item.id for item in (*first.items, *second.items)}) == 3
    assert all(item.stream == reader.stream and item.raw for item in first.items)
    if reader.grows:
        reader.arrive("four")
        assert [b"four" in item.raw for item in _read(reader, third.cursor, 2).items] == [True]


def test_the_same_thing_has_the_same_id_when_it_is_read_again(reader: Rig) -> None:
    reader.arrive("one", "two")
    once, again = _read_all(reader, None)[0], _read_all(reader, None)[0]
    assert [(i.id, i.raw) for i in once] == [(i.id, i.raw) for i in again]
    assert len({i.id for i in once}) == len(once)


def test_reading_leaves_no_trace(reader: Rig) -> None:
    reader.arrive("one", "two")
    before = reader.traces()
    _read_all(reader, None)
    assert reader.traces() == before


def test_what_is_broken_is_a_problem_and_the_rest_is_read(reader: Rig) -> None:
    reader.arrive("one")
    broken = reader.arrive_broken()
    if reader.grows:
        reader.arrive("two")
    items, cursor, problems = _read_all(reader, None)
    for name in (b"one", b"two") if reader.grows else (b"one",):
        assert any(name in item.raw for item in items)
    assert len(problems) == broken, problems
    assert all("\n" not in p.item_id for p in problems)
    assert _read(reader, cursor, 10).problems == ()


def test_an_unknown_stream_is_refused(rig: Rig) -> None:
    with rig.open() as client, pytest.raises(Invalid):
        client.read("gossip", None, 1)


@pytest.mark.parametrize(("rig", "operation"), WRITES, indirect=["rig"])
class TestAnEffect:
    def test_happens_once_however_often_it_is_tried(self, rig: Rig, operation: str) -> None:
        example = rig.examples[operation]
        with rig.open() as client:
            assert client.find(operation, "key-1", example) == ("absent" if rig.exact else "unclear")
            done = client.perform(operation, "key-1", example)
            assert client.perform(operation, "key-1", example).external_ref == done.external_ref
        with rig.open() as another:
            assert another.perform(operation, "key-1", example).external_ref == done.external_ref
            found = another.find(operation, "key-1", example)
        assert isinstance(found, Receipt)
        assert found.external_ref == done.external_ref
        assert len(rig.effects(operation)) == 1

    def test_happens_for_each_key(self, rig: Rig, operation: str) -> None:
        example = rig.examples[operation]
        with rig.open() as client:
            refs = {client.perform(operation, key, example).external_ref for key in ("key-1", "key-2")}
        assert len(refs) == 2
        assert len(rig.effects(operation)) == 2

    def test_does_not_happen_with_an_input_that_nobody_could_have_approved(self, rig: Rig, operation: str) -> None:
        example = rig.examples[operation]
        with rig.open() as client:
            for wrong in (example | {"bcc": "spy@example.net"}, {}):
                with pytest.raises(EffectFailed) as failed:
                    client.perform(operation, "key-1", wrong)
                assert failed.value.lasting
        assert rig.effects(operation) == []

    def test_does_not_happen_when_the_last_gate_is_closed(self, rig: Rig, operation: str) -> None:
        def closed() -> None:
            raise EffectUnknown("approvals.worker_lost")

        example = rig.examples[operation]
        with rig.open() as client, gated(closed), pytest.raises((EffectUnknown, EffectFailed)):
            client.perform(operation, "key-1", example)
        assert rig.effects(operation) == []
        with rig.open() as client:
            client.perform(operation, "key-1", example)
        assert len(rig.effects(operation)) == 1

    def test_shows_no_key_outside(self, rig: Rig, operation: str) -> None:
        with rig.open() as client:
            client.perform(operation, "execution-key-0190", rig.examples[operation])
        assert not any(b"execution-key-0190" in effect for effect in rig.effects(operation))


def test_an_unknown_operation_does_nothing(rig: Rig) -> None:
    with rig.open() as client:
        for call in (client.perform, client.find):
            with pytest.raises(EffectFailed) as failed:
                call("mail.burn", "key-1", {})
            assert failed.value.lasting


@pytest.mark.parametrize("rig", [slug for slug, r in sorted(RIGS.items()) if r.stream == "mail"], indirect=True)
def test_what_was_sent_is_read_as_sent(rig: Rig) -> None:
    cursor = _read_all(rig, None)[1]
    with rig.open() as client:
        client.perform("mail.send", "key-1", rig.examples["mail.send"])
    sent = _read(rig, cursor, 10).items
    assert [item.meta["folder"] for item in sent] == ["Sent"]
    assert b"In-Reply-To: <question@example.net>\r\n" in sent[0].raw


def test_nothing_that_a_person_or_a_log_sees_has_a_secret(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "Canary-5f1e-and-more"
    seen: list[str] = []
    for secrets in (rig.secrets, dict.fromkeys(rig.secrets, secret)):
        try:
            with connect(rig.slug, rig.config, secrets, rig.place) as client:
                seen += [repr(client), repr(vars(client)), repr(client.check())]
                client.perform("mail.burn", "key-1", {})
        except (EffectFailed, Failure) as failed:
            seen += [str(failed), repr(failed), repr(failed.data), "".join(traceback.format_exception(failed))]
    for value in (secret, *rig.secrets.values()):
        assert not any(value in text for text in (*seen, caplog.text))


@pytest.mark.parametrize("slug", sorted(LOCAL))
class TestALocalEffect:
    def test_is_a_row_of_the_transaction_once_per_key(self, slug: str) -> None:
        work, connector = Rows(), local(slug)
        for operation, example in LOCAL[slug].items():
            first = connector.perform(work, operation, "key-1", example, OWNER_ID)
            second = connector.perform(work, operation, "key-1", example, OWNER_ID)
            assert first == second
            assert [(t.made_by, t.owner_id, str(t.id)) for t in work.rows] == [("key-1", OWNER_ID, first.external_ref)]
            connector.perform(work, operation, "key-2", example, OWNER_ID)
            assert len(work.rows) == 2

    def test_is_taken_back_by_its_inverse_and_only_what_is_ours(self, slug: str) -> None:
        work, connector = Rows(), local(slug)
        for operation, example in LOCAL[slug].items():
            done = connector.perform(work, operation, "key-1", example, OWNER_ID)
            other = connector.perform(work, operation, "key-2", example, OWNER_ID)
            given = inverse_of(slug, operation, example, "key-1", done.external_ref, done.facts)
            assert given is not None
            foreign = inverse_of(slug, operation, example, "key-1", other.external_ref, {})
            assert foreign is not None
            with pytest.raises(EffectFailed):
                connector.perform(work, *_named(foreign), OWNER_ID)
            for _ in range(2):
                connector.perform(work, *_named(given), OWNER_ID)
                assert [t.made_by for t in work.rows] == ["key-2"]

    def test_does_not_happen_with_a_wrong_input_or_operation(self, slug: str) -> None:
        work, connector = Rows(), local(slug)
        for operation, input in (("task.burn", {}), *((name, {}) for name in LOCAL[slug])):
            with pytest.raises(EffectFailed) as failed:
                connector.perform(work, operation, "key-1", input, OWNER_ID)
            assert failed.value.lasting
        assert work.rows == []


def _named(given: tuple[str, dict[str, Any]]) -> tuple[str, str, dict[str, Any]]:
    operation, input = given
    return operation, "key-of-the-inverse", input


def _read(rig: Rig, cursor: Mapping[str, Any] | None, limit: int) -> Page:
    # Through JSON, as the database keeps it.
    with rig.open() as client:
        page = client.read(rig.stream, cursor, limit)
    return replace(page, cursor=json.loads(json.dumps(page.cursor)))


def _read_all(rig: Rig, cursor: Mapping[str, Any] | None) -> tuple[list[Item], Mapping[str, Any], list[Problem]]:
    items: list[Item] = []
    problems: list[Problem] = []
    while True:
        page = _read(rig, cursor, 40)
        items += page.items
        problems += page.problems
        cursor = page.cursor
        if not page.more:
            return items, cursor, problems
