"""Pictures and files: of Nod's own as Slack shows them, and those that people choose in a modal."""

from bots.kit import drawn
from bots.kit.screen import Document, Paragraph, Picture, Screen
from core.messaging.post import answer, replace
from tests.bots.slack.running import Desk

PACK = b"kind: pack\nname: Mornings\n"


def _drawing(desk: Desk, words: str = "Usage") -> Picture:
    svg = drawn.svg(90, words, "3 runs", "<text x='10' y='40'>3 runs</text>", "", "")
    blobs = desk.world.storage.blobs(desk.actor.workspace_id, desk.actor.user_id)
    return Picture(blob=blobs.put(svg), alt="Usage: 3 runs today", kind="drawing")


def _says(desk: Desk, screen: Screen):
    with desk.world.work() as work:
        delivery = answer(work, work.people.link(desk.actor.link_id), {"screen": screen.model_dump(mode="json")})
        work.commit()
    return delivery.id


def _document(desk: Desk) -> Screen:
    blobs = desk.world.storage.blobs(desk.actor.workspace_id, desk.actor.user_id)
    file = Document(blob=blobs.put(PACK), name="mornings.yaml", size=len(PACK))
    return Screen(blocks=(Paragraph(text="Here is the pack."),), document=file)


def _pictures(message) -> list[dict]:
    return [block for block in message.blocks if block["type"] == "image"]


def test_a_drawing_stands_in_its_message_as_soon_as_slack_knows_it_and_is_brought_once(desk: Desk, slack) -> None:
    slack.slow_files(2)
    picture = _drawing(desk)
    place = _says(desk, Screen(blocks=(Paragraph(text="Today"),), picture=picture))
    message = desk.person.dm.wait_for_text("Today")
    assert [one["alt_text"] for one in _pictures(message)] == ["Usage: 3 runs today"]
    file = desk.team.world.files.known(desk.team, _pictures(message)[0]["slack_file"])
    assert file.mime == "image/png" and file.content.startswith(b"\x89PNG")
    with desk.world.work() as work:
        screen = Screen(blocks=(Paragraph(text="This month"),), picture=picture)
        replace(work, work.people.link(desk.actor.link_id), place, {"screen": screen.model_dump(mode="json")})
        work.commit()
    message.wait_for(lambda shown: "This month" in shown.shown and bool(_pictures(shown)))
    assert len(slack.calls_to("files.getUploadURLExternal")) == 1


def test_where_slack_takes_no_files_the_words_say_where_they_are(desk: Desk) -> None:
    desk.team.installation.scopes.remove("files:write")
    _says(desk, Screen(blocks=(Paragraph(text="Today"),), picture=_drawing(desk)))
    message = desk.person.dm.wait_for_text("Today")
    assert not _pictures(message)
    assert "can be seen in the web chat" in message.shown


def test_a_picture_that_slack_never_knows_does_not_hold_up_its_message(desk: Desk, slack, monkeypatch) -> None:
    monkeypatch.setattr("bots.slack.sender.PROCESSING_PAUSES", (0.01, 0.01))
    slack.slow_files(100)
    _says(desk, Screen(blocks=(Paragraph(text="Today"),), picture=_drawing(desk)))
    assert "can be seen in the web chat" in desk.person.dm.wait_for_text("Today").shown


def test_a_file_is_shared_beneath_its_message_once(desk: Desk, slack) -> None:
    screen = _document(desk)
    place = _says(desk, screen)
    message = desk.person.dm.wait_for_text("Here is the pack.")
    shared = desk.person.dm.wait_for(lambda one: bool(one.files), after=message)
    assert [(one.name, one.content) for one in shared.files] == [("mornings.yaml", PACK)]
    with desk.world.work() as work:
        again = screen.model_copy(update={"blocks": (Paragraph(text="Here it still is."),)})
        replace(work, work.people.link(desk.actor.link_id), place, {"screen": again.model_dump(mode="json")})
        work.commit()
    message.wait_for(lambda shown: "Here it still is." in shown.shown)
    desk.person.types("/nod inbox").acknowledge()
    desk.person.dm.wait_for_text("Nothing waits")
    assert len(slack.calls_to("files.completeUploadExternal")) == 1


def test_a_file_that_cannot_be_shared_is_said_to_be_elsewhere(desk: Desk, slack) -> None:
    slack.fail_next("files.completeUploadExternal", "not_in_channel")
    _says(desk, _document(desk))
    desk.person.dm.wait_for(lambda one: "Here is the pack." in one.shown and "web chat" in one.shown)


def test_a_file_is_chosen_in_a_modal_and_heard_as_if_it_had_been_sent(desk: Desk) -> None:
    _says(desk, Screen(blocks=(Paragraph(text="Send me a document."),), accepts_file=(".yaml", ".json")))
    asked = desk.person.dm.wait_for_text("Send me a document.")
    desk.person.taps(asked, "Choose a file").acknowledge()
    form = desk.person.wait_for_modal("Hand over a file")
    assert form.input("The file")["element"]["filetypes"] == ["yaml", "json"]
    desk.person.submits(form, {"The file": ("mornings.yaml", b"nonsense: [")}).acknowledge()
    desk.person.dm.wait_for(lambda one: "mornings.yaml" in one.shown)


def test_a_chosen_file_that_slack_does_not_hand_over_is_said_beside_its_field(desk: Desk) -> None:
    _says(desk, Screen(blocks=(Paragraph(text="Send me a document."),), accepts_file=(".yaml",)))
    desk.person.taps(desk.person.dm.wait_for_text("Send me"), "Choose a file").acknowledge()
    form = desk.person.wait_for_modal("Hand over a file")
    desk.team.installation.scopes.remove("files:read")
    desk.person.submits(form, {"The file": ("mornings.yaml", PACK)})
    form.wait_for(lambda view: "Nothing was taken" in view.error("The file"))
