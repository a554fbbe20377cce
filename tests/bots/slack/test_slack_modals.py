"""Forms as modals: opened at once, wrong fields said beside them, nothing lost."""

from tests.bots.slack.running import Desk
from tests.runners.world import World, mail, task


def test_edit_opens_a_modal_and_its_answers_make_a_new_revision_that_needs_its_own_tap(
    desk: Desk, world: World
) -> None:
    suggestion = world.suggest(task())
    card = desk.card()
    desk.person.taps(card, "Edit").acknowledge()
    form = desk.person.wait_for_modal("Edit")
    desk.person.submits(form, {"Task": "Pay the dentist today"}).acknowledge()
    desk.person.wait_until_closed()
    desk.person.dm.wait_for(lambda message: "Pay the dentist today" in message.shown and "Approve" in message.labels)
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).revision == 2
        assert work.suggestions.get(suggestion.id).status == "pending"


def test_a_wrong_field_is_said_beside_it_and_the_modal_stays(desk: Desk, world: World) -> None:
    suggestion = world.suggest(mail())
    desk.person.taps(desk.card(), "Edit").acknowledge()
    form = desk.person.wait_for_modal("Edit")
    desk.person.submits(form, {"To": "nobody"}).acknowledge()
    form.wait_for(lambda view: view.errors)
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).revision == 1


def test_the_modal_is_there_before_the_form_is_known(desk: Desk, world: World, slack) -> None:
    world.suggest(task())
    desk.person.taps(desk.card(), "Edit").acknowledge()
    desk.person.wait_for_modal("Edit")
    slack.wait_for_call("views.update")
    asked = [call.method for call in slack.calls if call.method.startswith("views.")]
    assert asked == ["views.open", "views.update"]


def test_settings_are_asked_in_a_modal_from_the_app_home(desk: Desk) -> None:
    desk.person.opens_home()
    home = desk.person.wait_for_home("Nothing waits")
    desk.person.taps(home, next(label for label in home.labels if "Change" in label)).acknowledge()
    form = desk.person.wait_for_modal("Your settings")
    assert "Language" in form.fields


def test_the_app_home_follows_what_changes_while_it_is_open(desk: Desk, world: World, monkeypatch) -> None:
    monkeypatch.setattr("bots.slack.fresh.BETWEEN_SECONDS", 0.5)
    desk.person.opens_home()
    desk.person.wait_for_home("Nothing waits")
    world.suggest(task())
    desk.person.wait_for_home("1 suggestion waits for you")
    desk.person.taps(desk.card(), "Approve").acknowledge()
    desk.person.wait_for_home("Nothing waits")


def test_a_modal_is_in_the_persons_language_from_its_first_moment(desk: Desk, world: World, parts) -> None:
    with world.work() as work:
        work.people.profile(world.actor.user_id).language = "de"
        work.commit()
    wanted = parts.words.codes("de")["slack.modal.loading"].forms[0]
    world.suggest(task())
    card = desk.person.dm.wait_for(lambda message: bool(message.labels))
    desk.person.taps(card, card.labels[1]).acknowledge()
    form = desk.person.wait_for_modal()
    assert form.versions[0]["blocks"][0]["text"]["text"] == wanted
    form.wait_for(lambda view: bool(view.fields))
    desk.person.closes(form)
    desk.person.shortcut(None, "New agent").acknowledge()
    desk.person.wait_for_modal()
    assert desk.person.opened[-1].versions[0]["blocks"][0]["text"]["text"] == wanted
