"""What the visitors hold in their hands: user agents as current browsers send them."""

from dataclasses import dataclass
from random import Random
from typing import Final

from openpanel_local.demo.chance import pick

_WINDOWS: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
_MAC: Final = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"
_MAC_SAFARI: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
)
_LINUX: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
_ANDROID: Final = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
_IPHONE: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS {} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
)
_IPAD: Final = "Mozilla/5.0 (iPad; CPU OS {} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


@dataclass(frozen=True, slots=True)
class Machine:
    """A browser on a device; `mobile` visitors are hastier. `only` names the one country that has it."""

    user_agent: str
    weight: float
    mobile: bool = False
    only: str = ""


MACHINES: Final = (
    Machine(f"{_WINDOWS} Chrome/140.0.0.0 Safari/537.36", 17),
    Machine(f"{_WINDOWS} Chrome/139.0.0.0 Safari/537.36", 5),
    Machine(f"{_WINDOWS} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", 7),
    Machine(f"{_WINDOWS} Chrome/138.0.0.0 Safari/537.36 OPR/122.0.0.0", 1.5),
    Machine("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0", 3),
    Machine("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:143.0) Gecko/20100101 Firefox/143.0", 1.2),
    Machine("Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0", 1.3),
    Machine(f"{_MAC} Chrome/140.0.0.0 Safari/537.36", 8),
    Machine(f"{_MAC_SAFARI} Version/18.6 Safari/605.1.15", 6),
    Machine(f"{_MAC_SAFARI} Version/17.6 Safari/605.1.15", 1.5),
    Machine(f"{_LINUX} Chrome/140.0.0.0 Safari/537.36", 1.5),
    Machine(f"{_IPHONE.format('18_6')} Version/18.6 Mobile/15E148 Safari/604.1", 15, mobile=True),
    Machine(f"{_IPHONE.format('17_7')} Version/17.7 Mobile/15E148 Safari/604.1", 3, mobile=True),
    Machine(f"{_IPHONE.format('18_6')} CriOS/140.0.7339.101 Mobile/15E148 Safari/604.1", 2.5, mobile=True),
    Machine(f"{_ANDROID} Chrome/140.0.0.0 Mobile Safari/537.36", 14, mobile=True),
    Machine(f"{_ANDROID} Chrome/139.0.0.0 Mobile Safari/537.36", 3, mobile=True),
    Machine(f"{_ANDROID} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36", 3, mobile=True),
    Machine("Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0", 0.8, mobile=True),
    Machine(
        "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko)"
        " SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36",
        1,
    ),
    Machine(f"{_IPAD.format('18_6')} Version/18.6 Mobile/15E148 Safari/604.1", 2),
    Machine(
        "Mozilla/5.0 (Linux; Android 15; SM-S931N Build/AP3A.240905.015.A2; wv) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Version/4.0 Chrome/139.0.7258.158 Mobile Safari/537.36 NAVER(inapp; search; 2000; 12.14.6)",
        25, mobile=True, only="KR",
    ),
)  # fmt: skip


def machine(chance: Random, *, country: str) -> Machine:
    """What somebody from that country uses."""
    return pick([each for each in MACHINES if each.only in {"", country}], chance)
