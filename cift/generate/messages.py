"""cift/contracts/*_gen.py: the types of the engine's messages, the names of its enums, and the shared limits.

The codec in rust_core/crates/python encodes and decodes the messages and also writes their types, so the
two cannot differ. The files end in `_gen.py`, because Python cannot import a module whose name has a dot.
This module imports nothing of cift, because nearly all of it imports the files.
"""

from pathlib import Path

from cift_core import wire

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = "cift/contracts"


class Stale(Exception):
    """Committed files differ from cift_core; the text names them, and the remedy."""


class OldModule(Exception):
    """The installed cift_core is older than its sources; one sentence with the cure."""


def files() -> dict[str, str]:
    """Path and text of each file.

    Raises:
        OldModule: the installed cift_core cannot write them.
    """
    try:
        return {
            f"{FOLDER}/limits_gen.py": wire.shared_limits(),
            f"{FOLDER}/messages_gen.py": wire.message_types(),
            f"{FOLDER}/names_gen.py": wire.message_names(),
        }
    except AttributeError as error:
        raise OldModule(f"cift_core is older than its sources ({error}): run `make build`") from error


def generate(*, check: bool, root: Path = ROOT) -> list[str]:
    """Write the files that differ and return their paths; with `check` write nothing.

    Raises:
        Stale: with `check`, when something differs.
        OldModule: the installed cift_core cannot write them.
    """
    differ = {path: text for path, text in files().items() if _read(root / path) != text}
    if check and differ:
        raise Stale(f"these files differ from cift_core: {', '.join(differ)}; run `make generate`")
    for path, text in differ.items():
        (root / path).write_text(text)
    return list(differ)


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
