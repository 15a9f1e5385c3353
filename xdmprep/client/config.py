"""Account and address of the platform: from arguments, ``XDMPREP_*`` variables, a file, defaults, in that order.

Files that are understood: the JSON file of the Python client `aepp` (``org_id``, ``client_id``, ``secret``,
``sandbox-name``, ``environment``, ``scopes``), and what the Adobe Developer Console offers for download, as a project
or as a single OAuth server-to-server credential.  Keys are taken in any letter case, with ``-`` or ``_``.
"""

from __future__ import annotations

import numbers
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import wire
from ..core.arguments import PATH, nullable, takes
from ..core.documents import DocumentKind, exists, is_file
from ..errors import UsageError, did_you_mean, option, shorten

_FILE = DocumentKind(UsageError, "The configuration is a JSON file with the credentials.")
ENVIRONMENT = "XDMPREP_"
NO_PROXY = "none"  #: the setting that means a direct connection, whatever the variables say
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

#: every name that a setting may have in a file, and the setting; a variable is XDMPREP_ and the setting in capitals
_NAMES = {
    "url": "url", "host": "url", "ims_url": "ims_url", "ims": "ims_url",
    "org": "org", "org_id": "org", "ims_org_id": "org", "client_id": "client_id", "api_key": "client_id",
    "secret": "client_secret", "client_secret": "client_secret", "client_secrets": "client_secret",
    "token": "token", "access_token": "token", "sandbox": "sandbox", "sandbox_name": "sandbox",
    "x_sandbox_name": "sandbox", "scopes": "scopes", "environment": "environment", "proxy": "proxy",
    "ca_bundle": "ca_bundle", "timeout": "timeout", "retries": "retries", "backoff": "backoff",
    "deadline": "deadline",
}  # fmt: skip
#: keys of the files that say nothing to us
_IGNORED = frozenset({
    "tech_id", "technical_account_id", "technical_account_email", "path_to_key", "pathtokey", "oauthtokenendpoint",
    "imsendpoint", "auth_code", "authcode", "date_limit", "jwttokenendpoint", "connecttype", "name", "id",
})  # fmt: skip


#: Settings that are numbers: kind and least value.  No setting is more than `MOST`, a day and some.
_NUMBERS: dict[str, tuple[Callable[[Any], float | int], float]] = {
    "timeout": (float, 0.001), "backoff": (float, 0), "retries": (int, 1), "deadline": (float, 0.001),
}  # fmt: skip
MOST = 100_000
_TEXTS = ("url", "ims_url", "org", "client_id", "client_secret", "token", "sandbox", "proxy", "ca_bundle")


@dataclass(frozen=True)
class Config:
    """The settings of a connection.

    Attributes:
        url: base address of the platform or of an emulator.
        ims_url: base address of the token service.
        org, client_id, client_secret, scopes: the account; `client_id` is also the API key.
        token: a bearer token that is ready; it is used instead of asking for one.
        sandbox: the sandbox's name.
        proxy: address of a proxy; ``none`` for a direct connection; None takes what the usual variables say, which do
            not mean this machine.
        ca_bundle: file of the certificates to trust; None takes ``REQUESTS_CA_BUNDLE`` or ``CURL_CA_BUNDLE``, else
            those of the package certifi.
        timeout: seconds without a byte of an answer after which a try counts as failed.
        retries: how often a request that may be repeated is tried in all.
        deadline: seconds that a request may take in all, its tries and pauses included; None means 600, and for a file
            a second more for each 100,000 bytes.
        backoff: first pause between tries in seconds; it doubles, up to a minute.
    """

    url: str = wire.PRODUCTION
    ims_url: str = wire.IMS
    org: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    sandbox: str = "prod"
    scopes: str = wire.SCOPES
    proxy: str | None = field(default=None, repr=False)
    ca_bundle: str | None = None
    timeout: float = 120.0
    retries: int = 8
    backoff: float = 0.5
    deadline: float | None = None

    @property
    def local(self) -> bool:
        """Whether the platform is on this machine."""
        return (urlsplit(self.url).hostname or "") in LOOPBACK

    @classmethod
    @takes(path=nullable(PATH))
    def load(cls, path: str | os.PathLike[str] | None = None, **arguments: Any) -> Config:
        """The configuration from all places.

        Args:
            path: a JSON file; None takes the variable ``XDMPREP_CONFIG``, or no file.
            arguments: settings that win over everything; None means not given.

        Raises:
            UsageError: a file cannot be read, a setting is wrong, or credentials are missing.
        """
        path = path or os.environ.get(ENVIRONMENT + "CONFIG") or None
        values = _from_file(Path(path)) if path else {}
        for name in set(_NAMES.values()):
            if text := os.environ.get(ENVIRONMENT + name.upper()):
                values[name] = text
        values.update({name: value for name, value in arguments.items() if value is not None})
        environment = str(values.pop("environment", "prod") or "prod")
        if environment != "prod":
            values.setdefault("url", f"https://platform-{environment}.adobe.io")
            values.setdefault("ims_url", "https://ims-na1-stg1.adobelogin.com")
        return cls._checked(values)

    @classmethod
    def _checked(cls, values: dict[str, Any]) -> Config:
        known = cls.__dataclass_fields__
        for name in values:
            if name not in known:
                raise UsageError(f"There is no setting {name!r}.{did_you_mean(name, known)}")
        for name in _NUMBERS:
            if name in values:
                values[name] = _number(name, values[name])
        if isinstance(values.get("client_secret"), list):  # the Console lists several, the newest last
            values["client_secret"] = values["client_secret"][-1] if values["client_secret"] else ""
        for name in _TEXTS:
            fits = str | os.PathLike if name == "ca_bundle" else str
            if name in values and not isinstance(values[name], fits):
                raise UsageError(f"Setting {name!r} must be a string.")  # what it is instead may be a secret
        values = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        for name in ("org", "client_id", "token", "sandbox"):
            if not values.get(name, "").isascii() or not values.get(name, "").isprintable():
                raise UsageError(
                    f"Setting {name!r} holds characters that no header can carry, such as a line break. Its value is "
                    "not shown here; look for it where it is set."
                )
        if values.get("ca_bundle"):
            _check_certificates(values["ca_bundle"])
            values["ca_bundle"] = os.fspath(values["ca_bundle"])
        if values.get("proxy"):
            values["proxy"] = _proxy(values["proxy"])
        scopes = values.get("scopes")
        if scopes is not None:
            listed = scopes if isinstance(scopes, list) else str(scopes).replace(",", " ").split()
            values["scopes"] = ",".join(str(scope) for scope in listed)
        for name in ("url", "ims_url"):
            if name in values:
                values[name] = _address(name, str(values[name]))
        config = cls(**values)
        if not config.sandbox or config.sandbox != config.sandbox.lower():
            raise UsageError(f"Sandbox {shorten(config.sandbox)}: give its name, which is all in lower case.")
        return config._with_credentials()

    def _with_credentials(self) -> Config:
        if self.client_id and self.org and (self.client_secret or self.token):
            if self.client_secret and not self.token and not self.local and self.ims_url.startswith("http://"):
                raise UsageError(f"{self.ims_url}: a client secret is sent over https only.")
            return self
        host = urlsplit(self.url).hostname or ""
        if host.endswith((".adobe.io", ".adobe.com")) or (self.client_secret and not self.local):
            secret = self.client_secret or self.token
            given = {"org": self.org, "client_id": self.client_id, "client_secret or token": secret}
            missing = ", ".join(name for name, value in given.items() if not value)
            raise UsageError(
                f"{self.url} needs credentials; missing: {missing}. Give them in a configuration "
                "file (`xdmprep ... --config FILE`, `Client.from_config(path)`), or set "
                f"{ENVIRONMENT}ORG, {ENVIRONMENT}CLIENT_ID and {ENVIRONMENT}CLIENT_SECRET. For an emulator give "
                f"{option('url')}."
            )
        token = self.token or ("" if self.client_secret else "local")
        return replace(self, org=self.org or "local@AdobeOrg", client_id=self.client_id or "local", token=token)


def _number(name: str, value: Any) -> float | int:
    """A setting that is a number, within its bounds."""
    kind, low = _NUMBERS[name]
    try:
        if isinstance(value, bool) or not isinstance(value, str | numbers.Real) or len(str(value)) > 100:
            raise ValueError
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"Setting {name!r} must be a number, not {shorten(value)}.") from None
    if not number >= low or number > MOST:  # NaN is neither
        raise UsageError(f"Setting {name!r} is too {'large' if number > MOST else 'small'}: {shorten(number)}.")
    return number


def _check_certificates(path: str | os.PathLike[str]) -> None:
    """The file (or folder) can be read as certificates; else the first connection would say so, less clearly."""
    if not exists(path):
        raise UsageError(f"ca_bundle {path}: no such file.")
    if is_file(path):
        try:
            ssl.create_default_context(cafile=path)
        except OSError as error:
            why = error.strerror if not isinstance(error, ssl.SSLError) and error.strerror else "no certificates in it"
            raise UsageError(f"ca_bundle {path}: {why}. Give a file of certificates in PEM form.") from None


def _proxy(text: str) -> str:
    """The address of a proxy, with its scheme, or `NO_PROXY`."""
    if text.lower() == NO_PROXY:
        return NO_PROXY
    try:
        parts = urlsplit(text if "//" in text else f"http://{text}")
        known = parts.scheme in ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
        valid = known and bool(parts.hostname) and parts.port != 0 and text.isprintable()
        valid = valid and not parts.query and not parts.fragment
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(
            f"proxy {shorten(text.rpartition('@')[2])} is not an address such as http://proxy.example:3128. For a "
            f"direct connection give {NO_PROXY}."
        )
    return parts.geturl()


def _address(name: str, text: str) -> str:
    try:
        parts = urlsplit(text if "//" in text else f"https://{text}")
        if "//" not in text and parts.hostname in LOOPBACK:
            parts = parts._replace(scheme="http")  # an emulator; nothing leaves this machine
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        valid = valid and text.isprintable() and not any(letter.isspace() for letter in text)
    except ValueError:
        valid = False
    if not valid or "@" in text or parts.query or parts.fragment:
        before, query, _ = text.replace("#", "?").partition("?")
        held = " and ".join(["a user or a password"] * ("@" in text) + ["a query"] * bool(query))
        # with both, it is not clear where the password ends
        place = "" if query and "@" in text else f" {shorten(before.rpartition('@')[2])}"
        raise UsageError(
            f"{name}{place} is not an address such as https://platform.adobe.io or http://127.0.0.1:8080."
            + (f" It holds {held}, which is not shown here and not taken." if held else "")
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _from_file(path: Path) -> dict[str, Any]:
    data = _FILE.read_json(path)
    if not isinstance(data, dict):
        raise _FILE.fail(path, "not a JSON object")
    values: dict[str, Any] = {}
    for key, value in _flat(data).items():
        name = key.lower().replace("-", "_")
        if name in _NAMES:
            values.setdefault(_NAMES[name], value)
        elif name not in _IGNORED and not isinstance(data.get("project"), dict):
            raise UsageError(f"{path}: there is no setting {key!r}.{did_you_mean(name, _NAMES)}")
    return {name: value for name, value in values.items() if value not in ("", None)}


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a file, wherever the Developer Console has put them."""
    project = data.get("project")
    if not isinstance(project, dict):
        return dict(data)
    found: dict[str, Any] = {"ims_org_id": _within(project, "org").get("ims_org_id")}
    credentials = _within(_within(project, "workspace"), "details").get("credentials")
    for credential in credentials if isinstance(credentials, list) else ():
        server = credential.get("oauth_server_to_server") if isinstance(credential, dict) else None
        if isinstance(server, dict):
            found.update(server)
            return found
    raise UsageError("The Developer Console project holds no OAuth server-to-server credential.")


def _within(node: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = node.get(name)
    return found if isinstance(found, dict) else {}
