"""Joins the soft line breaks of `text/plain; format=flowed` (RFC 3676)."""


def unflowed(text: str, joined: bool = False) -> str:
    """`text` with flowed lines joined into paragraphs. `joined` is the parameter DelSp: the space at the break goes too."""
    lines: list[str] = []
    depth_before, open_line = -1, False
    for raw in text.split("\n"):
        content = raw.lstrip(">")
        depth = len(raw) - len(content)
        content = content.removeprefix(" ")
        is_signature = content == "-- "
        if open_line and depth == depth_before and not is_signature:
            lines[-1] += content
        else:
            lines.append(">" * depth + (" " if depth else "") + content)
        open_line = content.endswith(" ") and not is_signature
        if open_line and joined:
            lines[-1] = lines[-1][:-1]
        depth_before = depth
    return "\n".join(each if each.endswith("-- ") else each.rstrip(" ") for each in lines)
