"""Soft bot signals as properties: all there can be, made once.

Pure. The signals themselves are bits that the API sets per request; `enrich.suspicion` weighs them.
"""

from typing import Final

from openpanel.enrich.bots import suspicion
from openpanel.stream.frames import Flag
from openpanel_worker.fragments import Fragments

SIGNALS: Final = int(Flag.SIGNAL_SEC_CH_UA | Flag.SIGNAL_SEC_FETCH | Flag.SIGNAL_ACCEPT_LANGUAGE)

Properties = tuple[tuple[str, ...], tuple[bytes, ...]]

NONE: Final[Properties] = ((), ())


def signal_properties(fragments: Fragments) -> dict[tuple[int, bool, bool], Properties]:
    """The properties by (signal bits, Chromium's agent, address of a datacenter)."""
    return {
        (bits, chromium, datacenter): _properties(bits, chromium, datacenter, fragments)
        for bits in range(SIGNALS + 1)
        if bits & SIGNALS == bits
        for chromium in (False, True)
        for datacenter in (False, True)
    }


def _properties(bits: int, chromium: bool, datacenter: bool, fragments: Fragments) -> Properties:
    found = suspicion(
        chromium=chromium,
        no_client_hints=bool(bits & Flag.SIGNAL_SEC_CH_UA),
        no_fetch_metadata=bool(bits & Flag.SIGNAL_SEC_FETCH),
        no_language=bool(bits & Flag.SIGNAL_ACCEPT_LANGUAGE),
        datacenter=datacenter,
    )
    if found is None:
        return NONE
    if found.certain:
        return ("__bot", "__bot_reasons"), (fragments["1"], fragments[found.reasons])
    return ("__bot_reasons",), (fragments[found.reasons],)
