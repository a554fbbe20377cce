"""Each skill by itself: reading in pages, remembering, drafting with and without a model, going on after a crash."""

from datetime import timedelta
from typing import Any

import pytest

from core.billing.models import Budget, Ceiling
from core.catalog.kinds import BUILT_IN, load
from core.connectors.ports import Problem
from core.kernel.errors import NotFound, Unavailable
from core.orchestration.ports import Proposal, SkillContext
from runners.engine.evaluate import evaluate
from runners.models.asking import AskedModels
from runners.skills import skill
from tests.emulators.openai import emulated, in_turn, says
from tests.unit.skills.letters import NOW, ZONE, letter, own
from tests.unit.skills.mailbox import CONNECTION, Contents, Mailbox, Remembered, Steps, context, ran, settings_of
from tests.unit.skills.models import FakeModel, Told

TEMPLATE = load(BUILT_IN, True)["inbox"]
QUESTION = "Hi Sam,\n\ncan you send me the file by Friday?\n\nAnna"


def _says(body: str | None) -> FakeModel:
    """A model whose letter this is; None: it fails."""

    def replies(told: Told) -> dict[str, Any]:
        if body is None:
            raise Unavailable("orchestration.model_failed", why="ModelHTTPError")
        return {"body": body}

    return FakeModel(replies)


def _read(mailbox: Mailbox, cursor: Any = None, **inputs: Any) -> Any:
    reader = skill("mail.read")
    return reader.run(context(now=NOW, mailbox=mailbox, cursor=cursor), reader.Input(**inputs))


def test_mail_is_read_in_pages_from_the_cursor_on():
    mailbox = Mailbox([letter(f"mail {i}") for i in range(7)], page=3)
    out = _read(mailbox, cursor={"at": 1})
    assert len(out.mails) == 6
    assert out.cursors == {str(CONNECTION): {"at": 7}}
    assert [asked[1] for asked in mailbox.asked] == [{"at": 1}, {"at": 4}]
    assert not out.more


def test_what_is_more_than_the_limit_waits_for_the_next_run():
    mailbox = Mailbox([letter(f"mail {i}") for i in range(7)], page=3)
    out = _read(mailbox, limit=4)
    assert (len(out.mails), out.more, out.cursors[str(CONNECTION)]) == (4, True, {"at": 4})


def test_old_mail_is_passed_over_and_problems_are_told():
    mailbox = Mailbox(
        [letter("old", sent=NOW - timedelta(days=31)), letter("new")],
        problems=[Problem("x", "connectors.item_broken", {"n": 3})],
    )
    out = _read(mailbox)
    assert len(out.mails) == 1
    assert [(each.item_id, each.code, each.data) for each in out.problems] == [
        ("x", "connectors.item_broken", {"n": 3})
    ]


def test_an_agent_without_a_mailbox_is_told_so():
    reader = skill("mail.read")
    with pytest.raises(NotFound, match="tool_missing"):
        reader.run(context(now=NOW), reader.Input())


def test_a_mail_is_remembered_unless_the_run_is_dry():
    for dry, kept in ((False, 1), (True, 0)):
        memory = Remembered()
        ran(TEMPLATE, [letter("Thanks!")], now=NOW, zone=ZONE, memory=memory, dry_run=dry)
        assert len([key for key in memory.kept if key[1] == "mail"]) == kept


def test_the_original_bytes_are_kept():
    blobs, mail = Contents(), letter("Thanks\u202e!")
    ran(TEMPLATE, [mail], now=NOW, zone=ZONE, blobs=blobs)
    assert list(blobs.kept.values()) == [mail.raw]


def test_a_later_run_knows_the_mail_of_the_earlier_one():
    memory, blobs = Remembered(), Contents()
    asked = own("Could you send me the keys?", days=3, id="<k1@home.example>")
    first = ran(TEMPLATE, [asked], now=NOW, zone=ZONE, memory=memory, blobs=blobs)
    assert first["proposals"] == []
    later = ran(TEMPLATE, [], now=NOW + timedelta(days=2), zone=ZONE, memory=memory, blobs=blobs)
    assert [each["kind"] for each in later["proposals"]] == ["nudge"]
    answered = letter("Here.", answers="<k1@home.example>")
    memory.kept = {key: value for key, value in memory.kept.items() if key[1] == "mail"}
    assert (
        ran(TEMPLATE, [answered], now=NOW + timedelta(days=2), zone=ZONE, memory=memory, blobs=blobs)["proposals"] == []
    )


def test_nothing_is_proposed_again_and_the_rest_comes_with_the_next_run():
    memory, blobs = Remembered(), Contents()
    mails = [letter(QUESTION, sender=f"P{i} <p{i}@x.example>", subject=f"Question {i}") for i in range(5)]
    more: dict[str, Any] = {
        "now": NOW,
        "zone": ZONE,
        "memory": memory,
        "blobs": blobs,
        "settings": {"max_suggestions": 2},
    }
    runs = [ran(TEMPLATE, mails if turn == 0 else [], **more) for turn in range(4)]
    assert [len(run["proposals"]) for run in runs] == [2, 2, 1, 0]
    assert len({each["dedupe_key"] for run in runs for each in run["proposals"]}) == 5
    assert runs[0]["summary"]["left"] == 3


def test_what_a_failed_run_proposed_is_proposed_again():
    memory, blobs, mails = Remembered(), Contents(), [letter(QUESTION)]
    for _ in range(2):
        output = ran(TEMPLATE, mails, now=NOW, zone=ZONE, memory=memory, blobs=blobs)
        assert len(output["proposals"]) == 1


def test_a_resumed_run_repeats_no_finished_step():
    steps, blobs, memory = Steps(), Contents(), Remembered()
    mails = [letter(QUESTION), letter("Thanks!")]
    output = ran(TEMPLATE, mails, now=NOW, zone=ZONE, steps=steps, blobs=blobs, memory=memory)
    again = Steps({key: value for key, value in steps.done.items() if key[0] != "draft"})
    assert ran(TEMPLATE, [], now=NOW, zone=ZONE, steps=again, blobs=blobs, memory=memory) == output
    assert again.ran == [("draft", 0)]


def _drafted(model: FakeModel | None, text: str = QUESTION, **settings: Any) -> Proposal:
    output = ran(TEMPLATE, [letter(text)], now=NOW, zone=ZONE, model=model, settings=settings)
    return Proposal.model_validate(output["proposals"][0])


def test_without_a_model_the_draft_is_ready_to_be_sent():
    proposal = _drafted(None)
    assert proposal.input["body"] == (
        "Hi Anna,\n\nthanks for your mail. You asked: “can you send me the file by Friday?”\n\n"
        "I will look into it and get back to you by Friday, 27 November.\n\nBest,\nSam\n"
    )
    assert proposal.why.data["draft"] == "offline"


def test_a_model_writes_the_draft_and_sees_the_mail_as_material():
    model = _says("Hi Anna,\n\nyou will have it by Friday.\n\nSam")
    proposal = _drafted(model)
    assert proposal.input["body"] == "Hi Anna,\n\nyou will have it by Friday.\n\nSam\n"
    assert proposal.why.data["draft"] == "model"
    [told] = model.asked
    assert "can you send me the file" in told.material
    assert "can you send me the file" not in told.instructions
    assert '"en"' in told.instructions
    assert "{" not in told.instructions


@pytest.mark.parametrize(
    "body",
    [
        None,
        "Hi Anna, I will send it on [date] to you.",
        "Hi Anna, please see https://elsewhere.example/login for it.",
        "Hi Anna, it is done. Regards {{name}} and more.",
    ],
    ids=["fails", "placeholder", "foreign-link", "template"],
)
def test_a_model_that_fails_gives_way_to_the_offline_draft(body: str | None):
    proposal = _drafted(_says(body))
    assert proposal.input["body"].startswith("Hi Anna,\n\nthanks for your mail.")
    assert proposal.why.data["draft"] == "offline_after_model"


def _drafting(model: AskedModels, budget: Budget | None = None) -> SkillContext:
    """The context of a run in which one draft was to be written."""
    told = context(now=NOW, mailbox=Mailbox([letter(QUESTION)]), model=model)
    told.budget = budget
    evaluate(TEMPLATE.manifest.graph, run={}, params=settings_of(TEMPLATE), context=told, steps=Steps())
    return told


@pytest.mark.parametrize("second", ["Hi Anna,\n\nyou will have it by Friday.\n\nSam", "no"], ids=["answers", "fails"])
def test_each_call_of_a_draft_is_metered_by_itself(second: str):
    with emulated() as server:
        server.behave = in_turn(says({"body": "no"}, prompt=50), says({"body": second}, prompt=70))
        told = _drafting(model=AskedModels("openai:gpt-4o-mini", server.url))
    assert [(each.provider, each.tokens_prompt) for each in told.usage] == [("openai", 50), ("openai", 70)]
    assert all(each.cost and each.price for each in told.usage)


def test_no_draft_is_asked_of_a_model_once_the_budget_is_used():
    used = Budget("free", tokens=[Ceiling("tokens_per_day", 10, 10)])
    with emulated() as server:
        told = _drafting(model=AskedModels("openai:gpt-4o-mini", server.url), budget=used)
    assert (server.requests, told.usage) == ([], [])


def test_language_and_signature_can_be_chosen():
    proposal = _drafted(None, draft_language="de", signature="Samira Field, Studio")
    assert proposal.input["body"].startswith("Hallo Anna,")
    assert proposal.input["body"].endswith("\nSamira Field, Studio\n")
    assert proposal.why.data["language"] == "de"


def test_an_owner_without_a_name_signs_as_in_earlier_mails_and_never_as_others_say():
    asked = letter(QUESTION, to="Pay Here Now <sam@home.example>")
    mails = [own("Thanks, got it.", to="Tom <tom@x.example>"), asked]
    output = ran(TEMPLATE, mails, now=NOW, zone=ZONE, owner="")
    assert output["proposals"][0]["input"]["body"].endswith("Best,\nSam\n")
    alone = ran(TEMPLATE, [asked], now=NOW, zone=ZONE, owner="")
    assert "Pay Here" not in alone["proposals"][0]["input"]["body"]


LANGUAGES = {
    "de": (
        "Hallo Sam,\n\nkannst du mir die Datei schicken?\n\nLiebe Grüße\nAnna",
        "Hallo Anna,",
        "Freitag, 27. November",
    ),
    "es": ("Hola Sam:\n\n¿me puedes mandar el archivo?\n\nUn abrazo\nAnna", "Hola, Anna:", "viernes, 27 de noviembre"),
    "fr": ("Salut Sam,\n\npeux-tu m'envoyer le fichier ?\n\nBises\nAnna", "Bonjour Anna,", "vendredi 27 novembre"),
    "it": ("Ciao Sam,\n\nmi puoi mandare il file?\n\nCiao\nAnna", "Ciao Anna,", "venerdì 27 novembre"),
    "nl": ("Hoi Sam,\n\nkun je mij het bestand sturen?\n\nGroetjes\nAnna", "Hoi Anna,", "vrijdag 27 november"),
    "pt": ("Olá Sam,\n\npodes enviar-me o ficheiro?\n\nBeijinhos\nAnna", "Olá, Anna,", "sexta-feira, 27 de novembro"),
    "pl": ("Cześć Sam,\n\nczy możesz mi przysłać plik?\n\nPozdrawiam\nAnna", "Cześć Anna,", "piątek, 27 listopada"),
    "ja": ("サム様\n\nファイルを送っていただけますか。\n\nよろしくお願いいたします。", "Anna Lind様", "11月27日金曜日"),
}


@pytest.mark.parametrize(("text", "greeting", "day"), LANGUAGES.values(), ids=LANGUAGES.keys())
def test_a_draft_is_in_the_language_of_the_conversation(text: str, greeting: str, day: str):
    body = _drafted(None, text).input["body"]
    assert body.startswith(greeting)
    assert day in body
    assert "{" not in body
