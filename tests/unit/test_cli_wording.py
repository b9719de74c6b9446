"""Every error, reason and notice of Dure has its Korean sentence, and every Korean sentence belongs to one.

The English sentences are found in the source: what is handed to an error's class is followed back through names,
conditions, helper functions and lists to the words it is made of; what is put in at run time is a hole.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import dure
from dure.access.actions import ACTIONS
from dure.access.policy import OTHER_REASONS, refusal
from dure.base.errors import BadInput, NotFound, RowErrors
from dure.base.types import Decision
from dure.cli import language, output, wording
from dure.cli.door import run
from dure.compute.runner import TaskFailed

SOURCE = Path(dure.__file__).parent
HOLE = "\0"
MOST = 64
"""Wordings of one expression; more means that something else than sentences was followed."""
FEW = 3
"""So many words of a loop are worded one by one; more are put in."""

SAYING = ("what", "remedy", "where", "why", "how", "reason", "problems", "warnings", "refused", "flags")
"""Parameters that carry sentences or lists of them: what they are called with is looked at."""
FIELDS = {
    ("lab.outcome", "Failed"): ("reason",),
    ("lab.outcome", "Measured"): ("flags",),
    ("lab.results", "Results"): ("warnings",),
    ("store.doctor", "Finding"): ("what", "where", "remedy"),
}
"""Classes beside the errors whose fields are shown to people."""
RETURNS = (
    ("lab.quality", "_reasons"),
    ("lab.quality", "_flags"),
    ("lab.outcome", "flags_of"),
    ("lab.potency", "_discordance"),
    ("store.rebuild", "__str__"),
)
"""Functions whose answers reach people inside other sentences, by way of a record's field."""
TABLES = (("lab.curves", "FLAGS"),)
"""Tables from names that a record holds to the words that people are shown for them."""
COMMANDS = ("dure ", "pip install ", "chmod ")
"""A sentence that begins so is a command to be typed: it is the same in every language."""

ELSEWHERE = {
    "refused to {0}: {1}": "a format of `dure.access.policy`, which has its Korean beside it; held equal below",
    "process {0}": "what a lock file holds",
    "dure, process {0} on {1}": "how a process calls itself to PostgreSQL",
}
"""Sentences in the table that stand in the code in another form."""

DYNAMIC = {
    ("access.policy", "getattr(_REFUSED, lang).format(title=title, because=because)"): "has its Korean beside it",
    ("access.policy", "'; '.join(dict.fromkeys((reason.remedy for reason in found)))"): "has its Korean beside it",
    ("access.policy", "'; '.join(problems[:3])"): "Cedar's own words",
    ("cli.door", "message.rstrip('.')"): "Typer's own words: the section `typer`, tried below",
    ("compute.runner", "str(told['what'])"): "what a task said of its input, where its own sentences stand",
    ("compute.runner", "told['remedy']"): "what a task said of its input, where its own sentences stand",
    ("store.doctor", "str(d)"): "a difference; its words are among `RETURNS`",
    ("fields.drug.docking", "docked.reason('en') or 'there is no pose'"): "a table of reasons in both languages",
}
"""What cannot be known before it runs, and why that is well."""


class Module:
    """One source file, with the function and the file that every node stands in."""

    def __init__(self, path: Path) -> None:
        self.name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        self.tree = ast.parse(path.read_text("utf-8"))
        self.constants: dict[str, ast.expr] = {}
        self.imported: dict[str, str] = {}
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom):
                self.imported |= {alias.asname or alias.name: f"{node.module}" for alias in node.names}
            for target in _targets(node):
                self.constants[target] = node.value  # type: ignore[attr-defined]


class Sentences:
    """All sentences of the source that may reach a user: `found` has where each stands, `dynamic` what is unknown."""

    def __init__(self) -> None:
        modules = map(Module, sorted(SOURCE.rglob("*.py")))
        # What says errors again in Korean says nothing of its own.
        self.modules = {module.name: module for module in modules if module.name != "cli.wording"}
        self.found: dict[str, list[str]] = {}
        self.places: dict[str, list[str]] = {}
        self.dynamic: set[tuple[str, str]] = set()
        self._home: dict[ast.AST, Module] = {}
        self._function: dict[ast.AST, ast.FunctionDef | None] = {}
        self._functions: dict[str, list[ast.FunctionDef]] = {}
        self._classes: dict[str, list[ast.ClassDef]] = {}
        self._calls: dict[str, list[ast.Call]] = {}
        self._open: list[object] = []
        self._asked: dict[tuple[ast.FunctionDef, str], bool] = {}
        for module in self.modules.values():
            self._enter(module.tree, module, None)
        self._collect()

    def _enter(self, node: ast.AST, home: Module, function: ast.FunctionDef | None) -> None:
        self._home[node], self._function[node] = home, function
        if isinstance(node, ast.FunctionDef):
            self._functions.setdefault(node.name, []).append(node)
            function = node
        elif isinstance(node, ast.ClassDef):
            self._classes.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Call):
            self._calls.setdefault(_name(node.func), []).append(node)
        for child in ast.iter_child_nodes(node):
            self._enter(child, home, function)

    # --- where sentences are handed over

    def _collect(self) -> None:
        errors = self._errors()
        for name in errors:
            for call in self._calls.get(name, []):
                rows = name == "RowErrors"
                self._take(
                    self._given(call, ["path", "problems"] if rows else ["what"], "problems" if rows else "what")
                )
            for defined in self._classes[name]:
                self._take_own(defined)
        for call in itertools.chain.from_iterable(self._calls.values()):
            self._take_keywords(call, {"remedy", "warnings", "notices"} | ({"where"} if _raises(call) else set()))
            if isinstance(call.func, ast.Name) and call.func.id not in errors and _raises(call):
                self._take(call.args[0] if call.args else None)  # a class out of a table: `kind(sentence, remedy=…)`
        for (module, name), fields in FIELDS.items():
            for call, field in itertools.product(self._calls[name], fields):
                if self._means(call, module, name):
                    self._take(self._given(call, self._fields_of(module, name), field), place=field == "where")
        for module, name in RETURNS:
            [function] = [f for f in self._functions[name] if self._home[f].name == module]
            for value in _answers(function):
                self._take(value, part=True)
        for module, name in TABLES:
            self._take(self.modules[module].constants[name])
        while pending := [asked for asked, done in self._asked.items() if not done]:
            for function, parameter in pending:
                self._asked[function, parameter] = True
                for call in self._calls.get(function.name, []):
                    given = self._given(call, _parameters(function), parameter)
                    self._take(given, part=True, place=parameter == "where")

    def _errors(self) -> set[str]:
        errors: set[str] = {"DureError"}
        while True:
            below = {
                name
                for name, classes in self._classes.items()
                if any(_name(base) in errors for defined in classes for base in defined.bases)
            }
            if below <= errors:
                return errors
            errors |= below

    def _take_own(self, defined: ast.ClassDef) -> None:
        """What an error's class says by itself."""
        for node in ast.walk(defined):
            if isinstance(node, ast.Call) and _name(node.func) == "__init__" and isinstance(node.args[0], ast.BinOp):
                self._take(node.args[0])

    def _take_keywords(self, call: ast.Call, names: set[str]) -> None:
        for keyword in call.keywords:
            if keyword.arg in names:
                self._take(keyword.value, place=keyword.arg == "where")

    def _take(self, value: ast.expr | None, *, part: bool = False, place: bool = False) -> bool:
        """Notes the sentences of an expression, and of a part or a place what is more than a name; whether any was."""
        if value is None:
            return False
        texts = self._texts(value)
        if HOLE in texts and not part and not place and not self._is_passed_on(value):
            self.dynamic.add((self._home[value].name, ast.unparse(value)))
        pattern = _PLACE if place else _PART if part else _WHOLE
        lines = [line.strip() for text in texts for line in text.split("\n")]
        lines = [line for line in lines if re.search(pattern, line) and not line.startswith(COMMANDS)]
        for line in lines:
            (self.places if place else self.found).setdefault(_numbered(line), []).append(
                f"{self._home[value].name}:{value.lineno}"
            )
        return bool(lines)

    def _is_passed_on(self, value: ast.expr) -> bool:
        """Whether it was made elsewhere, where it is looked at: a name, a field, or a list of such."""
        if isinstance(value, ast.Call) and _name(value.func) in ("sorted", "tuple"):
            return self._is_passed_on(value.args[0])
        return isinstance(value, ast.Name | ast.Attribute)

    def _given(self, call: ast.Call, parameters: list[str], name: str) -> ast.expr | None:
        for keyword in call.keywords:
            if keyword.arg == name:
                return keyword.value
        place = parameters.index(name) if name in parameters else len(call.args)
        plain = not any(isinstance(argument, ast.Starred) for argument in call.args[: place + 1])
        return call.args[place] if plain and place < len(call.args) else None

    def _means(self, call: ast.Call, module: str, name: str) -> bool:
        home = self._home[call]
        return home.name == module or home.imported.get(name) == f"dure.{module}"

    def _fields_of(self, module: str, name: str) -> list[str]:
        [defined] = [d for d in self._classes[name] if self._home[d].name == module]
        return [n.target.id for n in defined.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]

    # --- from an expression back to its words

    def _texts(self, value: ast.expr | None) -> list[str]:
        """All texts that an expression may be, a hole for what is put in at run time; of a list, those of its items."""
        found = list(dict.fromkeys(re.sub(f"{HOLE}+", HOLE, text) for text in self._worded(value)))
        assert len(found) <= MOST, ast.unparse(value) if value else ""
        return found

    def _worded(self, value: ast.expr | None) -> Iterable[str]:
        match value:
            case ast.Constant(value=str(text)):
                return [text]
            case None | ast.Constant(value=None):
                return []
            case ast.JoinedStr(values=parts):
                return self._joined(parts)
            case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
                return self._texts(inner)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([left, right])
            case ast.IfExp(body=one, orelse=other):
                return [*self._texts(one), *self._texts(other)]
            case ast.BoolOp(values=values):
                return self._all(values)
            case ast.List(elts=values) | ast.Tuple(elts=values) | ast.Set(elts=values) | ast.Dict(values=values):
                return [text for text in self._all(values) if text != HOLE]
            case ast.ListComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.Starred(value=inner):
                return self._texts(inner)
            case ast.Name():
                return self._named(value)
            case ast.Attribute(attr="what" | "remedy"):
                return []  # of another error, whose own words are found where it is made
            case ast.Attribute(value=ast.Name(), attr="problems"):
                return self._member("problems")
            case ast.Subscript():
                return self._looked_up(value)
            case ast.Call():
                return self._answered(value)
        return [HOLE]

    def _all(self, values: Iterable[ast.expr]) -> list[str]:
        return [text for value in values for text in self._texts(value)]

    def _joined(self, parts: list[ast.expr]) -> list[str]:
        if any(isinstance(part, ast.Call) and _name(part.func) == "say" for part in parts):
            return []  # worded in both languages where it stands
        return ["".join(texts) for texts in itertools.product(*(self._texts(part) or [HOLE] for part in parts))]

    def _named(self, name: ast.Name) -> list[str]:
        """What a name was given in its function or around it, else what the module gave it."""
        function = self._function[name]
        if (name.id, function) in self._open:
            return []
        self._open.append((name.id, function))
        try:
            while function is not None:
                given = [text for node in ast.walk(function) for text in self._bound(node, name.id)]
                if given:
                    return [HOLE if HOLE in text and not re.search("[A-Za-z]", text) else text for text in given]
                if name.id in _parameters(function):
                    if name.id in SAYING:
                        self._asked.setdefault((function, name.id), False)
                    return [HOLE]
                function = self._function[function]
            constant = self._constant(name)
            return self._texts(constant) if constant is not None else [HOLE]
        finally:
            self._open.pop()

    def _bound(self, node: ast.AST, name: str) -> list[str]:
        """The texts that a statement puts into a name, or into the list or table of that name."""
        added = _added(node, lambda target: isinstance(target, ast.Name) and target.id == name)
        if added is not None:
            return self._texts(added) or ([] if _empty(added) else [HOLE])
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            at = _place(node.targets[0], name)
            if at is None:
                return []
            if isinstance(node.value, ast.Tuple):
                return self._texts(node.value.elts[at])
            return self._answered(node.value, at) if isinstance(node.value, ast.Call) else [HOLE]
        if isinstance(node, ast.For | ast.comprehension) and name in _targets_of(node.target):
            return self._looped(node, name)
        return []

    def _looped(self, loop: ast.For | ast.comprehension, name: str) -> list[str]:
        """What a loop puts into its variable: its column in a table, or the sentences of the list."""
        over, at = loop.iter, _place(loop.target, name)
        few = isinstance(over, ast.Tuple | ast.List) and len(over.elts) <= FEW
        if isinstance(over, ast.Name):
            over = self._constant(over) or over
        if isinstance(over, ast.Call) and _name(over.func) == "items" and isinstance(over.func, ast.Attribute):
            table = self._table(over.func.value)
            return _sentences(self._all(table.keys if at == 0 else table.values)) or [HOLE] if table else [HOLE]  # type: ignore[arg-type]
        if isinstance(over, ast.Tuple | ast.List):
            rows = [row.elts[at] if isinstance(row, ast.Tuple) and at is not None else row for row in over.elts]
            texts = self._all(rows)
            return (texts if few else _sentences(texts)) or [HOLE]
        return _sentences(self._texts(over)) or [HOLE]

    def _table(self, value: ast.expr) -> ast.Dict | None:
        if isinstance(value, ast.Name):
            function = self._function[value]
            nodes = ast.walk(function) if function else iter(())
            given = (_added(node, lambda t: isinstance(t, ast.Name) and t.id == value.id) for node in nodes)
            value = next((g for g in given if isinstance(g, ast.Dict)), value)
        return value if isinstance(value, ast.Dict) else None

    def _constant(self, name: ast.Name) -> ast.expr | None:
        home = self._home[name]
        if name.id in home.constants:
            return home.constants[name.id]
        origin = self.modules.get(home.imported.get(name.id, "").removeprefix("dure."))
        return origin.constants.get(name.id) if origin else None

    def _member(self, attribute: str) -> list[str]:
        """What is put into an attribute of that name by those who read tables."""
        if attribute in self._open:
            return []
        self._open.append(attribute)
        found = []
        for node in (node for node, home in self._home.items() if home.name.startswith(("data.", "lab."))):
            if isinstance(node, ast.keyword) and node.arg == attribute:
                found += self._texts(node.value)
            added = _added(node, lambda target: isinstance(target, ast.Attribute) and target.attr == attribute)
            found += self._texts(added)
        self._open.pop()
        return _sentences(found)

    def _looked_up(self, value: ast.Subscript) -> list[str]:
        """An entry of a table in this function or of the module, or one of all its entries."""
        if not isinstance(value.value, ast.Name):
            return [HOLE]
        table = self._constant(value.value)
        if not isinstance(table, ast.Dict):
            return _sentences(self._named(value.value)) or [HOLE]
        if isinstance(value.slice, ast.Constant):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in table.keys]
            if value.slice.value in keys:
                return self._texts(table.values[keys.index(value.slice.value)])
        return _sentences(self._all(table.values)) or [HOLE]

    def _answered(self, call: ast.Call, at: int | None = None) -> list[str]:
        """What a function of ours answers (at a place of what it answers), where that is sentences.

        What is joined is parts for themselves.
        """
        name = _name(call.func)
        if name == "say":
            return []
        if name in ("sorted", "list", "tuple", "set", "fromkeys"):
            return self._all(call.args[:1])
        if name == "join":
            return [] if self._take(call.args[0], part=True) else [HOLE]
        if name in self._open or (isinstance(call.func, ast.Attribute) and any(hasattr(t, name) for t in (str, bytes))):
            return [HOLE]
        functions = self._functions.get(name, [])
        here = [f for f in functions if self._home[f] is self._home[call]]
        self._open.append(name)
        answers = [value for function in here or functions for value in _answers(function)]
        if at is not None:
            answers = [a.elts[at] if isinstance(a, ast.Tuple) and at < len(a.elts) else a for a in answers]
        found = _sentences(self._all(answers))
        self._open.pop()
        return found or [HOLE]


_WHOLE = r"[A-Za-z]{2}"
_PART = r"[a-z]{2}.* |^[^ ]+ .*[a-z]{2}"
_PLACE = rf"[A-Za-z]{{2,}} [a-z0-9{HOLE}]"


def _sentences(texts: Iterable[str]) -> list[str]:
    """Those that are more than a name or a code; beside them a hole, where there is something else."""
    texts = list(texts)
    kept = [text for text in texts if re.search("[A-Za-z].* |  *[A-Za-z]", text)]
    return [*kept, *([HOLE] if kept and HOLE in texts else [])]


def _raises(call: ast.Call) -> bool:
    return any(keyword.arg == "remedy" for keyword in call.keywords) or _name(call.func) in (
        *("BadInput", "Conflict", "Corrupt", "NotFound", "Refused", "Unavailable", "Waiting"),
    )


def _name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Name):
        return expression.id
    return expression.attr if isinstance(expression, ast.Attribute) else ""


def _parameters(function: ast.FunctionDef) -> list[str]:
    """Without `self`, which a call does not give."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def _answers(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """What a function returns or yields, and not what a function inside it does."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield node.value
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)


def _targets(node: ast.AST) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _targets_of(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _place(target: ast.expr, name: str) -> int | None:
    names = [_name(one) for one in target.elts] if isinstance(target, ast.Tuple) else []
    return names.index(name) if name in names else None


def _empty(value: ast.expr) -> bool:
    return isinstance(value, ast.List | ast.Tuple | ast.Dict) and not ast.unparse(value).strip("[](){}")


def _added(node: ast.AST, is_it: Callable[[ast.expr], bool]) -> ast.expr | None:
    """What a statement assigns to a target, appends to it or enters under a key of it."""
    match node:
        case ast.Assign(targets=[ast.Subscript(value=target)], value=value):
            return value if is_it(target) else None
        case ast.Assign(targets=targets, value=value):
            return value if any(map(is_it, targets)) else None
        case ast.AnnAssign(target=target, value=value) | ast.AugAssign(target=target, value=value):
            return value if is_it(target) else None
        case ast.NamedExpr(target=target, value=value):
            return value if is_it(target) else None
        case ast.Call(func=ast.Attribute(value=target, attr="append" | "extend"), args=[value]):
            return value if is_it(target) else None
    return None


def _numbered(text: str) -> str:
    first, *rest = text.split(HOLE)
    return first + "".join(f"{{{i}}}{part}" for i, part in enumerate(rest))


@cache
def sentences() -> Sentences:
    """Of the whole source, read once."""
    return Sentences()


@pytest.fixture(autouse=True)
def _afterwards_english() -> Iterator[None]:
    yield
    language.use("en")


def entries(place: bool = False) -> dict[str, str]:
    """English sentence -> Korean sentence, as the file has them."""
    return {entry.english: entry.korean for entry in wording.table(wording.PLACES if place else None).entries}


@pytest.mark.parametrize("place", [False, True])
def test_every_sentence_of_the_source_has_its_korean(place: bool) -> None:
    found = sentences().places if place else sentences().found
    missing = {text: where for text, where in found.items() if text not in entries(place)}
    assert not missing, f"write these into src/dure/cli/korean.toml: {missing}"


@pytest.mark.parametrize("place", [False, True])
def test_no_korean_sentence_has_outlived_its_english_one(place: bool) -> None:
    found = sentences().places if place else {**sentences().found, **ELSEWHERE, **dict.fromkeys(TYPED, "")}
    assert not [text for text in entries(place) if text not in found]


def test_what_cannot_be_known_is_named_with_its_reason() -> None:
    assert sentences().dynamic == DYNAMIC.keys()


def test_korean_sentences_are_korean_and_keep_what_is_put_in() -> None:
    for place in (False, True):
        for english, korean in entries(place).items():
            assert re.search("[가-힣]", korean), english
            assert sorted(re.findall(r"\{\d+\}", english)) == sorted(re.findall(r"\{\d+\}", korean)), english
            assert not korean.endswith("."), english


def test_no_sentence_stands_twice() -> None:
    said = [entry.english for entry in wording.table().entries]
    assert sorted(set(said)) == sorted(said)


def test_every_sentence_finds_its_own_korean() -> None:
    language.use("ko")
    lost = []
    for english, korean in entries().items():
        text, wanted = english, korean
        for i in range(english.count("{")):
            text, wanted = text.replace(f"{{{i}}}", f"<{i}>"), wanted.replace(f"{{{i}}}", f"<{i}>")
        if wording.said(text) != wanted:
            lost.append((text, wording.said(text)))
    assert not lost


def _refused(action: str, *codes: str) -> Decision:
    return Decision(action, "person-1", "thing/1", False, "b3:0", (), {}, codes, ())


def test_refusals_say_what_the_policies_say_in_korean() -> None:
    language.use("ko")
    for name, action in ACTIONS.items():
        for code in [condition.code for condition in action.conditions] + list(OTHER_REASONS):
            told = wording.in_json(refusal(_refused(name, "permitted", code)))
            wanted = refusal(_refused(name, "permitted", code), "ko").as_json()
            assert told == wanted


def test_sentences_inside_sentences_are_korean_too() -> None:
    language.use("ko")
    assert wording.said("the pool could not be prepared: its worker process ended by signal SIGKILL") == (
        "풀을 준비하지 못했습니다: 작업 프로세스가 끝났습니다(신호 SIGKILL)"
    )
    plate = "plate P-01 was refused: Z′ is 0.10, below 0.4; the reference compound gave no value"
    assert wording.said(plate) == ("플레이트 P-01 거절: Z′ 0.10: 0.4 미만입니다; 기준 화합물의 값이 나오지 않았습니다")
    assert wording.said("'x nM/': 'nM/' is neither a number nor a unit") == "'x nM/': 'nM/': 수도 단위도 아닙니다"


def test_rows_keep_their_lines_and_numbers() -> None:
    language.use("ko")
    reasons = ["3 cells, but the header has 4", *(f"'{i}x' is not a number" for i in range(3, 16))]
    problem = RowErrors("a.csv", list(enumerate(reasons, 2)), remedy="try again")
    lines = wording.in_words(problem).split("\n")
    assert lines[0] == "a.csv: 14개 행을 받을 수 없습니다"
    assert lines[1] == "  2행: 셀이 3개인데 제목 행에는 4개입니다"
    assert lines[2] == "  3행: '3x': 수가 아닙니다"
    assert lines[-2:] == ["  그 밖에 2개 행", "  → 다시 시도하십시오"]
    told: Any = wording.in_json(problem)
    assert told["rows"][13] == {"row": 15, "reason": "'15x': 수가 아닙니다"}
    assert told["where"] == "a.csv"
    assert told["error"] == "bad-rows"


def test_what_is_not_known_stays_as_it_is() -> None:
    language.use("ko")
    assert wording.said("Cedar says: nothing of the kind; sorry") == "Cedar says: nothing of the kind; sorry"
    assert wording.in_words(NotFound("{0} is gone", where="event 7")) == "기록 7: {0} is gone"
    failed = TaskFailed("the task was cancelled", reason="cancelled", where="task a")
    assert wording.in_json(failed) == {
        "error": "task-failed",
        "what": "작업이 취소되었습니다",
        "where": "task a",
        "remedy": None,
        "reason": "cancelled",
    }


def test_english_is_left_alone() -> None:
    language.use("en")
    problem = BadInput("the values have no unit", where="column 'x'", remedy="try again")
    assert wording.in_words(problem) == str(problem)
    assert wording.in_json(problem) == problem.as_json()
    assert wording.said("try again") == "try again"


def test_the_table_is_not_read_for_english() -> None:
    script = "import sys; from dure.cli import output; from dure.base.errors import BadInput\n"
    script += "output.error(BadInput('try again'), as_json=False); sys.exit('tomllib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


TYPED: dict[str, tuple[str, ...]] = {
    "No such command {0}": ("xyzzy",),
    "No such command {0}. Did you mean {1}?": ("runn",),
    "Missing command": ("--hub", "somewhere"),
    "No such option: {0}": ("run", "--zzz"),
    "No such option: {0} (Possible options: {1})": ("run", "--agian"),
    "Missing argument {0}": ("run",),
    "Missing option {0}": ("deposit", "x.csv"),
    "Got unexpected extra argument(s) ({0})": ("run", "a", "b"),
    "Option {0} requires an argument": ("--hub",),
    "Option {0} does not take a value": ("run", "--again=3"),
    "Invalid value for {0}: {1}": ("ledger", "show", "--count", "0"),
    "Input should be greater than or equal to {0}": ("ledger", "show", "--count", "0"),
    "Input should be a valid integer, unable to parse string as an integer": ("ledger", "show", "--count", "x"),
}
"""What Typer says of arguments, and arguments of which it says so."""


@pytest.mark.parametrize("english", TYPED)
def test_mistakes_in_the_arguments_are_told_in_korean(
    english: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    monkeypatch.setattr(output, "error", lambda problem, as_json: told.append(problem))
    assert run(["--lang", "ko", *TYPED[english]]) == 2
    language.use("ko")
    [problem] = told
    assert any(
        entry.english == english and entry.parts(part) is not None
        for entry in wording.table().entries
        for part in [problem.what, *problem.what.split(": ")]
    )
    assert not re.search("[A-Za-z]{3,} [A-Za-z]{2,}", re.sub("'[^']*'|dure [a-z ]*", "", wording.in_words(problem)))


def spoken(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What `dure --lang ko …` says when it fails."""
    assert run(["--lang", "ko", *map(str, arguments)]) > 0
    said = capsys.readouterr()
    return said.out + said.err


def test_whole_errors_are_korean(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DURE_HUB", raising=False)
    assert spoken(capsys, "campaigns") == (
        f"오류: {tmp_path}: 여기와 상위 디렉터리에 허브가 없습니다\n"
        "  → dure init my-hub 로 만들고 그 안으로 들어가거나, dure --hub DIR … 로 지정하십시오\n"
    )
    assert spoken(capsys, "run", "drug/nothing").startswith(
        "오류: drug 분야에 그런 문제는 없습니다: 'nothing'\n  → 있는 문제: "
    )
    Path("p.toml").write_text("field = 1\n", "utf-8")
    assert json.loads(spoken(capsys, "run", "p.toml", "--json")) == {
        "error": "bad-input",
        "what": "키가 빠졌습니다: 'space'",
        "where": "p.toml",
        "remedy": "`dure new`가 만드는 파일과 비교하십시오",
    }


def test_rows_of_a_file_are_refused_in_korean(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    hub, problem = tmp_path / "hub", tmp_path / "problem.toml"
    assert run(["init", str(hub)]) == 0
    assert run(["new", str(problem)]) == 0
    capsys.readouterr()
    lines = ["compound,smiles,IC50 [nM]", "a,CCO,>>>5", "b,CCC,abc", 'c,CCN,"1,5"']
    (tmp_path / "compounds.csv").write_text("\n".join(lines), "utf-8")
    said = spoken(capsys, "--hub", hub, "run", problem).split("\n")
    assert said[0] == "오류: compounds.csv: 3개 행을 받을 수 없습니다"
    assert said[2] == "  3행: 'abc': 수가 아닙니다"
    assert said[-2] == "  → 원래 표에서 이 셀들을 고치거나 그 행들을 빼십시오"
