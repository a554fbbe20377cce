"""Graphs are refused when they are made, by an error that names the node."""

import time
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from core.catalog.graph import Graph, Node, check, light, order, parse_graph
from core.catalog.kinds import BUILT_IN, load
from core.kernel.errors import Failure, NotFound
from runners.skills import skill


def node(id: str = "a", **more: Any) -> dict[str, Any]:
    return {"id": id, "skill": "noop", **more}


def refused(data: Any) -> Failure:
    """What parse_graph raises; within a second of work."""
    began = time.thread_time()
    with pytest.raises(Failure) as caught:
        parse_graph(data)
    assert time.thread_time() - began < 1
    assert caught.value.code.startswith("catalog.graph_")
    assert isinstance(caught.value.data["node"], str)
    return caught.value


def nodes(*given: Any, **more: Any) -> dict[str, Any]:
    return {"nodes": list(given), **more}


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def shared(levels: int) -> Any:
    """Ten to the power of `levels` values, as YAML aliases make them."""
    value: Any = "x"
    for _ in range(levels):
        value = [value] * 10
    return value


def test_all_that_a_node_can_say_is_read_from_yaml():
    text = """
    nodes:
      - {id: find, skill: noop, inputs: {value: {$: run.input}}, timeout: 20, on_error: continue}
      - id: each
        skill: own.sum-up
        skill_version: 3
        for_each: find.value
        limit: 20
        parallel: 4
        when: item.size > 3 && params.go
        after: [other, other]
        retry: {attempts: 5, pause_seconds: 10, factor: 3, on: [orchestration.model_failed]}
        on_error: {use: {total: 0}}
      - {id: other, skill: mail.read}
    output: {total: {$: "each[].total"}, why: {$: errors.find.code}}
    """
    graph = parse_graph(yaml.safe_load(text))
    each = next(one for one in graph.ordered() if one.id == "each")
    assert (each.after, each.retry and each.retry.on) == (("other",), ("orchestration.model_failed",))
    assert [one.id for one in graph.ordered()] == ["find", "other", "each"]
    assert graph.skills() == ("mail.read", "noop", "own.sum-up")
    assert parse_graph(graph.model_dump(mode="json")) == graph


@pytest.mark.parametrize(
    ("data", "code", "name"),
    [
        (nodes(*(node(f"n{at}") for at in range(10_000))), "too_big", "n200"),
        (nodes(*(node(f"n{at}", after=[f"n{at + 1}"]) for at in range(5_000))), "too_big", "n200"),
        (nodes(*(node(f"n{at}", after=[f"n{at - 1}"] if at else []) for at in range(200))), "too_big", "n50"),
        (nodes(node("a"), node("b", inputs={"value": [{"$": "a.value"}] * 100_000})), "too_big", "b"),
        (nodes(node("a"), node("b", inputs={"value": [{"$": "a.value"}] * 2_001})), "too_big", "b"),
        (nodes(*(node(f"n{at}", inputs={"value": [{"$": "run.id"}] * 150}) for at in range(20))), "too_big", "n13"),
        (nodes(node(), output={"value": [{"$": "a"}] * 2_001}), "too_big", "output"),
        (nodes(node(inputs={"value": deep(5_000)})), "too_big", "a"),
        (nodes(node(inputs={"value": deep(31)})), "too_big", "a"),
        (nodes(node(inputs={"value": shared(12)})), "too_big", "a"),
        (nodes(node(inputs={"value": "x" * 300_000})), "too_big", "a"),
        (nodes(node(), output={"value": deep(40)}), "too_big", "output"),
        (nodes(node("a", after=["b"]), node("b", after=["c"]), node("c", after=["a"])), "cycle", "a"),
        (nodes(*(node(f"n{at}", after=[f"n{(at + 1) % 200}"]) for at in range(200))), "cycle", "n0"),
        (nodes(node(after=["a"])), "cycle", "a"),
        (nodes(node(inputs={"value": {"$": "a.value"}})), "cycle", "a"),
        (nodes(node("a"), node("b", after=["d"]), node("c"), node("d", when="b.value == 1")), "cycle", "b"),
        (nodes(node("a"), node("a")), "node_twice", "a"),
        (nodes(node("run")), "node_twice", "run"),
        (nodes(node("errors")), "node_twice", "errors"),
        (nodes(node("index")), "node_twice", "index"),
        (nodes(node(after=["b"])), "reference_dangling", "a"),
        (nodes(node(inputs={"value": {"$": "b.value"}})), "reference_dangling", "a"),
        (nodes(node(inputs={"value": {"$": "item"}})), "reference_dangling", "a"),
        (nodes(node(for_each="item.list")), "reference_dangling", "a"),
        (nodes(node(inputs={"value": {"$": "errors"}})), "reference_dangling", "a"),
        (nodes(node(inputs={"value": {"$": "@"}})), "reference_dangling", "a"),
        (nodes(node(when="b.value > 1")), "reference_dangling", "a"),
        (nodes(node(when="index > 1")), "reference_dangling", "a"),
        (nodes(node(), output={"x": {"$": "b"}}), "reference_dangling", "output"),
        (nodes(node(inputs={"value": {"$": "a..b"}})), "reference_broken", "a"),
        (nodes(node(inputs={"value": {"$": 5}})), "reference_broken", "a"),
        (nodes(node(inputs={"value": {"$": "[" * 900}})), "reference_broken", "a"),
        (nodes(node(when="1 +")), "condition_broken", "a"),
        (nodes(node(inputs={"value": {"$": "|".join(["[@, @]"] * 30)}})), "expression_too_big", "a"),
        (nodes(node(inputs={"value": {"$": "x" * 2_001}})), "expression_too_big", "a"),
        (nodes(node(when="(" * 50 + "true" + ")" * 50)), "expression_too_big", "a"),
        (nodes(node(when="x" * 2_001)), "invalid", "a"),
        (nodes(node(when="")), "invalid", "a"),
        (nodes(node(limit=10_001)), "invalid", "a"),
        (nodes(node(parallel=17)), "invalid", "a"),
        (nodes(node(timeout=3_601)), "invalid", "a"),
        (nodes(node(retry={"attempts": 6})), "invalid", "a"),
        (nodes(node(on_error="ignore")), "invalid", "a"),
        (nodes(node(skill_version=1)), "invalid", "a"),
        (nodes(node(colour="blue")), "invalid", "a"),
        (nodes(node(inputs={"value": float("nan")})), "invalid", "a"),
        (nodes(node(inputs={"value": {1: 2}})), "invalid", "a"),
        (nodes(node(inputs={"value": "\ud800"})), "invalid", "a"),
        (nodes(node(inputs={"value": "\x00"})), "invalid", "a"),
        (nodes(node(inputs={"value": yaml.safe_load("2026-11-22")})), "invalid", "a"),
        (nodes(node(), {"id": "b", "skill": "Mail"}), "invalid", "b"),
        (nodes(node(), {"skill": "noop"}), "invalid", "#2"),
        (nodes(node(), "text"), "invalid", "#2"),
        (nodes(), "invalid", ""),
        ({"nodes": {"a": node()}}, "invalid", ""),
        ([node()], "invalid", ""),
        (None, "invalid", ""),
    ],
)
def test_what_cannot_run_is_refused_by_the_name_of_its_node(data: Any, code: str, name: str):
    why = refused(data)
    assert (why.code, why.data["node"]) == (f"catalog.graph_{code}", name)


def test_a_refusal_says_which_field_breaks_which_rule():
    assert refused(nodes(node(retry={"attempts": 6}))).data == {
        "node": "a",
        "field": "retry.attempts",
        "rule": "less_than_equal",
    }
    assert refused(nodes(node("a", after=["b"]), node("b", after=["a"]))).data["nodes"] == ["a", "b"]


def test_as_much_as_is_allowed_is_read():
    chain = [node(f"n{at}", after=[f"n{at - 1}"] if at else []) for at in range(50)]
    wide = [node(f"w{at}", inputs={"value": [{"$": "n0.value"}] * 10}) for at in range(150)]
    assert len(order(parse_graph(nodes(*chain, *wide))).nodes) == 200


def test_the_order_is_that_in_which_nodes_are_written_where_they_are_free():
    graph = parse_graph(nodes(node("c"), node("b", after=["d"]), node("a"), node("d")))
    assert [one.id for one in graph.ordered()] == ["c", "a", "d", "b"]
    assert order(graph).before["b"] == {"d"}
    graph = parse_graph(nodes(node("x", after=["z"]), node("y"), node("z"), node("w", after=["y"])))
    assert [one.id for one in graph.ordered()] == ["y", "z", "x", "w"]


def test_light_is_what_only_computes_and_not_too_often():
    def quick(name: str) -> bool:
        return name == "noop"

    assert light(parse_graph(nodes(node())), quick)
    assert not light(parse_graph(nodes(node(), node("b", skill="mail.read"))), quick)
    assert not light(parse_graph(nodes(node(retry={}))), quick)
    assert light(parse_graph(nodes(node(for_each="run.input.list"))), quick)
    assert not light(parse_graph(nodes(node(for_each="run.input.list", limit=1_001))), quick)


class Catalog:
    """Small skills, and those that there are."""

    GIVEN: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1},
            "name": {"type": "string", "pattern": "^(a+)+$"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "place": {"$ref": "#/$defs/Place"},
            "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "any": {},
        },
        "required": ["count"],
        "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
    }
    MADE: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "total": {"type": "integer"},
            "word": {"type": "string"},
            "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
            "open": {"type": "object", "additionalProperties": True},
            "maybe": {"anyOf": [{"$ref": "#/$defs/Item"}, {"type": "null"}]},
        },
        "$defs": {"Item": {"type": "object", "properties": {"id": {"type": "string"}, "size": {"type": "number"}}}},
    }

    def schemas(self, name: str, version: int | None) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        if name == "test.make":
            return {"type": "object", "properties": {}}, self.MADE
        if name == "test.take":
            return self.GIVEN, self.MADE
        if name == "own.loose":
            return {}, {}
        found = skill(name)
        return found.Input.model_json_schema(), found.Output.model_json_schema(mode="serialization")


MAKE = {"id": "make", "skill": "test.make"}


def take(**inputs: Any) -> dict[str, Any]:
    return {"id": "take", "skill": "test.take", "inputs": {"count": 1, **inputs}}


def to(expression: str) -> dict[str, str]:
    return {"$": expression}


@pytest.mark.parametrize(
    ("given", "code", "data"),
    [
        ({"count": 0}, "input_wrong", {"field": "count", "rule": "minimum"}),
        ({"count": "three"}, "type_mismatch", {"field": "count", "expected": "integer", "found": "string"}),
        ({"count": True}, "type_mismatch", {"field": "count", "expected": "integer", "found": "boolean"}),
        ({"count": None}, "input_missing", {"field": "count"}),
        ({"colour": "blue"}, "input_unknown", {"field": "colour"}),
        ({"place": {"town": "x"}}, "input_wrong", {"field": "place", "rule": "required"}),
        ({"place": {"town": to("make.word")}}, "input_unknown", {"field": "place.town"}),
        ({"tags": ["a", 3]}, "input_wrong", {"field": "tags.1", "rule": "type"}),
        ({"tags": ["a", to("make.total")]}, "type_mismatch", {"field": "tags.1", "expected": "string", "found": "integer"}),
        ({"name": to("make.total")}, "type_mismatch", {"field": "name", "expected": "string", "found": "integer"}),
        ({"name": to("make.items[0].size")}, "type_mismatch", {"field": "name", "expected": "string", "found": "number"}),
        ({"name": to("make.items")}, "type_mismatch", {"field": "name", "expected": "string", "found": "array"}),
        ({"name": to("length(make.items)")}, "type_mismatch", {"field": "name", "expected": "string", "found": "number"}),
        ({"tags": to("make.items[].size")}, "type_mismatch", {"field": "tags[]", "expected": "string", "found": "number"}),
        ({"maybe": to("make.word")}, "type_mismatch", {"field": "maybe", "expected": "integer", "found": "string"}),
        ({"any": to("make.nothing")}, "reference_dangling", {"reference": "make.nothing"}),
        ({"any": to("make.items[].nothing")}, "reference_dangling", {"reference": "make.items[].nothing"}),
        ({"any": to("make.items[?size > `3`].nothing")}, "reference_dangling", {"reference": "make.items[?size > `3`].nothing"}),
        ({"any": to("make.maybe.nothing")}, "reference_dangling", {"reference": "make.maybe.nothing"}),
        ({"any": to("{a: make.total, b: make.nothing}")}, "reference_dangling", {"reference": "{a: make.total, b: make.nothing}"}),
        ({"any": to("params.nothing")}, "reference_dangling", {"reference": "params.nothing"}),
        ({"any": [{"deep": to("make.nothing")}]}, "reference_dangling", {"reference": "make.nothing"}),
    ],
)  # fmt: skip
def test_what_the_schemas_rule_out_is_refused(given: dict[str, Any], code: str, data: dict[str, Any]):
    graph = parse_graph(nodes(MAKE, take(**given)))
    with pytest.raises(Failure) as caught:
        check(graph, Catalog(), {"type": "object", "properties": {"start": {"type": "integer"}}})
    assert (caught.value.code, caught.value.data) == (f"catalog.graph_{code}", {"node": "take", **data})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"count": to("make.total")},
        {"count": to("make.items[0].size")},
        {"count": to("params.start"), "any": to("run.input.whatever")},
        {"tags": to("make.items[].id"), "name": to("make.items[0].id")},
        {"tags": ["a", to("make.word")], "place": {"city": to("make.word")}},
        {"place": to("make.open"), "name": to("make.open.deep.er")},
        {"maybe": None, "name": to("make.maybe.id")},
        {"name": "b" * 40},
        {"any": {"x": [1, {"y": to("make.items | [0].id")}]}},
        {"name": to("make.word || 'none'"), "tags": to("sort(make.items[*].id)")},
        {"any": to("errors.make.code")},
    ],
)
def test_what_the_schemas_leave_open_passes(given: dict[str, Any]):
    graph = parse_graph(nodes(MAKE, take(**given), output={"all": to("[make.items, take][]")}))
    check(graph, Catalog(), {"type": "object", "properties": {"start": {"type": "integer"}}})


def test_entries_and_their_results_are_typed():
    each = take(name=to("item.id"), any=to("index")) | {"for_each": "make.items"}
    check(parse_graph(nodes(MAKE, each, output={"all": to("take[].total")})), Catalog())
    for wrong in (
        nodes(MAKE, each | {"for_each": "make.total"}),
        nodes(MAKE, each | {"inputs": {"count": 1, "name": to("item.size")}}),
        nodes(MAKE, each, output={"all": to("take[].nothing")}),
        nodes(MAKE, each, node("n", inputs={"value": to("take.total")})),
        nodes(MAKE, each | {"when": "make.nothing > 3"}),
        nodes(MAKE, each | {"when": "item.nothing > 3"}),
    ):
        with pytest.raises(Failure, match=r"graph_(type_mismatch|reference_dangling)"):
            check(parse_graph(wrong), Catalog())


def test_an_unknown_skill_is_named_with_its_node():
    with pytest.raises(NotFound) as caught:
        check(parse_graph(nodes(node("x", skill="mail.nothing"))), Catalog())
    assert (caught.value.code, caught.value.data) == (
        "orchestration.skill_unknown",
        {"skill": "mail.nothing", "node": "x"},
    )


def test_a_schema_that_says_nothing_takes_everything():
    loose = {"id": "loose", "skill": "own.loose", "inputs": {"what": ["ever", to("make.total")]}}
    check(parse_graph(nodes(MAKE, loose, output={"a": to("loose.x.y[0]")})), Catalog())


def test_the_templates_that_there_are_pass():
    for template in load(BUILT_IN, True).values():
        manifest = template.manifest
        check(parse_graph(manifest.graph.model_dump(mode="json")), Catalog())


def test_a_graph_made_of_nodes_is_checked_like_one_that_was_read():
    with pytest.raises(Failure, match="graph_too_big"):
        Graph(nodes=(Node(id="a", skill="noop", inputs={"value": deep(5_000)}),)).ordered()
