"""Which things were read already, small enough for a cursor: eight bytes a thing."""

from base64 import b64decode, b64encode
from hashlib import blake2b

_WIDTH = 8


class Known:
    """A set of names that fits into JSON. Names are kept as 64-bit hashes: among a million of them, a new one is taken
    for known once in 10^13."""

    def __init__(self, packed: str = "") -> None:
        data = b64decode(packed)
        self._hashes = {data[i : i + _WIDTH] for i in range(0, len(data), _WIDTH)}

    def __contains__(self, name: str) -> bool:
        return _hash(name) in self._hashes

    def add(self, name: str) -> None:
        """From now on it is known."""
        self._hashes.add(_hash(name))

    def only(self, names: set[str]) -> "Known":
        """The same without those that are not among `names`: what is gone need not be remembered."""
        kept = Known()
        kept._hashes = self._hashes & {_hash(name) for name in names}
        return kept

    def packed(self) -> str:
        """For the cursor; the same set gives the same text."""
        return b64encode(b"".join(sorted(self._hashes))).decode()


def _hash(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogateescape"), digest_size=_WIDTH).digest()
