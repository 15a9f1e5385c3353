"""Where the files that ship with the project are: schemas, mappings, the CRM sample."""

from __future__ import annotations

from pathlib import Path

from ..errors import SourceError


def shipped(name: str = "") -> Path:
    """The path of a shipped file such as ``crm-profile.schema.json``; without a name, of their folder.

    They lie in the package when it was installed from a wheel, and in ``schemas/`` beside it in a checkout.

    Raises:
        SourceError: there is no such file.
    """
    package = Path(__file__).parent.parent
    for folder in (package / "_schemas", package.parent / "schemas"):
        if (folder / name).exists() and (folder / "crm-profile.schema.json").exists():
            return folder / name
    raise SourceError(f"{name}: does not ship with xdmprep.")
