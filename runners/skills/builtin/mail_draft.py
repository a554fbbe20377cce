"""Writes the text of a mail that is proposed: with the model where there is one, else from the template's own phrases."""

import re
from typing import Any, ClassVar

from pydantic import BaseModel

from core.kernel.errors import Failure
from core.orchestration.ports import Proposal, SkillContext, Words
from runners.mail.clean import cleaned
from runners.mail.drafts import written
from runners.mail.suggest.situation import Brief, Draft
from runners.mail.understand import new_text

_MATERIAL = 12_000
_LETTER: dict[str, Any] = {
    "description": "A mail's text, ready to be sent: greeting, body, signature; no subject, no placeholders.",
    "type": "object",
    "additionalProperties": False,
    "required": ["body"],
    "properties": {"body": {"type": "string", "minLength": 20, "maxLength": 6_000}},
}
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[[^\]\n]{2,60}\]|\{\{|\bXX+\b|<[A-Za-z ]{3,40}>")


class Input(BaseModel):
    """`texts` holds `drafts/<language>.yaml` and `prompts/<purpose>.md`; `language` is an ISO 639-1 code or `auto` for that of
    the conversation."""

    draft: Draft
    texts: dict[str, str]
    language: str = "auto"
    signature: str = ""


class Output(BaseModel):
    """The proposal with its text. `why.data.draft` says who wrote it: `model`, `offline`, or `offline_after_model` when the
    model failed."""

    proposal: Proposal


class MailDraft:
    name: ClassVar[str] = "mail.draft"
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Raises NotFound `orchestration.draft_texts_missing`, never for a model that fails."""
        brief = inputs.draft.brief
        language = brief.language if inputs.language == "auto" else inputs.language
        signature = inputs.signature.strip() or _own_name(context.owner_name or brief.signed, familiar=brief.familiar)
        body, by = self._by_model(context, inputs, language, signature), "model"
        if body is None:
            body = written(brief, inputs.texts, language, signature, context.timezone)
            by = "offline" if context.model is None else "offline_after_model"
        proposal = inputs.draft.proposal
        why = Words(code=proposal.why.code, data={**proposal.why.data, "draft": by, "language": language})
        return Output(proposal=proposal.model_copy(update={"input": {**proposal.input, "body": body}, "why": why}))

    @staticmethod
    def _by_model(context: SkillContext, inputs: Input, language: str, signature: str) -> str | None:
        prompt = inputs.texts.get(f"prompts/{inputs.draft.brief.purpose}.md")
        if context.model is None or prompt is None:
            return None
        mail = new_text(context.blobs.get(inputs.draft.brief.blob))[:_MATERIAL]
        try:
            answer = context.model.ask(
                _instructions(prompt, inputs.draft.brief, language, signature),
                mail,
                _LETTER,
                context.usage,
                budget=context.budget,
                deadline=context.deadline,
            )
        except Failure:
            return None
        body = cleaned(answer["body"]).strip() + "\n"
        return body if is_sendable(body, mail) else None


def _own_name(name: str, *, familiar: bool) -> str:
    """How the owner signs: among friends with the first name."""
    return name.split(maxsplit=1)[0] if familiar and name.strip() else name


def _instructions(prompt: str, brief: Brief, language: str, signature: str) -> str:
    """The prompt with what we know ourselves; nothing of it is text from outside."""
    facts = {
        "language": language,
        "tone": "familiar" if brief.familiar else "formal",
        "signature": signature,
        "by": brief.by.date().isoformat() if brief.by else "",
        "sent": brief.sent.date().isoformat() if brief.sent else "",
    }
    return re.sub(r"\{(\w+)\}", lambda match: facts.get(match[1], match[0]), prompt)


def is_sendable(body: str, mail: str) -> bool:
    """No gaps to fill, and no link that the mail itself did not have."""
    return not _PLACEHOLDER.search(body) and all(link in mail for link in _LINK.findall(body))
