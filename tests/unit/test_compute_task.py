import json

import pytest

from dure.base.errors import Unavailable
from dure.compute.task import Task, declared, task


def body(inputs, params, seed, progress):
    progress(1.0, "done")
    return {"out": json.dumps([sorted(inputs), params, seed]).encode()}


def make(**changes):
    fields = {
        "name": "tests.body", "version": 1, "distributions": (), "threads": 1, "module": __name__, "function": "body",
        "body": body,
    }  # fmt: skip
    return Task(**{**fields, **changes})


def key(made=None, inputs=None, params=None, seed=0):
    return (made or make()).key(inputs or {"a": "b3:1"}, params or {"n": 1}, seed)


def test_a_task_can_be_called_as_the_function_it_is():
    assert make()({"b": b"", "a": b""}, {"n": 1}, 7, lambda *_: None) == {"out": b'[["a", "b"], {"n": 1}, 7]'}


def test_the_key_names_what_is_computed():
    changed = [
        key(make(name="tests.other")),
        key(make(version=2)),
        key(make(distributions=("numpy",))),
        key(inputs={"a": "b3:2"}),
        key(inputs={"b": "b3:1"}),
        key(params={"n": 2}),
        key(seed=1),
        key(make(), seed=None),
    ]
    assert len({key(), *changed}) == 9


def test_the_key_does_not_name_how_or_where_it_is_computed():
    assert key(make(threads=2, module="elsewhere", function="renamed")) == key()
    assert key(params={"b": 1, "a": 2}) == key(params={"a": 2, "b": 1})
    # Keys are kept in ledgers: this one may never change.
    assert key() == "b3:4273a045ec74a3d9203b699fc89c5cfeb1093db885ff56c0dce7f731f409a8ae"


def test_a_distribution_that_is_not_installed_is_named():
    with pytest.raises(Unavailable, match="no-such-thing is not installed"):
        key(make(distributions=("no-such-thing",)))


def test_the_version_of_a_distribution_is_part_of_the_key(monkeypatch):
    made = make(distributions=("numpy",))
    before = key(made)
    monkeypatch.setattr("dure.compute.task.version", lambda name: "0.0.1")
    assert key(made) != before


@task(version=3, distributions=("numpy",), threads=2)
def registered(inputs, params, seed, progress):
    return {}


def test_declared_tasks_are_known_by_a_permanent_name():
    name = f"{__name__}.registered"
    assert declared()[name] is registered
    assert (registered.version, registered.threads) == (3, 2)
    moved = task(version=1, name="tests.first_home.moved")(body)
    assert moved.name == "tests.first_home.moved"


def test_what_a_worker_could_not_find_cannot_be_declared():
    def inside(inputs, params, seed, progress):
        return {}

    for function in (inside, lambda inputs, params, seed, progress: {}):
        with pytest.raises(TypeError, match="not at the top of its module"):
            task(version=1)(function)


def test_two_tasks_cannot_share_a_name():
    with pytest.raises(TypeError, match="two tasks are named"):
        task(version=1, name=registered.name)(body)
