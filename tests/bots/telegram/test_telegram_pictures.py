"""Drawings and files in Telegram: a graph and the days of usage as photos that change in their place, a file of a workspace in and out."""

import struct
from datetime import timedelta
from decimal import Decimal
from typing import Any

from bots.kit.contracts import contracts
from core.billing.limits import today
from core.billing.models import WORKSPACE
from core.billing.ports import Used
from core.catalog.versions import compose_agent
from core.workflows.documents import apply_document
from core.workflows.flows import make_workflow
from tests.bots.telegram.running import Phone
from tests.emulators.telegram import Message, TelegramEmulator
from tests.runners.world import World

NOTHING = {"nodes": [{"id": "a", "skill": "noop"}]}
FILE = b"""kind: agent
name: Greets
graph: {nodes: [{id: say, skill: noop}]}
---
kind: workflow
name: Mornings
type: sequential
steps: [{id: greet, kind: agent, agent: Greets}]
"""


def flow(world: World, steps: int, name: str = "Offers", agent: str = "Reader") -> None:
    with world.work() as work:
        made = compose_agent(work, world.actor, contracts(), agent, NOTHING)
        given: list[dict[str, Any]] = [{"id": f"s{n}", "kind": "agent", "agent": str(made.id)} for n in range(steps)]
        make_workflow(work, world.actor, contracts(), name, "sequential", given)
        work.commit()


def graph(phone: Phone, name: str = "Offers") -> Message:
    phone.person.sends("/workflows")
    listed = phone.person.chat.wait_for(lambda shown: name in shown.labels)
    phone.person.taps(listed, name).answer()
    page = listed.wait_for(lambda shown: "Picture" in shown.labels)
    phone.person.taps(page, "Picture").answer()
    return phone.person.chat.wait_for(lambda shown: shown.file is not None, after=page)


def test_a_graph_is_a_photo_with_its_steps_as_the_caption_and_a_way_back(phone: Phone, world: World) -> None:
    flow(world, 3)
    shown = graph(phone)
    assert shown.file is not None and shown.file.kind == "photo"
    width, height = struct.unpack(">II", shown.file.content[16:24])
    assert width == 1080 and height <= 2560 and shown.file.size < 10_000_000
    assert "Reader (s0) → Reader (s1)" in shown.text and shown.labels == ["‹ Offers"]
    phone.person.taps(shown, "‹ Offers").answer()
    shown.wait_until_deleted()
    phone.person.chat.wait_for(lambda page: "Picture" in page.labels, after=shown)


def test_a_long_graph_is_still_a_photo_with_fewer_pixels(phone: Phone, world: World) -> None:
    flow(world, 14)
    shown = graph(phone)
    assert shown.file is not None and shown.file.kind == "photo"
    width, height = struct.unpack(">II", shown.file.content[16:24])
    assert width == 720 and height <= 2560


def test_a_graph_that_a_photo_would_make_unreadable_is_sent_as_a_file(phone: Phone, world: World) -> None:
    flow(world, 30)
    shown = graph(phone)
    assert shown.file is not None and (shown.file.kind, shown.file.name) == ("document", "drawing.png")
    assert struct.unpack(">II", shown.file.content[16:24])[0] == 1080


def test_words_that_no_caption_holds_are_read_apart_and_the_ways_on_stay(phone: Phone, world: World) -> None:
    flow(world, 30, agent="A reader whose name takes a good part of the line")
    shown = graph(phone)
    assert shown.labels[0].startswith("Read all (") and shown.labels[1:] == ["As a file", "‹ Offers"]
    phone.person.taps(shown, "Read all").answer()
    last = phone.person.chat.wait_for(lambda part: "‹ Offers" in part.labels, after=shown)
    assert "(s29)" in last.text and last.file is None


def test_the_days_of_usage_are_a_photo_that_changes_in_its_place(phone: Phone, world: World) -> None:
    with world.work() as work:
        day = today(work.now)
        for back, runs in ((0, 3), (2, 12), (20, 40)):
            work.billing.add(day - timedelta(days=back), {WORKSPACE: Used(runs, 10, Decimal("0.02") * runs)})
        work.commit()
    phone.person.sends("/usage")
    shown = phone.person.chat.wait_for_text("Usage today")
    assert shown.file is not None and shown.file.kind == "photo" and "15 runs in 14 days" in shown.text
    first = shown.file.content
    phone.person.taps(shown, "Last days").answer()
    shown.wait_for(lambda now: "Usage of the last 14 days" in now.text)
    phone.person.taps(shown, "30 days").answer()
    shown.wait_for(lambda now: "55 runs in 30 days" in now.text)
    assert shown.file is not None and shown.file.kind == "photo" and shown.file.content != first
    phone.person.taps(shown, "Months").answer()
    assert phone.person.chat.wait_for_text("Usage of the last 12 months").file is None


def test_a_sent_file_is_planned_and_applied_in_one_message(phone: Phone, world: World) -> None:
    phone.person.sends_file("mornings.yaml", FILE, "application/yaml")
    plan = phone.person.chat.wait_for_text("What mornings.yaml would change")
    assert "New workflow: Mornings" in plan.text and plan.labels == ["Apply", "Leave it"]
    assert phone.person.taps(plan, "Apply").answer() == "Applied"
    plan.wait_for(lambda now: "mornings.yaml is applied" in now.seen)
    phone.person.taps(plan, "Open agent Greets").answer()
    page = phone.person.chat.wait_for(lambda shown: "As a file" in shown.labels)
    phone.person.taps(page, "As a file").answer()
    sent = phone.person.chat.wait_for(lambda shown: shown.file is not None)
    assert sent.file is not None and (sent.file.kind, sent.file.name) == ("document", "greets.yaml")
    assert b"name: Greets" in sent.file.content and "Passwords and keys are not in it" in sent.text
    phone.person.sends_file("greets.yaml", sent.file.content, "application/yaml")
    phone.person.chat.wait_for_text("exactly like that already", after=sent)


def test_a_wrong_file_is_refused_with_its_place(phone: Phone) -> None:
    phone.person.sends_file("wrong.yml", FILE.replace(b"agent: Greets}", b"agent: Nobody}"))
    told = phone.person.chat.wait_for_text("wrong.yml cannot be applied")
    assert "Line: 8" in told.text and "In: workflow “Mornings”" in told.text and "Field: steps[0].agent" in told.text


def test_a_plan_that_is_out_of_date_is_refused_and_shown_anew(phone: Phone, world: World) -> None:
    phone.person.sends_file("mornings.yaml", FILE)
    plan = phone.person.chat.wait_for_text("What mornings.yaml would change")
    with world.work() as work:
        apply_document(work, world.actor, contracts(), FILE.replace(b"sequential", b"parallel"))
        work.commit()
    phone.person.taps(plan, "Apply").answer()
    plan.wait_for(lambda now: "Nothing was done" in now.text)
    phone.person.taps(plan, "Show the plan anew").answer()
    plan.wait_for(lambda now: "Apply" in now.labels and "sequential" in now.text)


def test_a_send_whose_answer_was_lost_leaves_a_picture_that_still_works(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    flow(world, 2)
    telegram.drop_after_accept("sendPhoto")
    first = graph(phone)
    second = phone.person.chat.wait_for(lambda shown: shown.file is not None, after=first)
    phone.person.taps(second, "‹ Offers").answer()
    second.wait_until_deleted()
