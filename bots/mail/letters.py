"""A screen as a mail: plain text, nothing to load, nothing that counts who reads it."""

from urllib.parse import urljoin

from bots.kit.screen import Bullets, Facts, Heading, Paragraph, Quote, Screen


def written(screen: Screen, public_url: str | None) -> tuple[str, str]:
    """Subject and body. Buttons that open a page of ours are its address in a line of its own; others need a chat and are left out."""
    subject, parts = "Nod", []
    for block in screen.blocks:
        match block:
            case Heading():
                subject = block.text
            case Paragraph():
                parts.append(block.text)
            case Bullets():
                parts.append("\n".join(f"- {item}" for item in block.items))
            case Facts():
                parts.append("\n".join(f"{name}: {value}" for name, value in block.rows))
            case Quote():
                parts.append("\n".join(f"> {line}" for line in block.text.splitlines()))
            case _:
                pass
    for one in (button for row in screen.buttons for button in row):
        if one.url is not None and public_url is not None:
            parts.insert(-1 if len(parts) > 1 else len(parts), f"{one.label}:\n{urljoin(public_url, one.url)}")
    return subject, "\n\n".join(parts) + "\n"
