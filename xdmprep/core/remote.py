"""Files elsewhere, named by a URL: S3, Google Cloud Storage, Azure, HTTP, and what fsspec knows.

pyarrow.fs is the first choice, fsspec the second.  Credentials are found by each service's own conventions (the
environment, profiles, ``~/.netrc``).  A file is read once, from begin to end; readers get a local copy.  Messages never
hold the user, the password or the query of a URL.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ..errors import install_command, printable

#: Seconds that a server may take to accept a connection, and to send anything at all.
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
#: Fewer bytes a second than this, over :data:`ANSWER_SECONDS`, count as no answer.
LEAST_SPEED = 1024
#: No limit of a file's size, in bytes.
UNBOUNDED = 1 << 62
#: Set to anything, it keeps every URL from being opened.
OFFLINE = "XDMPREP_OFFLINE"

#: The path that stands for standard input.
STANDARD_INPUT = "-"

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_PIECE = 4 << 20
_S3 = ("s3", "s3a")  # the second is Hadoop's name for the same
_ARROW = (*_S3, "gs", "gcs", "abfs", "abfss")
_WEB = ("http", "https")


class RemoteError(Exception):
    """Why a URL cannot be read, as the rest of a sentence."""


def is_url(path: Any) -> bool:
    """Whether a path names a file elsewhere; ``file://`` counts too."""
    return isinstance(path, str) and _URL.match(path) is not None


def url_of_output(path: Any) -> str | None:
    """The URL that a path to be written was meant to be, also after :class:`pathlib.Path` took one of its slashes."""
    found = re.match(r"(s3|s3a|gs|gcs|abfss?|https?|hdfs|dbfs|memory):/+(?=[^/])", os.fspath(path))
    return None if found is None else f"{found[1]}://{os.fspath(path)[found.end() :]}"


def scheme_of(url: str) -> str:
    """The scheme of a URL in lower case; empty for a path."""
    found = _URL.match(url)
    return found[1].lower() if found else ""


def as_local(path: Any) -> Any:
    """The local path that a ``file://`` URL names; anything else as it is."""
    if not is_url(path) or scheme_of(path) != "file":
        return path
    from urllib.request import url2pathname  # brings an HTTP client

    parts = urlsplit(path, allow_fragments=False)
    return url2pathname(parts.path) if parts.netloc in ("", "localhost") else path


def is_remote(path: Any) -> bool:
    """Whether a path names a file that is not on this machine's file system."""
    return is_url(path) and not (scheme_of(path) == "file" and as_local(path) != path)


def is_elsewhere(path: Any) -> bool:
    """Whether a source is standard input or is not on this machine's file system: it can be read only once."""
    return isinstance(path, str) and (path == STANDARD_INPUT or is_remote(path))


def shown(path: str | os.PathLike[str]) -> str:
    """A path for messages; of a URL without user, password and query."""
    text = str(os.fspath(path))
    if not is_url(text):
        return text
    head, _, rest = text.partition("://")
    host, slash, below = _before_query(rest).partition("/")
    user, at, host = host.rpartition("@")
    if at and scheme_of(text) in ("abfs", "abfss"):  # the user is the container
        host = f"{user.partition(':')[0]}@{host}"
    return f"{head}://{host}{slash}{below}"


def name_of(url: str) -> str:
    """The last part of the path of a URL."""
    return unquote(shown(url).rstrip("/").rpartition("/")[2]) or "data"


def _before_query(text: str) -> str:
    return text.partition("?")[0]


def _safe(url: str, error: Any) -> str:
    """The text of an error without what must not be shown of the URL."""
    text = str(error)
    parts = urlsplit(url, allow_fragments=False)
    userinfo = parts.netloc.rpartition("@")[0]
    known = [os.environ.get(name) or "" for name in _AZURE]
    secrets = [url, parts.query, userinfo, *userinfo.split(":"), *(value for _, value in parse_qsl(parts.query))]
    secrets += [*known, *(part for one in known for part in re.split("[;?&]", one))]
    written = {form for part in secrets for form in (part, unquote(part), quote(part, safe=""))}
    for secret in sorted(written, key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, "***")
    return printable(re.sub(r"://[^/\s@]*@", "://***@", text), 200).rstrip(". ")


def _because(url: str, error: BaseException, verb: str = "read") -> RemoteError:
    """The reason of an error of a file system; what was tried is a participle."""
    text = str(error)
    if isinstance(error, FileNotFoundError) or re.search(r"NO_SUCH_(KEY|BUCKET)|NoSuch(Key|Bucket)|\b404\b", text):
        return RemoteError("does not exist")
    if isinstance(error, PermissionError) or re.search(
        r"ACCESS_DENIED|AccessDenied|INVALID_ACCESS_KEY|InvalidAccessKey|SIGNATURE|Signature|Unauthorized|Forbidden"
        r"|\b40[13]\b|credential",
        text,
    ):
        return RemoteError("access is refused. Check the credentials")
    if isinstance(error, IsADirectoryError):
        return RemoteError("is a folder. End the URL with / to read the files in it")
    if isinstance(error, TimeoutError) or re.search(
        r"NETWORK_CONNECTION|[Tt]imed? ?out|curlCode|[Cc]ould ?n.t (resolve|connect)|REQUEST_TIMEOUT", text
    ):
        return RemoteError("the server cannot be reached, or does not answer in time. Check the URL and the network")
    return RemoteError(f"cannot be {verb} ({_safe(url, error) or type(error).__name__})")


def file_system(url: str) -> tuple[Any, str]:
    """A file system and the path in it; pyarrow's where it has one, else fsspec's behind pyarrow's interface."""
    scheme = scheme_of(url)
    if scheme in (*_S3, "gs", "gcs") and not urlsplit(url).netloc:
        raise RemoteError("names no bucket")
    if scheme in _ARROW:
        from pyarrow import fs

        try:
            if scheme in _S3:
                return _s3(url)
            if scheme in ("abfs", "abfss") and (made := _azure(url)) is not None:
                return made
            given = url if scheme != "gcs" else "gs" + url[3:]
            if scheme in ("gs", "gcs") and "retry_limit_seconds=" not in given:
                given += f"{'&' if '?' in given else '?'}retry_limit_seconds={ANSWER_SECONDS:g}"
            found: tuple[Any, str] = fs.FileSystem.from_uri(given)
            return found
        except (ImportError, NotImplementedError):
            pass  # this build of Arrow lacks it
    try:
        import fsspec
    except ImportError:
        raise RemoteError(
            f"the scheme {scheme}:// needs the package fsspec: {install_command('fsspec')} installs it"
        ) from None
    from pyarrow import fs

    made, path = fsspec.core.url_to_fs(url)
    return fs.PyFileSystem(fs.FSSpecHandler(made)), path


def _s3(url: str) -> tuple[Any, str]:
    from pyarrow import fs

    parts = urlsplit(url, allow_fragments=False)
    user, _, bucket = parts.netloc.rpartition("@")
    options: dict[str, Any] = {
        key: value for key, value in parse_qsl(parts.query) if key in ("region", "endpoint_override", "scheme")
    }
    if user:
        key, _, secret = user.partition(":")
        options |= {"access_key": unquote(key), "secret_key": unquote(secret)}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if "endpoint_override" not in options and endpoint:  # Arrow knows it only in some of its versions
        place = urlsplit(endpoint)
        options |= {"endpoint_override": place.netloc or endpoint, "scheme": place.scheme or "https"}
    elsewhere = "endpoint_override" in options
    if "region" not in options and not elsewhere and not any(map(os.environ.get, ("AWS_REGION", "AWS_DEFAULT_REGION"))):
        try:
            options["region"] = fs.resolve_s3_region(bucket)
        except OSError as error:
            raise _because(url, error) from None
    made = fs.S3FileSystem(
        connect_timeout=CONNECT_SECONDS, request_timeout=ANSWER_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=3), **options,
    )  # fmt: skip
    return made, bucket + unquote(parts.path)


#: What Azure's own tools read: a key, a token, or both and the place in one text.
_AZURE = ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN")


def _azure(url: str) -> tuple[Any, str] | None:
    """The file system of an Azure account whose key or token stands in the environment; None where none does.

    Arrow itself knows the identities that Azure finds (service principals, managed ones, the login of `az`).
    """
    text, key, token = (os.environ.get(name) for name in _AZURE)
    if not (text or key or token):
        return None
    from pyarrow import fs

    said = dict(part.split("=", 1) for part in (text or "").split(";") if "=" in part)
    parts = urlsplit(url, allow_fragments=False)
    container, at, host = parts.netloc.rpartition("@")
    container = container.partition(":")[0]
    path = unquote(parts.path).lstrip("/")
    if not at and "." in host:  # account.dfs.core.windows.net/container/path
        container, _, path = path.partition("/")
    elif not at:  # container/path
        container, host = host, ""
    account = host.partition(".")[0] or said.get("AccountName") or os.environ.get("AZURE_STORAGE_ACCOUNT", "")
    if not account:
        raise RemoteError("names no storage account. Write abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH")
    options: dict[str, Any] = {}
    if key := said.get("AccountKey") or key:
        options["account_key"] = key
    elif token := said.get("SharedAccessSignature") or token:
        options["sas_token"] = token if token.startswith("?") else f"?{token}"
    if endpoint := said.get("BlobEndpoint"):
        place = urlsplit(endpoint)
        # the account is the first part of the path, as with Azurite, or of the host
        where = place.netloc if place.path.strip("/") else place.netloc.removeprefix(account)
        for kind in ("blob", "dfs"):
            options[f"{kind}_storage_authority"] = where.replace(".blob.", f".{kind}.", 1)
            options[f"{kind}_storage_scheme"] = place.scheme
    return fs.AzureFileSystem(account, **options), f"{container}/{path}"


def guarded(url: str, run: Callable[[], Any], verb: str = "read") -> Any:
    """What `run` gives; RemoteError for any of its errors, without the secrets of the URL. `verb` is a participle."""
    if os.environ.get(OFFLINE):
        raise RemoteError(f"is not opened while {OFFLINE} is set")
    try:
        return run()
    except RemoteError:
        raise
    except ImportError as error:
        needs = printable(error, 160).rstrip(".")
        raise RemoteError(f"the scheme {scheme_of(url)}:// needs a package that is not installed ({needs})") from None
    except Exception as error:  # each file system has errors of its own
        raise _because(url, error, verb) from None


def expand(url: str) -> list[str] | None:
    """The files that a URL of a folder (ending with ``/``) or a glob (``*``, ``[``) stands for; None for a file."""
    if scheme_of(url) in _WEB:
        return None
    place, mark, query = url.partition("?")
    magic = re.search(r"[*\[]", place[place.index("://") + 3 :])
    if magic is None and not place.endswith("/"):
        return None
    end = len(place) if magic is None else place.index("://") + 3 + magic.start()
    base = place[: place.rindex("/", 0, end) + 1]
    pattern = unquote(place[len(base) :])
    found = guarded(url, lambda: list(_listed(base + mark + query, deep=magic is None or "/" in pattern)))
    return [
        base + quote(below) + mark + query
        for below in sorted(found)
        if magic is None or _matches(below.split("/"), pattern.split("/"))
    ]


def _listed(url: str, deep: bool) -> Iterator[str]:
    """The files below a folder, by their paths in it."""
    from pyarrow import fs

    system, path = file_system(url)
    path = path.rstrip("/")
    for info in system.get_file_info(fs.FileSelector(path, recursive=deep)):
        if info.type == fs.FileType.File:
            yield info.path.strip("/")[len(path.strip("/")) :].lstrip("/")


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path is matched by a glob, part by part; ``**`` stands for any number of parts."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _matches(parts, pattern[1:]) or (bool(parts) and _matches(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def pieces(url: str) -> Iterator[bytes]:
    """The bytes of the file that a URL names, a piece at a time; RemoteError where that fails."""
    made = _from_web(url) if scheme_of(url) in _WEB else _from_files(url)
    while (piece := guarded(url, lambda: next(made, b""))) != b"":
        yield piece


def _from_files(url: str) -> Iterator[bytes]:
    from pyarrow import fs

    system, path = file_system(url)
    info = system.get_file_info(path)
    if info.type == fs.FileType.NotFound:
        raise RemoteError("does not exist")
    if info.type == fs.FileType.Directory:
        raise IsADirectoryError
    read = 0
    with system.open_input_stream(path, compression=None) as opened:
        while piece := opened.read(_PIECE):
            read += len(piece)
            yield piece
    if info.size is not None and info.size != read:
        raise RemoteError(f"broke off after {read:,} of {info.size:,} bytes. Try again")


def _from_web(url: str) -> Iterator[bytes]:
    import requests
    import urllib3

    from .transport import Adapter, Bounds, OutOfTime, TooLarge, bounded

    bounds = Bounds(ANSWER_SECONDS, time.monotonic() + CONNECT_SECONDS + ANSWER_SECONDS, UNBOUNDED)
    try:
        with requests.Session() as session:
            session.max_redirects = 10
            for scheme in _WEB:
                session.mount(f"{scheme}://", Adapter())
            with bounded(bounds):
                answer = session.get(
                    url, stream=True, timeout=(CONNECT_SECONDS, ANSWER_SECONDS), hooks={"response": _kept}
                )
            with answer:
                if (why := _refused(answer.status_code)) is not None:
                    raise RemoteError(why)
                bounds.end = float("inf")  # a file may take as long as it keeps coming
                yield from _in_time(answer.raw)
    except OutOfTime:
        raise RemoteError(f"the server did not answer within {CONNECT_SECONDS + ANSWER_SECONDS:g} seconds") from None
    except TooLarge as error:
        raise RemoteError(f"{error} of the server's answer are too large") from None
    except requests.exceptions.TooManyRedirects:
        raise RemoteError("is redirected in a circle, or more than 10 times") from None
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        raise RemoteError(f"the server did not answer within {ANSWER_SECONDS:g} seconds") from None
    except requests.exceptions.SSLError:
        raise RemoteError("the server's certificate is not accepted") from None
    except (urllib3.exceptions.ProtocolError, requests.exceptions.ChunkedEncodingError):
        raise RemoteError("broke off before its end. Try again") from None
    except requests.exceptions.ConnectionError:
        raise RemoteError("the server cannot be reached. Check the URL and the network") from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise RemoteError(f"cannot be read ({type(error).__name__})") from None


def _kept(answer: Any, **_: Any) -> None:
    """Refuse to be led from a secured connection to one that is not; what else a redirect holds is not read."""
    if answer.is_redirect:
        answer._content = b""
        answer.raw.close()
    if answer.is_redirect and answer.url.startswith("https:") and answer.headers["location"].startswith("http:"):
        answer.close()
        raise RemoteError("is redirected from https to http, where anybody can change it")


def _refused(status: int) -> str | None:
    if status == 200:
        return None
    if status in (404, 410):
        return f"does not exist (HTTP {status})"
    if status in (401, 403, 407):
        return f"access is refused (HTTP {status}). Check the credentials"
    if status >= 500 or status == 429:
        return f"the server cannot serve it now (HTTP {status}). Try again later"
    return f"the server does not give the file (HTTP {status})"


def _in_time(raw: Any) -> Iterator[bytes]:
    """The bytes of an answer, as long as enough of them come."""
    since, got = time.monotonic(), 0
    while piece := raw.read1(_PIECE, decode_content=True):
        yield piece
        got += len(piece)
        now = time.monotonic()
        if now - since > ANSWER_SECONDS:
            if got < LEAST_SPEED * (now - since):
                raise RemoteError(f"the server sends less than {LEAST_SPEED} bytes a second")
            since, got = now, 0
