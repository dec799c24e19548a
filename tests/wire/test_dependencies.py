"""What may stand behind --deps."""

from __future__ import annotations

import pytest

from floe_jupyter.wire.dependencies import problem_of

GOOD = {
    "python": [
        "numpy",
        "pandas>=2",
        "pandas >= 2, < 3",
        "zope.interface",
        "a",
        "uvicorn[standard]",
        "x[a, b]==1.0.*",
        "six (>=1.0)",
        "tomli; python_version < '3.11'",
        "six===1.0",
        "six~=1.4.2",
        "six!=1.0+local",
        "Django>=4.0rc1",
        "tiny @ file:///tmp/tiny-1.0-py3-none-any.whl",
        "tiny@https://host/tiny-1.0-py3-none-any.whl#sha256=abc",
        "tiny @ https://host/tiny-1.0-py3-none-any.whl ; os_name == 'posix'",
    ],
    "js": [
        "lodash",
        "lodash@4",
        "@types/node@^20.1.0",
        "left-pad@latest",
        "x@>=1.0 <2.0 || 3.x",
        "x@*",
        "y@npm:lodash@4",
        "file:/tmp/evil-1.0.0.tgz",
        "https://host/x.tgz",
        "x@https://host/x-1.0.0.tgz",
        "d3-array",
    ],
}
BAD = {
    "python": [
        " -r FILE",
        "-r FILE",
        " --index-url https://host six",
        " -e DIR",
        "-e.",
        "six\n-r x",
        "six\r-e x",
        "\tsix",
        "six ",
        " six",
        "./evil",
        "../evil",
        "/abs/evil",
        "dir/evil",
        "evil.tar.gz",
        "evil-1.0.whl",
        "evil-1.0.ZIP",
        "file:///x/evil",
        "https://host/evil.tar.gz",
        "evil @ file:///x/evil-1.0.tar.gz",
        "evil @ file:///x/evil",
        "evil @ git+https://host/evil",
        "evil @ ./evil.whl",
        "six --hash=sha256:0",
        "six -r FILE",
        "six; os_name == 'x' --hash=sha256:0",
        "six \\",
        "six # x",
        "",
        "$(touch x)",
        "`touch x`",
        "six;touch x \\",
        "~/evil",
        "six @ https://host/a.whl -r FILE",
        "evil @ https://h/a.whl\\",
    ],
    "js": [
        " -g",
        "-g",
        " --ignore-scripts=false",
        "--ignore-scripts=false",
        "./evil",
        "../evil",
        "/abs/evil",
        "~/evil",
        "evil.tgz",
        " x",
        "x ",
        "x\n-g",
        "user/repo",
        "git+https://host/evil.git",
        "github:user/repo",
        "file:../evil",
        "https://host/evil",
        "",
        "x@git+ssh://host/x",
        "x --ignore-scripts=false",
    ],
}


@pytest.mark.parametrize(("lang", "spec"), [(lang, spec) for lang, specs in GOOD.items() for spec in specs])
def test_packages_and_addresses_of_built_ones_are_dependencies(lang: str, spec: str) -> None:
    assert problem_of(lang, [spec], build=False) == ""


@pytest.mark.parametrize(("lang", "spec"), [(lang, spec) for lang, specs in BAD.items() for spec in specs])
def test_B8_options_paths_and_source_packages_are_none(lang: str, spec: str) -> None:
    problem = problem_of(lang, ["fine", spec], build=False)
    assert repr(spec) in problem
    assert ";" in problem, "with its cure"


def test_B8_source_packages_are_dependencies_where_the_module_says_so() -> None:
    for spec in ("evil @ file:///x/evil-1.0.tar.gz", "evil @ git+https://host/evil"):
        assert "add --build-deps to the module" in problem_of("python", [spec], build=False)
        assert problem_of("python", [spec], build=True) == ""
    assert problem_of("js", ["git+https://host/evil.git"], build=True) == ""
    assert "no dependency but an option" in problem_of("python", [" -r FILE"], build=True)
