"""Compiles the inner loops when a wheel is built: every module of bodycopy beside which a ``.pxd`` tells its types, and
every ``.pyx``. Where there is no compiler, the wheel holds Python alone, which is slower and gives the same.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Compile(BuildHookInterface[Any]):
    """Adds the compiled modules to a wheel that Hatchling builds, unless it is for work on the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # what is edited there is to run, not what was compiled of it
            return
        self.folder = Path(mkdtemp())
        try:
            modules = compiled(Path(self.root, "src"), self.folder)
        except (Exception, SystemExit) as error:  # what setuptools makes of a missing compiler
            print(f"bodycopy is not compiled, and will be slower: {error}", file=sys.stderr)
            return
        build_data["force_include"] |= {str(path): name for name, path in modules.items()}
        build_data |= {"pure_python": False, "infer_tag": True}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            shutil.rmtree(self.folder)


def compiled(source: Path, into: Path) -> dict[str, Path]:
    """The modules compiled in a folder, by the place that each has in a wheel."""
    from Cython.Build import cythonize
    from setuptools import Distribution

    package = Path(shutil.copytree(source / "bodycopy", into / "bodycopy"))  # C files are put beside the sources
    typed = [path.with_suffix(".py") for path in package.rglob("*.pxd")]
    directives = {"annotation_typing": False}  # types that matter are in the .pxd
    found = [str(path) for path in (*package.rglob("*.pyx"), *typed)]
    modules = cythonize(found, language_level=3, compiler_directives=directives, quiet=True)
    for module in modules:
        module.extra_compile_args = ["-g0"] if os.name == "posix" else []  # debug symbols are nine tenths of the files
    build = Distribution({"name": "bodycopy", "ext_modules": modules}).get_command_obj("build_ext")
    build.build_lib, build.build_temp = str(into / "built"), str(into / "objects")
    build.ensure_finalized()
    build.run()
    return {path.relative_to(into / "built").as_posix(): path for path in map(Path, build.get_outputs())}
