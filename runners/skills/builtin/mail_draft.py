"""Writes the text of a mail that is proposed: with the model where there is one, else from the template's own phrases."""

import re
from typing import ClassVar

from pydantic import BaseModel, Field

from core.kernel.errors import Unavailable
from core.orchestration.ports import Proposal, SkillContext, Usage, Words
from runners.mail.clean import cleaned
from runners.mail.drafts import written
from runners.mail.suggest.situation import Brief, Draft
from runners.mail.understand import new_text

_MATERIAL = 12_000
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


class Letter(BaseModel):
    """A mail's text, ready to be sent: greeting, body, signature; no subject, no placeholders."""

    body: str = Field(min_length=20, max_length=6000)


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
        if context.model is None or prompt is None or (context.budget is not None and context.budget.empty):
            return None
        mail = new_text(context.blobs.get(inputs.draft.brief.blob))[:_MATERIAL]
        try:
            answer, usage = context.model.answer(
                _instructions(prompt, inputs.draft.brief, language, signature), mail, Letter
            )
        except Unavailable as failure:
            spent = {name: failure.data.get(name, 0) for name in ("tokens_prompt", "tokens_completion")}
            if any(spent.values()):
                _paid(context, Usage(**spent))
            return None
        _paid(context, usage)
        body = cleaned(answer.body).strip() + "\n"
        return body if _is_sendable(body, mail) else None


def _paid(context: SkillContext, usage: Usage) -> None:
    context.usage.append(usage)
    if context.budget is not None:
        context.budget.spend(usage)


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


def _is_sendable(body: str, mail: str) -> bool:
    """No gaps to fill, and no link that the mail itself did not have."""
    return not _PLACEHOLDER.search(body) and all(link in mail for link in _LINK.findall(body))
