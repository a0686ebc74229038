"""Words that may not come back, in comments, docstrings, strings, identifiers and documents.

The table "Not … but …" of docs/glossary.md is the list: its first column has the words, its second column
what to write instead. A word matches in prose and as a part of an identifier (`heard_at`, `AskedWrong`),
in any case.
"""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.tidy.test_tidy import ROOT, generated, text_of

GLOSSARY = ROOT / "docs" / "glossary.md"
OURS = {GLOSSARY, ROOT / "CHANGELOG.md", Path(__file__).resolve()}
"""Files that must contain the words; the changelog names what was renamed."""
NOT_OUR_TEXT = ("LICENSE", "tests/schemas/skaffold-")
"""Texts of others: the licence and another project's schema."""
SUFFIXES_WITHOUT_TEXT = {".lock", ".parquet", ".csv", ".png", ".ico", ".gz", ".zip", ".bin", ".sum"}

EXCEPTIONS = {
    # ClickHouse, "house account", and the engine's role and field `house`.
    "house": re.compile(
        r"click_?house|house[ _-]?accounts?|(?:\w+::|['\"`=:,({|*&.]\s*)houses?\b"
        r"|(?<!class )\bhouses?[:=(`'\"]|^\s*house,|\bhouse\.\w|\b(?:set|get)_house_|\bhouse(?:High|Low)\b"
        r"|\bhouse @|\blet house\b|\bFIRST_HOUSE\b|\bHOUSES\b",
        re.I,
    ),
    # The position in a file.
    "tell": re.compile(r"\.tell\(\)|def tell\(self\)"),
    # The function of mathematics, a consumer's ack floor, and a lower bound.
    "floor": re.compile(
        r"floor\s*\(|\w[._]floor\b|\bfloor[ _]?[:=;,)>]|\blet floor\b|[(>=] ?floor\b|_floor\("
    ),
}


def pattern_of(word: str) -> re.Pattern[str]:
    """Matches the word as a whole word and as a part of an identifier: `told`, `told_ns`, `TOLD`,
    `isTold`."""
    if word != word.lower() or " " in word:
        return re.compile(re.escape(word))
    return re.compile(
        rf"(?<![A-Za-z]){word}(?![a-z])|{word.capitalize()}(?![a-z])|(?<![A-Za-z]){word.upper()}(?![A-Za-z])"
    )


@cache
def replacements() -> dict[str, str]:
    """What to write instead, by word: the table of the glossary."""
    table = GLOSSARY.read_text().partition("## Not … but …")[2]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, flags=re.MULTILINE)
    return {word: instead for words, instead in rows if words != "not" for word in words.split(", ")}


@cache
def patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((word, pattern_of(word)) for word in replacements())


@cache
def texts() -> tuple[Path, ...]:
    """The files that we write: tracked, not generated, not binary, not of others."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True, timeout=300,
    ).stdout  # fmt: skip
    paths = (ROOT / name for name in listed.split("\0") if name and not name.startswith(NOT_OUR_TEXT))
    return tuple(
        path
        for path in paths
        if path.is_file()
        and path not in OURS
        and path.suffix not in SUFFIXES_WITHOUT_TEXT
        and not generated(path)
    )


def found_in(path: Path) -> Iterator[str]:
    text = text_of(path)
    lower = text.lower()
    for word, pattern in patterns():
        # Most words are in few files, and this look is far cheaper than the pattern.
        if word.split()[0].lower() not in lower:
            continue
        for match in pattern.finditer(text):
            begin, end = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
            line = text[begin : end if end >= 0 else None]
            exception = EXCEPTIONS.get(word.removesuffix("s"))
            at = match.start() - begin
            if exception and any(e.start() <= at < e.end() for e in exception.finditer(line)):
                continue
            number = text.count("\n", 0, match.start()) + 1
            yield (
                f"{path.relative_to(ROOT)}:{number}: {match[0]!r}; write {replacements()[word]}"
                f" (docs/glossary.md): {line.strip()[:100]}"
            )


def test_no_word_of_the_list_is_used() -> None:
    found = [each for path in texts() for each in found_in(path)]
    assert not found, f"{len(found)} words that docs/glossary.md replaces:\n" + "\n".join(found[:200])


def test_the_glossary_is_sorted_and_has_one_definition_each() -> None:
    table = GLOSSARY.read_text().partition("## Not … but …")[0]
    terms = re.findall(r"^\| (.+?) \|", table, flags=re.MULTILINE)[2:]
    assert len(terms) > 40 and terms == sorted(terms, key=str.lower)
    assert len(set(terms)) == len(terms)


@pytest.mark.parametrize(
    ("text", "word", "matches"),
    [
        ("the engine is told", "told", True),
        ("told_ns", "told", True),
        ("TOLD_PER_S", "told", True),
        ("isTold()", "told", True),
        ("retold", "told", False),
        ("bedroom", "room", False),
        ("AskedWrong", "AskedWrong", True),
        ("ClickHouse", "house", True),
        ("as it stands", "as it stands", True),
    ],
)
def test_a_pattern_matches_words_and_parts_of_identifiers(text: str, word: str, matches: bool) -> None:
    assert bool(pattern_of(word).search(text)) is matches


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ('role="house"', True),
        ("AccountRole::House", True),
        ("house: AccountId,", True),
        ("the house account sells", True),
        ("ClickHouse", True),
        ("the house serves functions", False),
        ("functions of the house, in layers", False),
        ("load_house", False),
        ("class House:", False),
    ],
)
def test_house_is_allowed_for_the_account_only(line: str, allowed: bool, tmp_path: Path) -> None:
    match = pattern_of("house").search(line)
    assert match is not None
    excepted = any(e.start() <= match.start() < e.end() for e in EXCEPTIONS["house"].finditer(line))
    assert excepted is allowed
