from __future__ import annotations

import configparser
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


def packages_in_the_tree():
    return {
        ".".join(path.parent.relative_to(base).parts)
        for base in (ROOT, ROOT / "cli")
        for name in ("tokemb", "tokemb_cli")
        for path in (base / name).rglob("__init__.py")
    }


def test_setup_cfg_lists_every_package():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", "utf-8")
    assert set(config["options"]["packages"].split()) == packages_in_the_tree()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from what git would check out, so that no file is in it by accident."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
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
    run = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(out), str(source)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return next(out.glob("*.whl"))  # built from the sdist, so that one holds all too


def test_the_wheel_holds_the_package_and_the_command_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"tokemb", "tokemb_cli"}
    for package in packages_in_the_tree():
        assert f"{package.replace('.', '/')}/__init__.py" in names
    assert {"tokemb/py.typed", "tokemb_cli/py.typed"} <= set(names)
    entry_points = next(name for name in names if name.endswith("entry_points.txt"))
    assert "tokemb = tokemb_cli.main:main" in zipfile.ZipFile(wheel).read(entry_points).decode()


def test_the_installed_wheel_works(wheel, tmp_path):
    """In an environment of its own, whose other packages are those of this one."""
    venv.create(tmp_path / "env", with_pip=False)
    site = next((tmp_path / "env").glob("lib/python*/site-packages"))
    ours = [path for path in sys.path if path.endswith("site-packages")]
    zipfile.ZipFile(wheel).extractall(site)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    code = (
        f"import sys; sys.path += {ours!r}; import tokemb, tokemb_cli.main; print(tokemb.__file__);"
        "sys.argv = ['tokemb', '--version']; tokemb_cli.main.main()"
    )
    run = subprocess.run(
        [tmp_path / "env" / "bin" / "python", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    path, version = run.stdout.splitlines()
    assert Path(path).is_relative_to(site)
    assert version.startswith("tokemb ")
