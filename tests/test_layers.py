"""The contract of docs/contributing.md: packages import downwards only, and no import cycle exists.

All imports count: at module level, inside functions and for types only.
"""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "tokemb"

# From the top to the bottom. A package imports only from the lines below its own.
LAYERS = (
    ("training", "pipeline", "integrations"),
    ("importers", "tables", "analysis"),
    ("fit", "models"),
    ("encoder",),
    ("counts", "keras"),
    ("engine", "formats"),
    ("vocabulary", "sources"),
    ("rows",),
    ("kernels", "files", "_validation"),
    ("errors", "_arrays"),
)
LEVELS = {name: level for level, names in enumerate(reversed(LAYERS)) for name in names}


def modules(root):
    """Return the path of each module of the package in ``root``."""
    found = {}
    for path in root.rglob("*.py"):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(root):
    """Return the modules of the package that each of its modules imports."""
    known = modules(root)
    graph = {}
    for name, path in known.items():
        targets = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path} has a relative import"
                full = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= {target if target in known else node.module for target in full}
        graph[name] = (targets & known.keys()) - {name}
    return graph


def upward_imports(graph):
    """Return a line for each import between packages that does not go downwards."""
    wrong = []
    for name, targets in graph.items():
        for target in targets:
            package, other = (".".join(module.split(".")[1:2]) for module in (name, target))
            if package and package != other and not (other and LEVELS[other] < LEVELS[package]):
                wrong.append(f"{name} imports {target}")
    return sorted(wrong)


def cycle(graph):
    """Return a cycle of modules, or ``None``."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return error.args[1]
    return None


def test_every_package_has_a_layer():
    names = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert names - {"__init__"} == set(LEVELS)


def test_packages_import_downwards_only():
    assert upward_imports(imports(ROOT)) == []


def test_modules_have_no_import_cycle():
    assert cycle(imports(ROOT)) is None


@pytest.mark.parametrize(
    "statement",
    ["import tokemb.fit", "def f():\n    from tokemb.fit import g", "if TYPE_CHECKING:\n    import tokemb.fit"],
)
def test_upward_import_is_found_wherever_it_stands(tmp_path, statement):
    package = tmp_path / "tokemb"
    (package / "rows").mkdir(parents=True)
    for name, content in {
        "__init__": "",
        "rows/__init__": "",
        "fit": "import tokemb.rows.a",
        "rows/a": statement,
    }.items():
        (package / f"{name}.py").write_text(content)
    graph = imports(package)
    assert upward_imports(graph) == ["tokemb.rows.a imports tokemb.fit"]
    assert set(cycle(graph)) == {"tokemb.rows.a", "tokemb.fit"}
