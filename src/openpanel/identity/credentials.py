"""Secrets of clients: how they look, how they are kept, how they are checked, and how checks are remembered.

A secret is shown once and kept as an argon2id hash. Checking one costs milliseconds on purpose, so the ingest
service checks each one once and remembers the outcome in `Verdicts`. Knows no store.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SECRET_PREFIX: Final = "sec_"  # noqa: S105 (the form of secrets, not one of them)
SECRET_BYTES: Final = 20  # 160 bits: guessing is hopeless, so the hash may be cheap
SECRET_MAX: Final = 256  # characters; a longer one is wrong without being looked at

# OWASP's smallest argon2id profile: 19 MiB, two passes, one lane. More would only help attackers who send wrong
# secrets to keep this process busy.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def new_secret(fresh: Callable[[int], bytes]) -> str:
    """A secret made of `fresh(n)` random bytes."""
    return SECRET_PREFIX + fresh(SECRET_BYTES).hex()


def hash_secret(secret: str) -> str:
    """What is kept of a secret: an argon2id hash that carries its own salt and parameters."""
    return _HASHER.hash(secret)


def verify_secret(secret: str, *, hashes: Sequence[str]) -> bool:
    """Is this one of the secrets behind `hashes`? There are two during a rotation."""
    if not secret or len(secret) > SECRET_MAX:
        return False
    return any(_matches(secret, hashed) for hashed in hashes)


class Verdicts:
    """Outcomes of earlier checks, bounded, the least recently used one forgotten first.

    The key covers the hashes, so a rotated or removed secret never finds an old verdict, and holds no secret.
    Good and bad ones have room of their own: guesses cannot push a known client out.
    """

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._known: dict[bool, OrderedDict[bytes, None]] = {True: OrderedDict(), False: OrderedDict()}

    def recall(self, key: bytes) -> bool | None:
        """The verdict on this key; None when it has to be checked."""
        for verdict, keys in self._known.items():
            if key in keys:
                keys.move_to_end(key)
                return verdict
        return None

    def remember(self, key: bytes, *, verdict: bool) -> None:
        keys = self._known[verdict]
        keys[key] = None
        if len(keys) > self._capacity:
            keys.popitem(last=False)


def verdict_key(client: str, *, secret: str, hashes: Sequence[str]) -> bytes:
    """What a verdict on this secret of this client is remembered under."""
    text = "\0".join((client, *hashes, secret))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _matches(secret: str, hashed: str) -> bool:
    try:
        return _HASHER.verify(hashed, secret)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
