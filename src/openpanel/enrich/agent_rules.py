"""What a user agent's text says about the kind of device: patterns, names and nothing that runs.

Used by `user_agent` alone. Patterns are anchored to words, because device names hide inside one another
(a CUBOT is a phone, a "Windows NT; Tablet PC 2.0" is a desktop).
"""

import re
from typing import Final

CONSOLE: Final = re.compile(r"\b(?:PlayStation|Xbox|Nintendo|PSP|XBOX)\b")
WEARABLE: Final = re.compile(
    r"\b(?:Watch ?OS|Apple ?Watch|Wear ?OS|SM-R[78]\d\d|Watch\d+,\d+)\b", re.IGNORECASE
)
XR: Final = re.compile(
    r"\b(?:OculusBrowser|Quest(?: \w+)?;|VisionOS|xrOS|Pico Neo|HoloLens)\b|\bApple ?Vision\b", re.IGNORECASE
)
EMBEDDED: Final = re.compile(r"\b(?:QtCarBrowser|Tesla/|AndroidAuto|Automotive)\b", re.IGNORECASE)
TELEVISION: Final = re.compile(
    r"smart-?\s?tv|googletv|\bgoogle tv\b|android ?tv|apple ?tv|tvos|hbbtv|\bweb0s\b|webos\.tv|netcast|bravia"
    r"|\baft[a-z]{1,4}\b|\broku|crkey|tizen[^)]*\btv\b|\btv safari\b|viera|philipstv|shield android|\bmibox|\bdtv\b",
    re.IGNORECASE,
)
TABLET: Final = re.compile(
    r"\biPad|\bTablet\b(?! PC)|\bPlayBook\b|\bKindle\b|\bKF[A-Z]{2,5}\b|\bNexus (?:7|9|10)\b|\bPixel (?:C|Tablet)\b"
    r"|\bSM-[TXP]\d{3}|\bGT-[PN]\d{4}|\bLenovo (?:TB|YT)|\bTB-?\w?\d{3,4}|\b(?:MediaPad|MatePad|Xoom)\b"
    r"|\b(?:Xiaomi|Redmi|Mi|realme|OPPO|vivo|OnePlus|HONOR) Pad\b|\bMi ?Pad\b|\bSCH-I800\b"
)
PHONE: Final = re.compile(
    r"\b(?:iPhone|iPod|Windows Phone|BlackBerry|BB10|KAIOS|Mobile|Mobi|Opera Mini|IEMobile|webOS/\d|Symbian|Series\d0)"
)
FROZEN_ANDROID: Final = re.compile(r"\bAndroid 10; K\)")

ANDROID_MODEL: Final = re.compile(
    r"\bAndroid [\d.]+; (?!K[;)]|wv\b|Mobile|Tablet|rv:|U;|[a-z]{2}[-_;)])([^;)]{2,40}?)(?: Build/[^;)]*)?[;)]"
)

# One token such as `curl/8.4.0` or `node`: a program, not a browser.
SINGLE_TOKEN: Final = re.compile(r"[\w.+-]+(?:/[\w.+-]*)?")
LIBRARY: Final = re.compile(
    r"(?:curl|wget|python|java|go-http-client|okhttp|apache-httpclient|axios|node|undici|got|guzzle\w*|php|ruby|faraday"
    r"|symfony|postmanruntime|insomnia|libwww-perl|aiohttp|httpx|dart|deno|bun|reqwest|rust|elixir|hackney|k6|dotnet"
    r"|restsharp|typhoeus|openpanel-(?:python|ruby|php|go|java|rust|node|laravel|elixir))\b",
    re.IGNORECASE,
)

# `MyApp/1.0 (iOS 17.2; Model=iPhone15,2; Manufacturer=Apple)`: what mobile SDKs send.
APP_FIELD: Final = re.compile(r"\b(OS|Version|Model|Manufacturer|Brand)=([^;)]{1,64})", re.IGNORECASE)
APP_SYSTEM: Final = re.compile(
    r"\b(iOS|iPadOS|Android|macOS|tvOS|watchOS|visionOS|Windows|Linux)\b[ /]?([\d._]+)?", re.IGNORECASE
)
SYSTEM_NAMES: Final = {
    name.lower(): name
    for name in ("iOS", "Android", "macOS", "tvOS", "watchOS", "visionOS", "Windows", "Linux")
} | {"ipados": "iOS"}

# Safari 26 and later keep telling iOS 18_6; the version of Safari is the version of the system.
FROZEN_IOS: Final = re.compile(r"\bOS 18_[67][^)]*\).*\bVersion/(2[6-9]|[3-9]\d)((?:\.\d+)*)")
IPAD_VERSION: Final = re.compile(r"\biPadOS (\d{1,3}(?:[_.]\d{1,3}){0,3})")
XBOX: Final = re.compile(r"\bXbox (One|Series [XS])?")

OS_NAMES: Final = {
    "Mac OS X": "macOS",
    "Mac OS": "macOS",
    "ATV OS X": "tvOS",
    "Chromecast Linux": "Linux",
    "Chromecast Android": "Android",
    "WatchOS": "watchOS",
    "Web0S": "webOS",
    "iPadOS": "iOS",
    "Windows Mobile": "Windows Phone",
}
BROWSER_NAMES: Final = {
    "Apple Mail": "WebKit",
    "Chrome Mobile": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "Chrome Mobile WebView": "Chrome WebView",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Google": "Google Search App",
    "Mobile Safari UI/WKWebView": "WebKit",
    "Opera Mobile": "Opera",
    "Yandex Browser": "Yandex",
}
NO_BRAND: Final = frozenset(
    {"", "Generic", "Generic_Android", "Generic_Android_Tablet", "Generic_Inettv", "Spider", "Other"}
)
NO_MODEL: Final = frozenset({"", "K", "Spider", "Desktop", "Smartphone", "Feature Phone", "Other", "Android"})

# Brands that a model's name gives away, for agents that name no brand.
BRANDS: Final = tuple(
    (brand, re.compile(pattern))
    for brand, pattern in (
        ("Samsung", r"(?:SM|GT|SCH|SGH|SPH)-"),
        ("Google", r"Pixel|Nexus"),
        ("Xiaomi", r"Redmi|Mi |MI |POCO|M2\d{3}|2[0-6]\d{5,6}"),
        ("Huawei", r"HUAWEI|Huawei"),
        ("Honor", r"HONOR"),
        ("OnePlus", r"ONEPLUS|OnePlus"),
        ("OPPO", r"OPPO|CPH\d{4}"),
        ("realme", r"RMX\d{4}|realme"),
        ("vivo", r"vivo|V2\d{3}"),
        ("Motorola", r"moto|Moto|motorola|XT\d{4}"),
        ("Lenovo", r"Lenovo|TB-|TB\d{3}"),
        ("LG", r"LM-|LG-"),
        ("Sony", r"BRAVIA|Xperia|XQ-"),
        ("Amazon", r"KF[A-Z]{2,5}|AFT"),
        ("Nokia", r"Nokia"),
        ("Apple", r"iPhone|iPad|iPod|Watch\d|Mac"),
    )
)
BRAND_NAMES: Final = {"XiaoMi": "Xiaomi", "Oppo": "OPPO", "Vivo": "vivo", "Realme": "realme"}
