"""The generated part of `docs/guide/access.md`: who may do what, and what must hold, in both languages.

After a change to the tables: `python -m dure.access.guide docs/guide/access.md`. A test fails while the page is stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from dure.access.actions import ACTIONS, Action
from dure.access.conditions import Condition
from dure.access.policy import OTHER_REASONS
from dure.access.roles import ROLES, SYSTEM, Text
from dure.access.terms import LICENCES, duo

BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"

_WORDS = {
    "actions": Text("Actions", "행위"),
    "roles": Text("Roles", "역할"),
    "role": Text("Role", "역할"),
    "name": Text("Name", "이름"),
    "who": Text("Who", "누가"),
    "owner": Text("owner as {roles}", "소유자({roles})"),
    "states": Text("Only while its state is {states}.", "상태가 {states}일 때만."),
    "must hold": Text("What must hold", "지켜야 할 조건"),
    "condition": Text("Condition", "조건"),
    "when it fails": Text("When it fails", "어긋날 때"),
    "remedy": Text("What to do", "할 일"),
    "thing": Text("Attributes of the thing", "대상의 속성"),
    "moment": Text("Attributes of the moment", "상황의 속성"),
    "codes": Text("Terms of use (DUO)", "이용 조건 (DUO)"),
    "code": Text("Code", "코드"),
    "value": Text("Value", "값"),
    "meaning": Text("Meaning", "뜻"),
    "licences": Text("Licences", "라이선스"),
    "obliges to": Text("Obliges to", "의무"),
    "language": Text("English", "한국어"),
}


def reference() -> str:
    """The generated part, English first, then Korean."""
    return "\n".join(line for lang in Text._fields for line in _language(lang))


def renewed(page: str) -> str:
    """A page with its generated part made anew; `ValueError` where it has no marks."""
    head, _, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{head}{BEGIN}\n\n{reference()}\n{END}{tail}"


def _language(lang: str) -> Iterator[str]:
    word = {name: str(getattr(text, lang)) for name, text in _WORDS.items()}
    yield from (f"## {word['language']}", "", f"### {word['roles']} ({lang})", "")
    yield from _table(
        (word["name"], word["role"]), ((f"`{name}`", getattr(text, lang)) for name, text in (ROLES | SYSTEM).items())
    )
    yield from (f"### {word['actions']} ({lang})", "")
    for action in ACTIONS.values():
        yield from _action(action, word, lang)
    yield from (f"### {word['condition']} ({lang})", "")
    yield from _table((word["condition"], word["when it fails"], word["remedy"]), _conditions(lang))
    yield from (f"### {word['codes']} ({lang})", "")
    yield from _table(
        (word["code"], "DUO", word["value"], word["meaning"]),
        ((t.shorthand, t.id, t.value, t.label if lang == "en" else t.label_ko) for t in duo().values()),
    )
    yield from (f"### {word['licences']} ({lang})", "")
    yield from _table(
        (word["name"], word["obliges to"]), ((f"`{name}`", ", ".join(brought)) for name, brought in LICENCES.items())
    )


def _action(action: Action, word: dict[str, str], lang: str) -> Iterator[str]:
    role = action.conditions[0]
    codes = ", ".join(f"`{condition.code}`" for condition in action.conditions[1:])
    states = "".join(" " + word["states"].format(states=", ".join(c.states)) for c in action.conditions if c.states)
    yield from (f"#### `{action.name}` ({lang})", "")
    yield f"{getattr(action.title, lang)}. {word['who']}: {_who(role, word)}.{states} {word['must hold']}: {codes}."
    for title, names in ((word["thing"], action.resource), (word["moment"], action.context)):
        if names:
            yield f"{title}: " + ", ".join(f"`{name}` ({kind.__name__})" for name, kind in names.items()) + "."
    yield ""


def _who(role: Condition, word: dict[str, str]) -> str:
    owner = [word["owner"].format(roles=", ".join(role.owner_roles))] if role.owner_roles else []
    return ", ".join([*role.roles, *owner])


def _conditions(lang: str) -> Iterator[tuple[str, str, str]]:
    seen = {condition.code: condition for action in ACTIONS.values() for condition in action.conditions}
    for code, condition in seen.items():
        if code not in ("role", "state"):  # what these two say differs from action to action
            yield f"`{code}`", getattr(condition.sentence, lang), getattr(condition.remedy, lang)
    for code, (sentence, remedy) in OTHER_REASONS.items():
        yield f"`{code}`", getattr(sentence, lang), getattr(remedy, lang)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield from ("| " + " | ".join(head) + " |", "|" + " --- |" * len(head))
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    yield ""


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text("utf-8")), "utf-8")
