"""Networks that rent out machines: visitors hardly come from there. Own table, data only; used by `geo`."""

import re
from typing import Final

HOSTING_NETWORKS: Final = frozenset(
    {
        16509, 14618, 8987,  # Amazon
        396982, 19527, 139070,  # Google Cloud
        8075, 8068, 8069,  # Microsoft Azure
        31898, 7160,  # Oracle Cloud
        45102, 37963, 45103,  # Alibaba Cloud
        132203, 45090,  # Tencent Cloud
        136907, 55990,  # Huawei Cloud
        14061, 62567, 200130, 202018, 393406,  # DigitalOcean
        63949, 20940,  # Akamai Connected Cloud (Linode)
        20473, 64515,  # Vultr
        24940, 213230, 212317,  # Hetzner
        16276,  # OVH
        12876, 29447,  # Scaleway
        51167, 40021, 141995,  # Contabo
        60781, 28753, 30633, 59253, 395954, 205544,  # Leaseweb
        36351, 36420,  # IBM Cloud
        9009,  # M247
        62240, 212238,  # Clouvider, Datacamp
        46606, 8560, 54548, 26496, 20773,  # Unified Layer, IONOS, GoDaddy, Host Europe
        53667, 36352, 40676, 55286, 46562, 29802, 32097, 35916, 63023, 8100,  # VPS providers of North America
        49981, 47583, 197540, 44477, 210558, 50304, 58212, 41378, 201814,  # … of Europe
        49505, 197695, 48282, 29182, 9123,  # … of Russia and its neighbours
        38001, 45753, 133752, 55720, 135377, 139341,  # … of Asia
    }
)  # fmt: skip

HOSTING_WORDS: Final = re.compile(
    r"\b(?:hosting|datacent(?:er|re)|data cent(?:er|re)|colo(?:cation)?|vps|dedicated servers?|cloud computing)\b",
    re.IGNORECASE,
)
