"""What is kept of a token that signs somebody in: its fingerprint, from which the token cannot be found."""

from hashlib import sha256


def fingerprint(token: str) -> str:
    """SHA-256 in hex. Tokens are long and random, so no slow hash is needed."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
