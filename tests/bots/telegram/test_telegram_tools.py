"""Tools of a connected server, ticked with buttons: paged, with what each does in words."""

from core.connectors.connect import connect, found
from core.connectors.ports import Report
from core.connectors.tools import unasked, used
from tests.bots.telegram.running import Phone
from tests.runners.world import World

TOOLS = [
    {"name": f"tool_{n}", "about": f"Does thing {n} with <care> and all it takes.", "reads": n % 2 == 0}
    for n in range(12)
]


def test_tools_are_ticked_page_by_page_and_the_card_says_how_many(phone: Phone, world: World) -> None:
    with world.work() as work:
        made = connect(work, world.actor, "mcp", "Notes", {"url": "https://notes.example/mcp"})
        found(work, made.id, Report("Notes", ("read",), {"tools": TOOLS}))
        work.commit()
    phone.person.sends("/connect")
    listed = phone.person.chat.wait_for(lambda shown: "Notes" in shown.labels)
    phone.person.taps(listed, "Notes").answer()
    card = phone.person.chat.wait_for(lambda shown: "Choose tools" in shown.labels)
    assert "It offers 12 tools: 12 may be used, 0 of these without asking you." in card.text
    phone.person.taps(card, "Choose tools").answer()
    first = phone.person.chat.wait_for_text("Which tools may be used?")
    assert "tool_7 · may change something: Does thing 7 with <care> and all it takes." in first.text
    assert "tool_8" not in first.text and all("☑" in label or "✓" in label for label in first.labels[:8])
    phone.person.taps(first, first.labels[0]).answer()
    first.wait_for(lambda shown: shown.labels[0] != shown.labels[1].replace("tool_1", "tool_0"))
    phone.person.taps(first, "›").answer()
    first.wait_for(lambda shown: "tool_11" in shown.text)
    phone.person.taps(first, "Done").answer()
    first.wait_for(lambda shown: "Which of these need no asking?" in shown.text)
    assert "tool_1 " not in first.text
    phone.person.taps(first, next(label for label in first.labels if "tool_2" in label)).answer()
    phone.person.taps(first, "Done").answer()
    first.wait_for(lambda shown: "12 tools: 11 may be used, 1 of these" in shown.text)
    with world.work() as work:
        stored = work.connections.get(made.id)
        assert "tool_0" not in used(stored) and unasked(stored) == ["tool_2"]
