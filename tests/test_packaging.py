from __future__ import annotations

import configparser
import importlib.metadata
import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def packages_in_the_tree():
    return {
        ".".join(path.parent.relative_to(base).parts)
        for base in (ROOT, ROOT / "cli")
        for name in ("tokemb", "tokemb_cli")
        for path in (base / name).rglob("__init__.py")
    }


def setup_cfg():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    return config


def test_setup_cfg_lists_every_package():
    assert set(setup_cfg()["options"]["packages"].split()) == packages_in_the_tree()


@pytest.mark.parametrize(
    ("package", "oldest", "too_new"),
    [
        ("tokenizers", "0.22.0", ["1.0.0.dev0", "1.0.0rc1", "1.0.0"]),
        ("numba", "0.61.0", ["0.69.0rc1", "0.69.0"]),
        ("llvmlite", "0.44.0", ["0.51.0rc1", "0.51.0"]),
    ],
)
def test_dependency_with_an_untested_interface_has_an_upper_bound(package, oldest, too_new):
    requirements = pytest.importorskip("packaging.requirements")
    required = [line for line in setup_cfg()["options"]["install_requires"].splitlines() if line]
    bounds = {item.name: item.specifier for item in map(requirements.Requirement, required)}[package]
    accepted = [oldest, importlib.metadata.version(package), *too_new]
    assert [version for version in accepted if bounds.contains(version, prereleases=True)] == accepted[:2]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """What git would check out, so that no other file gets in by accident."""
    source = tmp_path_factory.mktemp("source")
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    ).stdout
    names = [name for name in files.decode().split("\0") if name] or [
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts
    ]
    for name in names:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    return source


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--outdir", out, source)
    return next(out.glob("*.whl"))  # built from the sdist, so that one holds all too


def run(*command, **kwargs):
    """Run a command in a clean environment whose own packages come first, and this one's after them."""
    ours = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, env={**environment, "OURS": ours}, check=False, **kwargs
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(environment, *arguments):
    """Make a virtual environment and install a package into it by the pip that runs: one of its own takes seconds."""
    venv.create(environment)
    run(sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install", "--no-deps", *arguments)


def assert_works(environment, tmp_path, home):
    """The command and the library of a virtual environment come from under ``home``, and work."""
    site = next(environment.glob("lib/python*/site-packages"))
    # After what is installed there: TensorFlow and the rest.
    (site / "zz_ours.pth").write_text("import os, sys; sys.path += os.environ['OURS'].split(os.pathsep)\n")
    (tmp_path / "text.txt").write_text("a b\n")
    run(environment / "bin" / "tokemb", "fit-vocab", "text.txt", "-o", "v", cwd=tmp_path)
    shown = run(environment / "bin" / "tokemb", "inspect", "v", "--json", cwd=tmp_path)
    assert json.loads(shown)["input_dim"] == 4
    where = run(
        environment / "bin" / "python",
        "-c",
        "import tokemb, tokemb_cli; print(tokemb.__file__, tokemb_cli.__file__)",
        cwd=tmp_path,
    )
    assert all(Path(path).is_relative_to(home.resolve()) for path in where.split()), where


def test_the_installed_wheel_works(wheel, tmp_path):
    install(tmp_path / "env", wheel)
    assert_works(tmp_path / "env", tmp_path, tmp_path / "env")


def test_an_editable_install_works(source, tmp_path):
    install(tmp_path / "env", "-e", source)
    assert_works(tmp_path / "env", tmp_path, source)


def test_a_bare_checkout_works(source, tmp_path):
    paths = os.pathsep.join(map(str, (source, source / "cli")))
    code = f"import sys; sys.path[:0] = {paths!r}.split({os.pathsep!r}); import tokemb, tokemb_cli.main as m; m.main()"
    (tmp_path / "text.txt").write_text("a b\n")
    run(sys.executable, "-c", code, "fit-vocab", "text.txt", "-o", "v", cwd=tmp_path)
    assert (tmp_path / "v" / "tokenizer.json").exists()


def test_the_wheel_holds_the_package_and_the_command_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"tokemb", "tokemb_cli"}
    for package in packages_in_the_tree():
        assert f"{package.replace('.', '/')}/__init__.py" in names
    assert {"tokemb/py.typed", "tokemb_cli/py.typed"} <= set(names)
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "tokemb").glob("*/page/*")}
    assert len(pages) == 10
    assert pages <= set(names)
    entry_points = next(name for name in names if name.endswith("entry_points.txt"))
    assert "tokemb = tokemb_cli.__main__:main" in zipfile.ZipFile(wheel).read(entry_points).decode()
