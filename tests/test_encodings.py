"""Every text file of ours is written and read with an encoding: the machine's own may not know the names in it."""

import ast

import pytest

from tests.conftest import ROOT

FILES = sorted(p for d in ("lightning_tasks", "datamodules") for p in (ROOT / d).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_text_is_read_and_written_with_an_encoding(path):
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        named = {keyword.arg for keyword in call.keywords}
        mode = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else ""
        opens = call.func.attr == "open" and mode in ("r", "w", "a", "x")
        if call.func.attr in ("read_text", "write_text") or opens:
            assert "encoding" in named, f"{path}, line {call.lineno}: no encoding"
