"""RULES.md and the Rust tests name the same rules.

A rule is defined by a list item (`- **R4.2** …`) or by a table row (`| R4.9 | …`) of RULES.md. A test holds
a rule if its doc comment has `Holds R4.2.` or a list (`Holds R4.2, R4.3.`). A rule that no test can reach
ends with `(held by construction: where)`.
"""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

RUST = Path(__file__).resolve().parent.parent.parent / "rust_core"
PAGE = RUST / "RULES.md"
TEST_FOLDERS = [RUST / "crates" / crate for crate in ("engine", "sim", "matchd")]
COLUMNS_MAX = 120
DEFINITION = re.compile(r"^(?:- \*\*|\| )(R\d+\.\d+)(?:\*\*| \|)")
BY_CONSTRUCTION = re.compile(r"\(held by construction: [^()]+\)$")
TEST_WITH_DOC = re.compile(
    r"((?:^[ \t]*///.*\n)+)(?:^[ \t]*#\[.*\]\n)*?^[ \t]*#\[(?:tokio::)?test\b", re.MULTILINE
)
REFERENCE = re.compile(r"\bR\d+\.\d+\b")
HOLDS = re.compile(r"\bHolds (R\d+\.\d+(?:,\s+R\d+\.\d+)*)\.")


def rules(page: str) -> list[tuple[str, str]]:
    """(number, text) of each rule, in the order of the page."""
    found: list[tuple[str, list[str]]] = []
    for line in page.splitlines():
        if match := DEFINITION.match(line):
            found.append((match[1], [line]))
        elif found and line.startswith("  "):
            found[-1][1].append(line.strip())
    return [(number, " ".join(lines)) for number, lines in found]


def held(source: str) -> list[str]:
    """The rules that the tests of one Rust file name."""
    numbers: list[str] = []
    for doc in TEST_WITH_DOC.findall(source):
        text = " ".join(line.strip().removeprefix("///").strip() for line in doc.splitlines())
        for names in HOLDS.findall(text):
            numbers += re.split(r",\s+", names)
    return numbers


DEFINED = rules(PAGE.read_text())
TESTED = {
    number: path
    for folder in TEST_FOLDERS
    for path in sorted(folder.rglob("*.rs"))
    for number in held(path.read_text())
}


def test_rules_and_tests_are_found() -> None:
    assert len(DEFINED) > 200 and len(TESTED) > 200


def test_rule_numbers_are_unique_and_in_order() -> None:
    numbers = [number for number, _ in DEFINED]
    twice = [number for number, count in Counter(numbers).items() if count > 1]
    assert not twice, f"RULES.md defines {', '.join(twice)} more than once."
    key = [tuple(int(part) for part in number[1:].split(".")) for number in numbers]
    assert key == sorted(key), "RULES.md: order the rules by their numbers."
    for (section, rule), (next_section, next_rule) in pairwise(key):
        follows = next_rule == (rule + 1 if next_section == section else 1)
        assert follows, f"RULES.md: R{next_section}.{next_rule} does not follow R{section}.{rule}."


def test_every_rule_is_held_by_a_test() -> None:
    missing = [
        number for number, text in DEFINED if number not in TESTED and not BY_CONSTRUCTION.search(text)
    ]
    assert not missing, (
        f"no test holds {', '.join(missing)}: add `/// Holds {missing[0]}.` to the test that does, or write"
        " that test; if no test can reach the rule, end it with `(held by construction: where)`."
    )


def test_a_rule_held_by_construction_has_no_test() -> None:
    both = [number for number, text in DEFINED if number in TESTED and BY_CONSTRUCTION.search(text)]
    assert not both, f"{', '.join(both)}: a test holds it; delete `(held by construction: …)`."


def test_tests_name_only_rules_that_exist() -> None:
    known = {number for number, _ in DEFINED}
    wrong = {number: path.relative_to(RUST) for number, path in TESTED.items() if number not in known}
    assert not wrong, f"RULES.md has no such rule: {wrong}"


def test_the_code_refers_to_rules_that_exist() -> None:
    known = {number for number, _ in DEFINED}
    wrong = {
        f"{path.relative_to(RUST)}: {number}"
        for path in sorted((RUST / "crates").rglob("*.rs"))
        for number in REFERENCE.findall(path.read_text())
        if number not in known
    }
    assert not wrong, f"RULES.md has no such rule: {sorted(wrong)}"


def test_lines_are_short() -> None:
    long = [
        number
        for number, line in enumerate(PAGE.read_text().splitlines(), start=1)
        if len(line) > COLUMNS_MAX
    ]
    assert not long, f"RULES.md has more than {COLUMNS_MAX} columns in lines {long}."


@pytest.mark.parametrize(
    ("source", "numbers"),
    [
        ("/// Holds R1.2.\n#[test]\nfn a() {}\n", ["R1.2"]),
        ("/// Why.\n/// Holds R1.2, R1.3,\n/// R2.1.\n#[test]\nfn a() {}\n", ["R1.2", "R1.3", "R2.1"]),
        ("/// Holds R1.2.\n#[tokio::test]\nasync fn a() {}\n", ["R1.2"]),
        ("/// Holds R1.2.\nfn helper() {}\n\n#[test]\nfn a() {}\n", []),
        ("// Holds R1.2.\n#[test]\nfn a() {}\n", []),
    ],
)
def test_only_doc_comments_of_tests_count(source: str, numbers: list[str]) -> None:
    assert held(source) == numbers
