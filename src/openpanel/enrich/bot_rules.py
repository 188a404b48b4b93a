"""Additions to and exceptions from crawler-user-agents' list. Data only; used by `bots`."""

from typing import Final

TYPES: Final = {
    "ai-crawler": "AI crawler",
    "search-engine": "Search bot",
    "seo": "Crawler",
    "monitoring": "Site monitor",
    "scanner": "Security checker",
    "advertising": "Advertising bot",
    "social-preview": "Social media agent",
    "feed-reader": "Feed fetcher",
    "archiver": "Archiver",
    "academic": "Research crawler",
    "browser-automation": "Browser automation",
    "http-library": "Crawler",
}

# Looked at first: (pattern, name, type).
NAMED: Final = (
    (r"Headless ?Chrome|HeadlessEdg", "HeadlessChrome", "Browser automation"),
    (r"HeadlessFirefox", "HeadlessFirefox", "Browser automation"),
    (r"PhantomJS", "PhantomJS", "Browser automation"),
    (r"SlimerJS", "SlimerJS", "Browser automation"),
    (r"CasperJS", "CasperJS", "Browser automation"),
    (r"Puppeteer", "Puppeteer", "Browser automation"),
    (r"[Pp]laywright", "Playwright", "Browser automation"),
    (r"[Ss]elenium", "Selenium", "Browser automation"),
    (r"Cypress/", "Cypress", "Browser automation"),
    (r"jsdom/", "jsdom", "Browser automation"),
    (r"HtmlUnit", "HtmlUnit", "Browser automation"),
    (r"Electronbot", "Electronbot", "Crawler"),
    (r"Googlebot(?:-\w+)?", "Googlebot", "Search bot"),
    (r"Yandex\w*Bot|yandex\.com/bots", "YandexBot", "Search bot"),
    (r"Baiduspider", "Baiduspider", "Search bot"),
    (r"Yeti/\d", "Yeti", "Search bot"),
    (r"Daumoa", "Daumoa", "Search bot"),
    (r"(?i)semrushbot", "SemrushBot", "Crawler"),
    (r"GPTBot", "GPTBot", "AI crawler"),
    (r"ChatGPT-User", "ChatGPT-User", "AI crawler"),
    (r"OAI-SearchBot", "OAI-SearchBot", "AI crawler"),
    (r"(?i)claude(?:bot|-web|-user|-searchbot)", "ClaudeBot", "AI crawler"),
    (r"anthropic-ai", "anthropic-ai", "AI crawler"),
    (r"(?i)perplexity(?:bot|-user)", "PerplexityBot", "AI crawler"),
    (r"Google-Extended|GoogleOther", "GoogleOther", "AI crawler"),
    (r"(?i)meta-external(?:agent|fetcher)", "Meta-ExternalAgent", "AI crawler"),
    (r"(?i)mistralai-user", "MistralAI-User", "AI crawler"),
    (r"(?i)bytespider", "Bytespider", "AI crawler"),
    (r"^WhatsApp/", "WhatsApp", "Social media agent"),
    (r"^Viber/", "Viber", "Social media agent"),
)

# Looked at last, for what declares itself without being on any list.
GENERIC: Final = (
    (r"(?i)compatible; ?[^;)]*(?:bot|crawler|spider)\b", "Unlisted bot", "Crawler"),
    (r"(?i)\b(?:web)?(?:crawler|spider)(?:/|\b)", "Unlisted crawler", "Crawler"),
    (r"[a-z](?:Bot|Crawler|Spider)/\d", "Unlisted bot", "Crawler"),
    (r"\bbot(?:/|\b)", "Unlisted bot", "Crawler"),
    (r"\(\+https?://|; ?\+https?://", "Unlisted bot", "Crawler"),
)

# HTTP libraries whose users crawl; all others are what customers' servers speak with.
CRAWLING_LIBRARIES: Final = frozenset(
    {
        "HTTrack", "Scrapy", "crawler4j", "phpcrawl", "SimpleCrawler", "colly", "larbin", "httpunit",
        "trafilatura", "newspaper\\/", "GoParserBot", "rawweb-bot", "Download Ninja", "python-opengraph",
        "Amazon CloudFront",
    }
)  # fmt: skip

# Patterns of the list that also stand inside the agents of browsers and of apps with a browser in them:
# they count only as the first word of an agent.
ONLY_FIRST_WORD: Final = frozenset(
    {
        "WhatsApp", "Viber", "Instapaper\\/", "PayPal\\/", "Notion\\/", "Asana\\/", "Webflow", "Grammarly\\/",
        "Hello World", "HubSpot", "Magellan", "Adventurer", "Butterfly", "Charlotte", "Sonic", "speedy", "fluffy",
        "Yeti", "Sogou", "Daum\\/", "Mastodon", "Hatena", "Stripe\\/", "Zapier", "Trove", "GoPay", "Make\\/",
        "RED\\/", "Operator\\/", "Tweakers", "NewsNow\\/", "Genieo", "coccoc", "008\\/", "Blackboard",
    }
)  # fmt: skip

# Patterns of the list that match nothing but what people use.
NOT_BOTS: Final = frozenset(
    {"Tumblr\\/", "PocketCasts\\/", "Overcast\\/", "^Silk\\/", "upday\\/", "Netvibes", "Hotjar"}
)
