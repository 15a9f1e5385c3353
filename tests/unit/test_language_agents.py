"""User agents: what ua-parser really gives, and what it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest
import ua_parser

from xdmprep.language import evaluate

DOCS = (Path(__file__).parents[2] / "xdmprep" / "docs" / "language.md").read_text(encoding="utf-8")
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.5993.80"
_IOS = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

#: Subject as in the table of the documentation, user agent, agent of ua-parser, agent here, its version, device class.
AGENTS = [
    ("Safari on iOS", f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) {_IOS} Version/17.1 Mobile/15E148 "
     "Safari/604.1", "Mobile Safari", "Safari", "17.1", "Phone"),
    ("a web view on iOS", f"Mozilla/5.0 (iPad; CPU OS 15_5 like Mac OS X) {_IOS} Mobile/15E148",
     "Mobile Safari UI/WKWebView", "Safari", "??", "Tablet"),
    ("Chrome on Android", f"Mozilla/5.0 (Linux; Android 13; SM-S901B) {_CHROME} Mobile Safari/537.36",
     "Chrome Mobile", "Chrome", "118.0.5993.80", "Phone"),
    ("Chrome on iOS", f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) {_IOS} CriOS/119.0.6045.109 "
     "Mobile/15E148 Safari/604.1", "Chrome Mobile iOS", "Chrome", "119.0.6045.109", "Phone"),
    ("a web view on Android", "Mozilla/5.0 (Linux; Android 10; SM-A205U; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36",
     "Chrome Mobile WebView", "Chrome Webview", "100.0.4896.127", "Phone"),
    ("Firefox on Android", "Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0",
     "Firefox Mobile", "Firefox", "120.0", "Phone"),
    ("Firefox on iOS", f"Mozilla/5.0 (iPhone; CPU iPhone OS 13_3 like Mac OS X) {_IOS} FxiOS/23.0 Mobile/15E148 "
     "Safari/605.1.15", "Firefox iOS", "Firefox", "23.0", "Phone"),
    ("Edge on Android", f"Mozilla/5.0 (Linux; Android 10; HD1913) {_CHROME} Mobile Safari/537.36 EdgA/118.0.2088.66",
     "Edge Mobile", "Edge", "118.0.2088.66", "Phone"),
    ("Opera on Android", f"Mozilla/5.0 (Linux; Android 10; VOG-L29) {_CHROME} Mobile Safari/537.36 OPR/76.2.4027.73374",
     "Opera Mobile", "Opera", "76.2.4027", "Phone"),
    ("Samsung's browser", "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
     "SamsungBrowser/21.0 Chrome/110.0.5481.154 Mobile Safari/537.36",
     "Samsung Internet", "SamsungBrowser", "21.0", "Phone"),
    ("Internet Explorer", "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0) like Gecko",
     "IE", "Internet Explorer", "11.0", "Desktop"),
    ("Internet Explorer on phones", "Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0; Trident/6.0; "
     "IEMobile/10.0; ARM; Touch; NOKIA; Lumia 920)", "IE Mobile", "Internet Explorer", "10.0", "Phone"),
    ("Android's own browser", "Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; GT-I9100 Build/IML74K) AppleWebKit/534.30 "
     "(KHTML, like Gecko) Version/4.0 Mobile Safari/534.30", "Android", "Stock Browser", "4.0.3", "Phone"),
]  # fmt: skip

#: User agent, system of ua-parser with its version, name, version, both, with the major version only.
SYSTEMS = [
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
     "Windows 10", "Windows NT", "10.0", "Windows 10.0", "Windows 10"),
    ("Mozilla/5.0 (Windows NT 6.1; WOW64; rv:54.0) Gecko/20100101 Firefox/54.0",
     "Windows 7", "Windows NT", "7", "Windows 7", "Windows 7"),
    ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)",
     "Windows XP", "Windows NT", "XP", "Windows XP", "Windows XP"),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_IOS} Version/17.1 Safari/605.1.15",
     "Mac OS X 10.15.7", "Mac OS", "10.15.7", "Mac OS 10.15.7", "Mac OS 10"),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
     "Ubuntu", "Ubuntu", "??", "Ubuntu ??", "Ubuntu ??"),
    ("curl/7.88.1", "none", "Unknown", "??", "Unknown ??", "Unknown ??"),
]  # fmt: skip


def ask(name: str, agent: str | None) -> str | None:
    return evaluate(f"{name}(v)", {"v": agent}, strict=True)


@pytest.mark.parametrize(
    ("subject", "agent", "theirs", "name", "version", "device"), AGENTS, ids=[a[0] for a in AGENTS]
)
def test_browsers(subject: str, agent: str, theirs: str, name: str, version: str, device: str) -> None:
    found = ua_parser.parse(agent).user_agent
    assert found is not None and found.family == theirs
    assert f"| {subject} | {theirs} | {name} |" in DOCS
    assert ask("ua_agent_name", agent) == name
    assert ask("ua_agent_version", agent) == version
    assert ask("ua_agent_version_major", agent) == f"{name} {version.split('.')[0]}"
    assert ask("ua_device_class", agent) == device


@pytest.mark.parametrize(("agent", "theirs", "name", "version", "both", "major"), SYSTEMS, ids=[s[1] for s in SYSTEMS])
def test_systems(agent: str, theirs: str, name: str, version: str, both: str, major: str) -> None:
    found = ua_parser.parse(agent).os
    if found is None:
        assert theirs == "none"
    else:
        parts = [part for part in (found.major, found.minor, found.patch) if part is not None]
        assert f"{found.family} {'.'.join(parts)}".strip() == theirs
    assert ask("ua_os_name", agent) == name
    assert ask("ua_os_version", agent) == version
    assert ask("ua_os_name_version", agent) == both
    assert ask("ua_os_version_major", agent) == major


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Robot"),
        ("Mozilla/5.0 (PlayStation 4 8.50) AppleWebKit/605.1.15 (KHTML, like Gecko)", "Game Console"),
        ("Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/601.6 (KHTML, like Gecko)",
         "Handheld Game Console"),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 5.0) AppleWebKit/538.1 (KHTML, like Gecko) Safari/538.1", "TV"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36", "Desktop"),
        ("", "Unknown"),
    ],
)  # fmt: skip
def test_devices(agent: str, device: str) -> None:
    assert ask("ua_device_class", agent) == device
