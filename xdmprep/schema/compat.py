"""Compatibility names: what fields of the open XDM repository are called in Experience Platform data.

``xdm:firstName`` is ``firstName``, ``@id`` is ``_id``, ``repo:createDate`` is ``createDate`` within an object
``_repo``, and ``https://ns.adobe.com/experience/campaign/x`` is ``x`` within ``_experience.campaign`` (Adobe's
"XDM compatibility mode" appendix).
"""

from __future__ import annotations


def compatible_steps(name: str) -> tuple[str, ...]:
    """The steps that a raw XDM name has in compatibility mode; one step, the name itself, if it has no prefix."""
    if name.startswith("@"):
        return ("_" + name[1:],)
    if name.startswith("xdm:"):
        return (name[4:],)
    prefix, colon, rest = name.partition(":")
    if colon and prefix and rest and not rest.startswith("//"):
        return ("_" + prefix, rest)
    return (name,)
