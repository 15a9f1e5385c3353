"""Where settings come from, and which wins."""

from __future__ import annotations

import json

import pytest

from xdmprep import wire
from xdmprep.client import Client, Config
from xdmprep.errors import UsageError

ACCOUNT = {"org_id": "O@AdobeOrg", "client_id": "ID", "secret": "SECRET-VALUE"}


def written(tmp_path, data):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["sandbox", "sandbox_name", "sandbox-name", "SANDBOX-NAME"])
def test_aepp_file_with_every_spelling_of_sandbox(tmp_path, name):
    config = Config.load(written(tmp_path, {**ACCOUNT, name: "dev", "scopes": "a, b", "tech_id": "x"}))
    assert (config.org, config.client_id, config.client_secret) == ("O@AdobeOrg", "ID", "SECRET-VALUE")
    assert (config.sandbox, config.scopes, config.url) == ("dev", "a,b", wire.PRODUCTION)


def test_aepp_file_of_another_environment(tmp_path):
    config = Config.load(written(tmp_path, {**ACCOUNT, "environment": "stage"}))
    assert config.url == "https://platform-stage.adobe.io"
    assert config.ims_url == "https://ims-na1-stg1.adobelogin.com"


def test_developer_console_credential(tmp_path):
    data = {
        "CLIENT_SECRETS": ["old-secret", "new-secret"], "ORG_ID": "O@AdobeOrg", "CLIENT_ID": "ID",
        "TECHNICAL_ACCOUNT_ID": "t", "TECHNICAL_ACCOUNT_EMAIL": "e", "SCOPES": ["openid", "AdobeID"],
    }  # fmt: skip
    config = Config.load(written(tmp_path, data))
    assert (config.client_secret, config.scopes) == ("new-secret", "openid,AdobeID")


def test_developer_console_project(tmp_path):
    server = {"client_id": "ID", "client_secrets": ["s1"], "scopes": ["openid"], "id": "1"}
    data = {
        "project": {
            "id": "1",
            "org": {"ims_org_id": "O@AdobeOrg"},
            "workspace": {"details": {"credentials": [{"id": "2", "oauth_server_to_server": server}]}},
        }
    }
    config = Config.load(written(tmp_path, data))
    assert (config.org, config.client_id, config.client_secret) == ("O@AdobeOrg", "ID", "s1")
    data["project"]["workspace"]["details"]["credentials"] = []
    with pytest.raises(UsageError, match="no OAuth"):
        Config.load(written(tmp_path, data))


def test_arguments_win_over_variables_over_the_file(tmp_path, monkeypatch):
    path = written(tmp_path, {**ACCOUNT, "sandbox-name": "from-file", "timeout": 7})
    monkeypatch.setenv("XDMPREP_SANDBOX", "from-variable")
    assert Config.load(path).sandbox == "from-variable"
    config = Config.load(path, sandbox="from-argument")
    assert (config.sandbox, config.timeout) == ("from-argument", 7.0)
    monkeypatch.setenv("XDMPREP_CONFIG", str(path))
    assert Config.load().client_id == "ID"


def test_a_url_alone_is_enough_for_an_emulator():
    assert Config.load(url="127.0.0.1:8080").url == "http://127.0.0.1:8080"
    assert Config.load(url="localhost:8080/x").url == "http://localhost:8080/x"
    config = Config.load(url="http://127.0.0.1:8080/")
    assert config.local and config.url == "http://127.0.0.1:8080"
    assert config.org and config.client_id and config.token


def test_the_platform_needs_credentials():
    with pytest.raises(UsageError, match=r"missing: org, client_id, client_secret or token.*a configuration file"):
        Config.load()


def test_a_ready_token_is_enough_with_org_and_key():
    config = Config.load(org="O@AdobeOrg", client_id="ID", token="TOKEN-VALUE")
    assert config.token == "TOKEN-VALUE"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "ftp://x"}, "not an address"), ({"url": "http://"}, "not an address"),
        ({"url": "http://u:p@x"}, "not an address"), ({"url": "http://x:99999"}, "not an address"),
        ({"url": "http://127.0.0.1", "sandbox": "Dev"}, "lower case"),
        ({"url": "http://127.0.0.1", "timeout": "x"}, "must be a number"),
        ({"url": "http://127.0.0.1", "retries": 0}, "too small"),
        ({"url": "http://127.0.0.1", "token": "a\nb"}, "no header can carry"),
        ({"url": "http://127.0.0.1", "org": "ö"}, "no header can carry"),
        ({"url": "http://127.0.0.1", "ca_bundle": "none.pem"}, "no such file"),
        ({"url": "http://127.0.0.1", "sandbx": "x"}, "Did you mean 'sandbox'"),
    ],
)  # fmt: skip
def test_wrong_settings(settings, message):
    with pytest.raises(UsageError, match=message):
        Config.load(**settings)


def test_a_secret_is_sent_over_https_only():
    with pytest.raises(UsageError, match="https"):
        Config.load(url="http://x.example", ims_url="http://y.example", org="o", client_id="i", client_secret="s")


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "No such file"), ("{", "not JSON"), ("[]", "not a JSON object"), ('{"sandbx": 1}', "sandbx")],
)
def test_wrong_files(tmp_path, text, message):
    path = tmp_path / "config.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message):
        Config.load(path)


def test_secrets_are_in_no_representation(tmp_path):
    config = Config.load(written(tmp_path, {**ACCOUNT, "token": "TOKEN-VALUE", "proxy": "http://u:PASS-WORD@p"}))
    client = Client(config=config)
    for text in (repr(config), str(config), repr(client), client.session.mask("x SECRET-VALUE TOKEN-VALUE")):
        assert "SECRET-VALUE" not in text and "TOKEN-VALUE" not in text and "PASS-WORD" not in text


@pytest.mark.parametrize("url", [
    "https://platform.adobe.io/?sig=SECRET", "https://platform.adobe.io/#SECRET", "https://me:SECRET@platform.adobe.io",
    "https://me:SEC?SECRET@platform.adobe.io", "https://me:SECRET#SECRET@h", "http://h/?a=SECRET@SECRET",
])  # fmt: skip
def test_secrets_in_an_address_are_not_shown(url: str) -> None:
    with pytest.raises(UsageError, match=r"url.* is not an address .* not shown here and not taken") as caught:
        Config.load(url=url)
    assert "SEC" not in str(caught.value)
