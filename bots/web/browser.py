"""What a browser calls itself, in few words: enough to tell one's own apart, too little to follow anybody by."""

# In this order: Edge and Opera name Chrome as well, and all of them name Safari.
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser/", "Samsung Internet"), ("Firefox/", "Firefox"), ("FxiOS/", "Firefox"), ("CriOS/", "Chrome"), ("Chromium/", "Chromium"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))  # fmt: skip
SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"))  # fmt: skip


def browser_of(user_agent: str) -> str:
    """`Firefox · Linux`; empty where it says neither."""
    found = (next((name for mark, name in marks if mark in user_agent[:1000]), "") for marks in (BROWSERS, SYSTEMS))
    return " · ".join(filter(None, found))
