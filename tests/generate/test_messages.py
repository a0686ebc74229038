"""The generated message types are written from cift_core alone, before anything imports them."""

import subprocess
import sys
from pathlib import Path

import pytest

from cift.generate import messages

LOADED = "import cift.generate.messages, sys; print([m for m in sys.modules if m.startswith('cift.')])"


@pytest.mark.parametrize("path", list(messages.files()))
def test_an_edited_file_is_named_with_the_remedy_and_written_again(tmp_path: Path, path: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    assert messages.generate(check=False, root=tmp_path) == list(messages.files())
    committed = (messages.ROOT / path).read_text()
    assert (tmp_path / path).read_text() == committed
    (tmp_path / path).write_text(committed + "MINE = 1\n")
    with pytest.raises(messages.Stale, match=f"{path}; run `make generate`"):
        messages.generate(check=True, root=tmp_path)
    assert messages.generate(check=False, root=tmp_path) == [path]
    assert messages.generate(check=True, root=tmp_path) == []


def test_generating_imports_nothing_that_needs_the_files() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.strip() == "['cift.generate', 'cift.generate.messages']"


def test_an_old_cift_core_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(messages.wire, "message_types")
    with pytest.raises(messages.OldModule, match="run `make build`"):
        messages.files()
