"""A real HTTP server on loopback that speaks the Anthropic Messages API, well or badly, as a test tells it."""

import json
from typing import Any, ClassVar

from tests.emulators.openai import Answer, Emulator


class AnthropicEmulator(Emulator):
    """See Emulator. Clients of this API add the version to the path themselves."""

    path: ClassVar[str] = "/v1/messages"
    base: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.behave = uses_tool({"body": "hello"})


def uses_tool(given: dict[str, Any], *, stop: str = "tool_use", prompt: int = 120, completion: int = 30) -> Answer:
    """Answers by calling the first tool that the request offers."""

    def answer(asked: dict[str, Any]) -> tuple[int, bytes]:
        call = {"type": "tool_use", "id": "toolu_1", "name": asked["tools"][0]["name"], "input": given}
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": asked["model"],
            "content": [call],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": prompt, "output_tokens": completion},
        }
        return 200, json.dumps(message).encode()

    return answer
