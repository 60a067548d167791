# ruff: noqa: E501, RUF001, W293 - what uv and the backends printed, as they printed it
"""The outputs are those of real runs of uv 0.13.9 and 0.9.9; paths are changed, and the backends' own frames shortened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.diagnose import Diagnosis, diagnose
from uvwatch.errors import FailureKind

CASES = [
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.get_requires_for_build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 44, in get_requires_for_build_wheel
             return builder.config.dependencies
                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^
           File "/home/app/hatch_build.py", line 2
             def f(:
                   ^
         SyntaxError: invalid syntax

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(
            kind=FailureKind.BUILD, message="SyntaxError: invalid syntax", path="hatch_build.py", line=2, column=7
        ),
        id="a syntax error in a build hook",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.get_requires_for_build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 44, in get_requires_for_build_wheel
             return builder.config.dependencies
                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^
           File "/home/app/hatch_build.py", line 2
             return 1
             ^
         IndentationError: expected an indented block after function definition on line 1

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="IndentationError: expected an indented block after function definition on line 1",
            path="hatch_build.py",
            line=2,
            column=1,
        ),
        id="an indentation error in a build hook",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 11, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 58, in build_wheel
             return os.path.basename(next(builder.build(directory=wheel_directory, versions=["standard"])))
                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           File "/home/app/hatch_build.py", line 4, in initialize
             raise RuntimeError("no assets: run npm run build")
         RuntimeError: no assets: run npm run build

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="RuntimeError: no assets: run npm run build",
            path="hatch_build.py",
            line=4,
            column=1,
        ),
        id="a build hook that raises",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 11, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 58, in build_wheel
             return os.path.basename(next(builder.build(directory=wheel_directory, versions=["standard"])))
                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           File "/home/app/hatch_build.py", line 1, in <module>
             import nothing_here
         ModuleNotFoundError: No module named 'nothing_here'

hint: This error likely indicates that `app@0.1.0` depends on `nothing_here`, but doesn't declare it as a build dependency. If `app` is a first-party package, consider adding `nothing_here` to its `build-system.requires`. Otherwise, either add it to your `pyproject.toml` under:

[tool.uv.extra-build-dependencies]
app = ["nothing_here"]

or `uv pip install nothing_here` into the environment and re-run with `--no-build-isolation`.
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="ModuleNotFoundError: No module named 'nothing_here'",
            path="hatch_build.py",
            line=1,
            column=1,
        ),
        id="a build hook that imports what is not there",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.build_wheel` failed (exit status: 1)

         [stderr]
         esbuild: cannot find a.ts
         Traceback (most recent call last):
           File "<string>", line 11, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 58, in build_wheel
             return os.path.basename(next(builder.build(directory=wheel_directory, versions=["standard"])))
                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           File "/home/app/hatch_build.py", line 5, in initialize
             subprocess.run(["sh", "-c", "echo esbuild: cannot find a.ts >&2; exit 3"], check=True)
           File "/usr/lib/python3.11/subprocess.py", line 571, in run
             raise CalledProcessError(retcode, process.args,
         subprocess.CalledProcessError: Command '['sh', '-c', 'echo esbuild: cannot find a.ts >&2; exit 3']' returned non-zero exit status 3.

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="subprocess.CalledProcessError: Command '['sh', '-c', 'echo esbuild: cannot find a.ts >&2; exit 3']' returned non-zero exit status 3.",
            path="hatch_build.py",
            line=5,
            column=1,
        ),
        id="a build hook whose command fails",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.build_wheel` failed (exit status: 1)

         [stderr]
         give up

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(kind=FailureKind.BUILD, message="give up"),
        id="a build hook that gives up without a traceback",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.get_requires_for_build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/setuptools/build_meta.py", line 333, in get_requires_for_build_wheel
             return self._get_build_requires(config_settings, requirements=[])
                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/setuptools/build_meta.py", line 301, in _get_build_requires
             self.run_setup()
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/setuptools/build_meta.py", line 317, in run_setup
             exec(code, locals())  # noqa: S102 # exec is intentional here
             ^^^^^^^^^^^^^^^^^^^^
           File "<string>", line 3
             name="app"
                  ^^^^
         SyntaxError: invalid syntax. Perhaps you forgot a comma?

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="SyntaxError: invalid syntax. Perhaps you forgot a comma?",
            path="setup.py",
            line=3,
            column=6,
        ),
        id="a syntax error in setup.py, which setuptools runs from a string",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.get_requires_for_build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/setuptools/build_meta.py", line 333, in get_requires_for_build_wheel
             return self._get_build_requires(config_settings, requirements=[])
                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/setuptools/build_meta.py", line 301, in _get_build_requires
             self.run_setup()
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/setuptools/build_meta.py", line 317, in run_setup
             exec(code, locals())  # noqa: S102 # exec is intentional here
             ^^^^^^^^^^^^^^^^^^^^
           File "<string>", line 2, in <module>
         ValueError: two
         lines

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(kind=FailureKind.BUILD, message="ValueError: two", path="setup.py", line=2, column=1),
        id="an exception of several lines in setup.py",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 11, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 58, in build_wheel
             return os.path.basename(next(builder.build(directory=wheel_directory, versions=["standard"])))
                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
         OSError: Readme file does not exist: README.md

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(kind=FailureKind.BUILD, message="OSError: Readme file does not exist: README.md"),
        id="a README that hatchling does not find",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 11, in <module>
           File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 58, in build_wheel
             return os.path.basename(next(builder.build(directory=wheel_directory, versions=["standard"])))
                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
         ValueError: Unable to determine which files to ship inside the wheel using the following heuristics: https://hatch.pypa.io/latest/plugins/builder/wheel/#default-file-selection

         The most likely cause of this is that there is no directory that matches the name of your project (app).

         At least one file selection option must be defined in the `tool.hatch.build.targets.wheel` table, see: https://hatch.pypa.io/latest/config/build/

         As an example, if you intend to ship a directory named `foo` that resides within a `src` directory located at the root of your project, you can define the following:

         [tool.hatch.build.targets.wheel]
         packages = ["src/foo"]

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="ValueError: Unable to determine which files to ship inside the wheel using the following heuristics: https://hatch.pypa.io/latest/plugins/builder/wheel/#default-file-selection",
        ),
        id="a package that hatchling does not find",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.nope.get_requires_for_build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 8, in <module>
         ModuleNotFoundError: No module named 'hatchling.nope'

hint: This error likely indicates that `app@0.1.0` depends on `hatchling.nope`, but doesn't declare it as a build dependency. If `app` is a first-party package, consider adding `hatchling.nope` to its `build-system.requires`. Otherwise, either add it to your `pyproject.toml` under:

[tool.uv.extra-build-dependencies]
app = ["hatchling.nope"]

or `uv pip install hatchling.nope` into the environment and re-run with `--no-build-isolation`.
""",
        Diagnosis(kind=FailureKind.BUILD, message="ModuleNotFoundError: No module named 'hatchling.nope'"),
        id="a backend that is not there",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: Expected a Python module at: src/app/__init__.py
""",
        Diagnosis(kind=FailureKind.BUILD, message="Expected a Python module at: src/app/__init__.py"),
        id="a package that uv_build does not find",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: failed to open file `/home/app/README.md`: No such file or directory (os error 2)
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="failed to open file `/home/app/README.md`: No such file or directory (os error 2)",
        ),
        id="a README that uv_build does not find",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: Invalid project metadata
  cause: `project.license-files` glob `LICENSE*` did not match any files
""",
        Diagnosis(kind=FailureKind.BUILD, message="`project.license-files` glob `LICENSE*` did not match any files"),
        id="a licence that uv_build does not find",
    ),
    pytest.param(
        """\
warning: Failed to parse `pyproject.toml` during settings discovery:
  TOML parse error at line 3, column 17
    |
  3 | version = "0.1.0
    |                 ^
  invalid basic string, expected `"`

error: Failed to parse: pyproject.toml
  cause: TOML parse error at line 3, column 17
           |
         3 | version = "0.1.0
           |                 ^
         invalid basic string, expected `"`
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message='TOML parse error: invalid basic string, expected `"`',
            path="pyproject.toml",
            line=3,
            column=17,
        ),
        id="TOML that does not parse",
    ),
    pytest.param(
        """\
error: Failed to parse: pyproject.toml
  cause: TOML parse error at line 3, column 11
           |
         3 | version = 3
           |           ^
         invalid type: integer `3`, expected a string
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="TOML parse error: invalid type: integer `3`, expected a string",
            path="pyproject.toml",
            line=3,
            column=11,
        ),
        id="TOML of a wrong type",
    ),
    pytest.param(
        """\
error: Failed to parse: pkgs/alpha/pyproject.toml
  cause: TOML parse error at line 3, column 15
           |
         3 | version = "0.1
           |               ^
         invalid basic string, expected `"`
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message='TOML parse error: invalid basic string, expected `"`',
            path="pkgs/alpha/pyproject.toml",
            line=3,
            column=15,
        ),
        id="TOML of a member that does not parse",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
error: Failed to build `app @ file:///home/app`
  cause: Failed to resolve requirements from `build-system.requires`
  cause: No solution found when resolving: `hatchling`, `no-such-thing-at-all-xyz`
  cause: Because no-such-thing-at-all-xyz was not found in the cache and you require no-such-thing-at-all-xyz, we can conclude that your requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may only be read from the cache.
""",
        Diagnosis(
            kind=FailureKind.UV,
            message="Because no-such-thing-at-all-xyz was not found in the cache and you require no-such-thing-at-all-xyz, we can conclude that your requirements are unsatisfiable. (the network is disabled)",
        ),
        id="a build that the index does not serve",
    ),
    pytest.param(
        """\
error: Request failed after 3 retries in 11.7s
  cause: Failed to fetch: http://127.0.0.1:1/simple/idna/
  cause: error sending request for url (http://127.0.0.1:1/simple/idna/)
  cause: client error (Connect)
  cause: tcp connect error
  cause: Connection refused (os error 111)
""",
        Diagnosis(
            kind=FailureKind.UV,
            message="Failed to fetch: http://127.0.0.1:1/simple/idna/: Connection refused (os error 111)",
        ),
        id="an index that does not answer",
    ),
    pytest.param(
        """\
error: No solution found when resolving dependencies
  cause: Because idna was not found in the cache and your project depends on idna, we can conclude that your project's requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may only be read from the cache.
""",
        Diagnosis(
            kind=FailureKind.UV,
            message="Because idna was not found in the cache and your project depends on idna, we can conclude that your project's requirements are unsatisfiable. (the network is disabled)",
        ),
        id="a dependency that is not in the cache",
    ),
    pytest.param(
        """\
Resolved 2 packages in 116ms
error: The lockfile at `uv.lock` needs to be updated, but `--locked` was provided.

hint: To update the lockfile, run `uv lock`.
""",
        Diagnosis(
            kind=FailureKind.UV, message="The lockfile at `uv.lock` needs to be updated, but `--locked` was provided."
        ),
        id="a lock that does not fit",
    ),
    pytest.param(
        """\
error: Unable to find lockfile at `uv.lock`, but `--frozen` was provided. To create a lockfile, run `uv lock` or `uv sync` without the flag.
""",
        Diagnosis(
            kind=FailureKind.UV,
            message="Unable to find lockfile at `uv.lock`, but `--frozen` was provided. To create a lockfile, run `uv lock` or `uv sync` without the flag.",
        ),
        id="no lock at all",
    ),
    pytest.param(
        """\
error: Request failed after 3 retries in 8.1s
  cause: Failed to download `https://host.invalid/cpython-3.12.16.tar.gz`
  cause: error sending request for url (https://host.invalid/cpython-3.12.16.tar.gz)
  cause: client error (Connect)
  cause: dns error
  cause: error resolving DNS
  cause: failed to lookup address information: Name or service not known
""",
        Diagnosis(
            kind=FailureKind.UV,
            message="Failed to download `https://host.invalid/cpython-3.12.16.tar.gz`: failed to lookup address information: Name or service not known",
        ),
        id="a host that has no address",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
      Built app @ file:///home/app
Prepared 1 package in 1.06s
Uninstalled 1 package in 0.54ms
error: Failed to install: app-0.1.0-py3-none-any.whl (app==0.1.0 (from file:///home/app))
  cause: Failed to copy to `/env/lib/python3.11/site-packages/app/big.bin`
  cause: failed to copy file from /cache/archive-v0/c9Qg/app/big.bin to /env/lib/python3.11/site-packages/app/.tmpT1uUkP: No space left on device (os error 28)
""",
        Diagnosis(
            kind=FailureKind.IO,
            message="failed to copy file from /cache/archive-v0/c9Qg/app/big.bin to /env/lib/python3.11/site-packages/app/.tmpT1uUkP: No space left on device (os error 28)",
        ),
        id="a full disk",
    ),
    pytest.param(
        """\
error: Failed to install: app-0.1.0-py3-none-any.whl (app==0.1.0 (from file:///home/app))
  cause: Failed to copy to `/env/lib/python3.11/site-packages/app/__init__.py`
  cause: Read-only file system (os error 30) at path "/env/lib/python3.11/site-packages/app/.tmpUA346E"
""",
        Diagnosis(
            kind=FailureKind.IO,
            message='Read-only file system (os error 30) at path "/env/lib/python3.11/site-packages/app/.tmpUA346E"',
        ),
        id="a read-only file system",
    ),
    pytest.param(
        """\
error: Project virtual environment directory `/env` cannot be used because it is not a valid Python environment (no Python executable was found)
""",
        Diagnosis(
            kind=FailureKind.ENVIRONMENT,
            message="Project virtual environment directory `/env` cannot be used because it is not a valid Python environment (no Python executable was found)",
        ),
        id="a directory that is no environment",
    ),
    pytest.param(
        """\
error: No interpreter found at path `.venv/bin/python`
""",
        Diagnosis(kind=FailureKind.ENVIRONMENT, message="No interpreter found at path `.venv/bin/python`"),
        id="an environment that is gone",
    ),
    pytest.param(
        """\
Building wheel...
Traceback (most recent call last):
  File "<string>", line 14, in <module>
  File "<frozen importlib._bootstrap>", line 241, in _call_with_frames_removed
  File "/home/app/hatch_build.py", line 2
    def f(:
          ^
SyntaxError: invalid syntax
error: Failed to build `/home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.get_requires_for_build_wheel` failed (exit status: 1)

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(
            kind=FailureKind.BUILD, message="SyntaxError: invalid syntax", path="hatch_build.py", line=2, column=7
        ),
        id="uv build, which prints the traceback before its error",
    ),
    pytest.param(
        """\
Building wheel...
give up
error: Failed to build `/home/app`
  cause: The build backend returned an error
  cause: Call to `hatchling.build.build_wheel` failed (exit status: 1)

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(kind=FailureKind.BUILD, message="give up"),
        id="uv build of a hook that gives up",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
  × Failed to build `app @ file:///home/app`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `hatchling.build.build_wheel` failed (exit status: 1)

      [stderr]
      Traceback (most recent call last):
        File "<string>", line 14, in <module>
        File
      "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py",
      line 44, in get_requires_for_build_wheel
          return builder.config.dependencies
                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^
        File "/usr/lib/python3.11/functools.py", line
      1001, in __get__
          val = self.func(instance)
                ^^^^^^^^^^^^^^^^^^^
        File
      "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/builders/config.py",
      line 579, in dependencies
          for dependency in self.dynamic_dependencies:
                            ^^^^^^^^^^^^^^^^^^^^^^^^^
        File "/usr/lib/python3.11/functools.py", line
      1001, in __get__
          val = self.func(instance)
                ^^^^^^^^^^^^^^^^^^^
        File
      "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/builders/config.py",
      line 595, in dynamic_dependencies
          build_hook = build_hook_cls(
                       ^^^^^^^^^^^^^^^
        File
      "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/builders/hooks/custom.py",
      line 35, in __new__
          hook_class = load_plugin_from_script(path, build_script,
      BuildHookInterface, "build_hook")
      
      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        File
      "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/plugin/utils.py",
      line 18, in load_plugin_from_script
          spec.loader.exec_module(module)  # type: ignore[union-attr]
          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        File "<frozen importlib._bootstrap_external>", line 936, in
      exec_module
        File "<frozen importlib._bootstrap_external>", line 1074, in get_code
        File "<frozen importlib._bootstrap_external>", line 1004, in
      source_to_code
        File "<frozen importlib._bootstrap>", line 241, in
      _call_with_frames_removed
        File "/home/app/hatch_build.py", line 2
          def f(:
                ^
      SyntaxError: invalid syntax

      hint: This usually indicates a problem with the package or the build
      environment.
""",
        Diagnosis(
            kind=FailureKind.BUILD, message="SyntaxError: invalid syntax", path="hatch_build.py", line=2, column=7
        ),
        id="old uv, a syntax error in a build hook",
    ),
    pytest.param(
        """\
warning: Failed to parse `pyproject.toml` during settings discovery:
  TOML parse error at line 3, column 17
    |
  3 | version = "0.1.0
    |                 ^
  invalid basic string, expected `"`

error: Failed to parse: `pyproject.toml`
  Caused by: TOML parse error at line 3, column 17
  |
3 | version = "0.1.0
  |                 ^
invalid basic string, expected `"`
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message='TOML parse error: invalid basic string, expected `"`',
            path="pyproject.toml",
            line=3,
            column=17,
        ),
        id="old uv, TOML that does not parse",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
  × Failed to build `app @ file:///home/app`
  ├─▶ Failed to resolve requirements from `build-system.requires`
  ├─▶ No solution found when resolving: `hatchling`,
  │   `no-such-thing-at-all-xyz`
  ╰─▶ Because no-such-thing-at-all-xyz was not found in the cache and you
      require no-such-thing-at-all-xyz, we can conclude that your requirements
      are unsatisfiable.

      hint: Packages were unavailable because the network was disabled. When
      the network is disabled, registry packages may only be read from the
      cache.
""",
        Diagnosis(
            kind=FailureKind.UV,
            message="Because no-such-thing-at-all-xyz was not found in the cache and you require no-such-thing-at-all-xyz, we can conclude that your requirements are unsatisfiable. (the network is disabled)",
        ),
        id="old uv, a build requirement that is not there",
    ),
    pytest.param(
        """\
   Building app @ file:///home/app
  × Failed to build `app @ file:///home/app`
  ├─▶ The build backend returned an error
  ╰─▶ Call to `hatchling.build.build_wheel` failed (exit status: 1)

      [stderr]
      give up

      hint: This usually indicates a problem with the package or the build
      environment.
""",
        Diagnosis(kind=FailureKind.BUILD, message="give up"),
        id="old uv, a hook that gives up",
    ),
    pytest.param(
        """\
Building wheel...
running build_ext
building 'app.fast' extension
gcc -Wall -fPIC -I/cache/builds-v0/.tmp0/include -c src/app/fast.c -o build/temp.linux-x86_64-cpython-311/src/app/fast.o
src/app/fast.c: In function ‘f’:
src/app/fast.c:2:13: error: expected ‘,’ or ‘;’ before ‘return’
    2 | { int a = 1 return a; }
      |             ^~~~~~
error: Command '['gcc', '-Wall', '-fPIC', '-I/cache/builds-v0/.tmp0/include', '-c', 'src/app/fast.c', '-o', 'build/temp.linux-x86_64-cpython-311/src/app/fast.o']' returned non-zero exit status 1.
error: Failed to build `/home/app`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)

hint: Build failures usually indicate a problem with the package or the build environment
""",
        Diagnosis(
            kind=FailureKind.BUILD,
            message="expected ‘,’ or ‘;’ before ‘return’",
            path="src/app/fast.c",
            line=2,
            column=13,
        ),
        id="a compiler's error",
    ),
    pytest.param(
        "\x1b[1m\x1b[31merror\x1b[39m\x1b[0m: No solution found\n",
        Diagnosis(kind=FailureKind.UV, message="No solution found"),
        id="colours",
    ),
    pytest.param(
        "",
        Diagnosis(kind=FailureKind.UV, message=""),
        id="no output",
    ),
    pytest.param(
        """\
Killed
""",
        Diagnosis(kind=FailureKind.UV, message="Killed"),
        id="a single word of no known form",
    ),
]


@pytest.mark.parametrize(("output", "expected"), CASES)
def test_the_cause_and_its_place_are_found(output: str, expected: Diagnosis) -> None:
    assert diagnose(output, roots=("/home/app",)) == expected


SYNTAX = """\
Traceback (most recent call last):
  File "<string>", line 14, in <module>
  File "{path}", line 2
    return 1 1
             ^
SyntaxError: invalid syntax
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/app/hatch_build.py", "hatch_build.py"),
        ("/home/app/tools/build/hook.py", "tools/build/hook.py"),
        ("/outside/lib/hatch_build.py", "../../outside/lib/hatch_build.py"),
        ("hatch_build.py", "../../outside/lib/hatch_build.py"),
        ("/home/application/hatch_build.py", None),
        ("/home/app/.venv/lib/python3.11/site-packages/x.py", None),
        ("/home/app/.cache/builds-v0/.tmp0/x.py", None),
        ("/usr/lib/python3.11/ast.py", None),
        ("<frozen importlib._bootstrap>", None),
    ],
)
def test_a_place_is_in_the_projects_own_files_or_there_is_none(path: str, expected: str | None) -> None:
    found = diagnose(SYNTAX.format(path=path), roots=("/home/app", "/outside/lib"))
    assert (found.message, found.path) == ("SyntaxError: invalid syntax", expected)
    assert (found.line, found.column) == ((None, None) if expected is None else (2, 10))


def test_a_carets_column_counts_the_indentation_that_a_traceback_leaves_out() -> None:
    asked: list[tuple[str, int]] = []

    def indent_of(path: str, line: int) -> int:
        asked.append((path, line))
        return 8

    found = diagnose(SYNTAX.format(path="/home/app/b.py"), roots=("/home/app",), indent_of=indent_of)
    assert (found.line, found.column) == (2, 18)
    assert asked == [("/home/app/b.py", 2)]


def test_of_several_tracebacks_the_last_gives_the_message_and_the_nearest_of_our_files_the_place() -> None:
    output = """\
Traceback (most recent call last):
  File "/home/app/hatch_build.py", line 7, in initialize
    int("x")
ValueError: invalid literal for int() with base 10: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 58, in build_wheel
    raise BuildFailed from error
hatchling.BuildFailed
"""
    expected = Diagnosis(
        kind=FailureKind.BUILD, message="hatchling.BuildFailed", path="hatch_build.py", line=7, column=1
    )
    assert diagnose(output, roots=("/home/app",)) == expected


def test_the_toml_of_a_distribution_outside_is_named_as_seen_from_the_project() -> None:
    where = '  cause: TOML parse error at line 3, column 15\n           |\n         3 | x = "\n           |      ^\n         no\n'
    named = "error: Failed to build `lib`\n  cause: Failed to parse cache keys in `/outside/lib/pyproject.toml`\n"
    unnamed = "error: Failed to parse metadata from built wheel\n  cause: Invalid `pyproject.toml`\n"
    for output in (named + where, unnamed + where):
        found = diagnose(output, roots=("/home/app", "/outside/lib"))
        assert (found.message, found.path) == ("TOML parse error: no", "../../outside/lib/pyproject.toml")


def test_a_full_disk_is_io_even_if_a_hook_met_it_and_a_denied_file_is_the_hooks_own() -> None:
    full = "Traceback (most recent call last):\nOSError: [Errno 28] No space left on device: 'x'\n"
    denied = "Traceback (most recent call last):\nPermissionError: [Errno 13] Permission denied: 'x'\n"
    assert diagnose(full, roots=("/a",)).kind is FailureKind.IO
    assert diagnose(denied, roots=("/a",)).kind is FailureKind.BUILD


WORDS = st.sampled_from(
    [
        "error: Failed to build `x`",
        "  cause: Call to `x` failed",
        "  × Failed",
        "  ╰─▶ No",
        "  │ more",
        "Traceback (most recent call last):",
        '  File "/a/x.py", line 3',
        '  File "x',
        "    def f(:",
        "          ^",
        "SyntaxError: invalid syntax",
        "TOML parse error at line 3, column 1",
        "  |",
        "[stderr]",
        "hint: no",
        "",
        "x.c:1:2: error: no",
    ]
)


@given(st.lists(WORDS | st.text(max_size=20)), st.lists(st.sampled_from(["/a", "/b/c"]), min_size=1, max_size=2))
def test_whatever_was_printed_the_message_is_one_short_line(lines: list[str], roots: list[str]) -> None:
    found = diagnose("\n".join(lines), roots=roots)
    assert len(found.message.splitlines()) <= 1
    assert len(found.message) <= 400
    assert (found.path is None) == (found.line is None) == (found.column is None)
