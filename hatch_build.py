"""Build hook: compiles the inner loops (xdmprep/_native.c, _json.c) where a C compiler is at hand.

Without one, or with XDMPREP_NATIVE=0, the package is installed without them and works all the same, slower.
"""

from __future__ import annotations

import os
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext


class NativeBuild(BuildHookInterface):
    """Adds the compiled module to wheels; an editable install finds it beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell the builder what there is to pack; a failure is told and changes nothing else."""
        if self.target_name != "wheel" or os.environ.get("XDMPREP_NATIVE") == "0":
            return
        place = Path(self.root, "xdmprep")
        sources = sorted(place.glob("_*.c"))
        if version != "editable":
            self._scratch = tempfile.TemporaryDirectory(prefix="xdmprep-build-")  # until the wheel is packed
            place = Path(self._scratch.name)
        try:
            made = compiled(sources, place)
        except (Exception, SystemExit) as error:
            self.app.display_warning(f"xdmprep: the inner loops were not compiled, so it runs slower: {error}")
            return
        # one build for all versions from 3.11 on
        platform = next(tag.platform for tag in sys_tags() if "manylinux" not in tag.platform)
        build_data.update(pure_python=False, tag=f"cp311-abi3-{platform}")
        if version != "editable":
            build_data["force_include"][str(made)] = f"xdmprep/{made.name}"


def compiled(sources: list[Path], place: Path) -> Path:
    """The module made of `sources`, in the folder `place`."""
    check = 0  # a build of other sources is not used
    for source in sources:
        check = zlib.crc32(source.read_bytes(), check)
    extension = Extension(
        "_native",
        [str(source) for source in sources],
        define_macros=[("SOURCE_CHECK", f"{check}u")],
        extra_compile_args=[] if sys.platform == "win32" else ["-O3"],
        py_limited_api=True,
    )
    command = build_ext(Distribution({"name": "xdmprep", "ext_modules": [extension]}))
    with tempfile.TemporaryDirectory(prefix="xdmprep-build-") as scratch:
        command.build_lib, command.build_temp = str(place), scratch
        command.finalize_options()
        command.force = True  # times of change say nothing after a checkout
        command.run()
    return Path(command.get_ext_fullpath("_native"))
