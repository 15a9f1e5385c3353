"""Messages name an option as the caller writes it: of the command in a command, else the parameter of Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import xdmprep
from xdmprep.client.config import Config
from xdmprep.errors import UsageError, option, options_of_command

PACKAGE = Path(xdmprep.__file__).parent
#: What only the command calls.
OF_COMMAND = ("cli/", "spark/session.py")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
#: A whole command, whose options are its own.
COMMAND = re.compile(r"`xdmprep [^`]*`")
#: File and option of a message that names the parameter of Python, too.
NAMES_BOTH = {("mapping/placeholders.py", "--set")}


def texts(tree: ast.AST) -> list[str]:
    """The strings of a module, with ``{}`` for values in f-strings, without docstrings."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    bare |= {id(part) for node in joined for part in node.values}
    found = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values) for node in joined
    ]
    return found + [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare
    ]


def test_no_message_names_options_of_the_command_alone() -> None:
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if name.startswith(OF_COMMAND):
            continue
        for text in texts(ast.parse(file.read_text("utf-8"))):
            options = OPTION.findall(COMMAND.sub("", text))
            found += [(name, one, text) for one in options if (name, one) not in NAMES_BOTH]
    assert not found


def test_an_option_is_named_as_the_caller_writes_it() -> None:
    with pytest.raises(UsageError, match=r"For an emulator give url\."):
        Config.load(url="https://platform.adobe.io", org="", token="")
    with options_of_command(), pytest.raises(UsageError, match=r"For an emulator give --url\."):
        Config.load(url="https://platform.adobe.io", org="", token="")
    assert option("url") == "url"
