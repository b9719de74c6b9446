"""What every runner promises (`dure.compute.runner`), held against each of them. A new runner adds one line here."""

import json

import pytest
import runner_tasks as tasks

from dure.compute.inline import InlineRunner
from dure.compute.local import LocalRunner
from dure.compute.runner import MAX_MESSAGE, Resources, TaskFailed
from dure.compute.task import task

RUNNERS = {"inline": InlineRunner, "local": LocalRunner}


@pytest.fixture(scope="module", params=list(RUNNERS))
def runner(request):
    with RUNNERS[request.param](cpus=2) as made:
        yield made


@pytest.fixture(params=list(RUNNERS))
def own_runner(request):
    """One that the test may close."""
    with RUNNERS[request.param](cpus=2) as made:
        yield made


def reason(handle):
    with pytest.raises(TaskFailed) as caught:
        handle.result(30)
    return caught.value.reason


def test_objects_in_objects_out(runner):
    handle = runner.submit(tasks.double, {"a": b"\x00\xff", "b": b"", "ü": b"x" * 3_000_000})
    assert handle.result(30) == {"a": b"\x00\xff" * 2, "b": b"", "ü": b"x" * 6_000_000}
    assert handle.done
    assert runner.submit(tasks.double, {}).result(30) == {}


def test_parameters_and_seed_arrive_as_json_has_them(runner):
    params = {"f": 1.0, "i": 1, "t": (1, 2), "d": {"x": None}, "s": "값"}
    seen = json.loads(runner.submit(tasks.arguments, {}, params, 2**63).result(30)["seen"])
    assert seen == {
        "params": {"f": 1.0, "i": 1, "t": [1, 2], "d": {"x": None}, "s": "값"},
        "seed": 2**63,
        "types": ["float", "int", "list", "dict", "str"],
    }
    assert json.loads(runner.submit(tasks.arguments, {}).result(30)["seen"])["seed"] is None


def test_what_is_submitted_is_what_is_run(runner):
    """The caller may go on to change its own objects."""
    inputs, params = {"a": b"1"}, {"n": [1]}
    handles = [runner.submit(tasks.double, inputs), runner.submit(tasks.arguments, {}, params)]
    inputs["a"] = b"2"
    params["n"].append(2)
    assert handles[0].result(30) == {"a": b"11"}
    assert json.loads(handles[1].result(30)["seen"])["params"] == {"n": [1]}


def test_a_thousand_tiny_tasks(runner):
    handles = {runner.submit(tasks.double, {"i": b"%d" % i}): b"%d" % i * 2 for i in range(1000)}
    assert {handle: handle.result()["i"] for handle in runner.as_completed(handles, timeout=60)} == handles


def test_as_completed_gives_failures_too(runner):
    handles = [runner.submit(tasks.fails, {}, {"message": "no"}), runner.submit(tasks.double, {})]
    assert set(runner.as_completed(handles, timeout=30)) == set(handles)
    assert list(runner.as_completed([])) == []


def test_a_task_that_raises_fails_alone_with_the_reason(runner):
    bad = runner.submit(tasks.fails, {}, {"message": "no such atom: Xx"})
    behind = runner.submit(tasks.double, {"a": b"1"})
    with pytest.raises(TaskFailed, match="ValueError: no such atom: Xx") as caught:
        bad.result(30)
    assert caught.value.reason == "raised"
    assert "runner_tasks.py" in caught.value.what
    assert caught.value.where == "task runner_tasks.fails"
    assert caught.value.as_json()["reason"] == "raised"
    assert behind.result(30) == {"a": b"11"}


def test_a_task_that_refuses_its_input_is_heard_in_its_own_words(runner):
    with pytest.raises(TaskFailed) as caught:
        runner.submit(tasks.refuses, {}).result(30)
    told = caught.value
    assert (told.reason, told.what, told.where, told.remedy) == ("input", "three rows are too few", "table", "give ten")


def test_a_long_message_is_cut(runner):
    with pytest.raises(TaskFailed) as caught:
        runner.submit(tasks.fails, {}, {"message": "나" * 5_000_000}).result(30)
    assert MAX_MESSAGE < len(caught.value.what) < MAX_MESSAGE + 200


def test_a_task_that_leaves_python_fails_alone(runner):
    assert reason(runner.submit(tasks.leaves, {})) == "raised"
    assert runner.submit(tasks.double, {}).result(30) == {}


def test_a_task_that_returns_no_objects_fails(runner):
    assert reason(runner.submit(tasks.returns_text, {})) == "result"


def test_progress_comes_in_order_and_never_after_the_end(runner):
    seen = []
    handle = runner.submit(tasks.steps, {}, {"n": 200}, on_progress=lambda *report: seen.append((*report, handle.done)))
    handle.result(30)
    assert seen == [(i / 200, f"step {i}", False) for i in range(200)]
    assert handle.progress == (199 / 200, "step 199")


def test_a_fraction_is_kept_between_none_and_all(runner):
    seen = []
    handle = runner.submit(tasks.steps, {}, {"n": 1}, on_progress=lambda *report: seen.append(report))
    handle.result(30)
    handle.report(7, "too far")
    assert seen == [(0.0, "step 0"), (1.0, "too far")]


def test_a_report_that_raises_fails_its_own_task(runner):
    def broken(fraction, doing):
        raise RuntimeError("the page is gone")

    assert reason(runner.submit(tasks.steps, {}, {"n": 3}, on_progress=broken)) == "raised"
    assert runner.submit(tasks.double, {}).result(30) == {}


def test_processor_time_is_told(runner):
    handle = runner.submit(tasks.works, {})
    assert handle.cpu_seconds == 0
    handle.result(30)
    assert 0.04 <= handle.cpu_seconds < 1


def test_a_running_task_is_cancelled(runner):
    answers = []
    handle = runner.submit(tasks.long_way, {}, on_progress=lambda *_: answers.append(handle.cancel()))
    behind = runner.submit(tasks.double, {})
    assert reason(handle) == "cancelled"
    assert answers[0] is True
    assert behind.result(30) == {}


def test_a_queued_task_is_cancelled_and_those_behind_it_are_not(own_runner):
    blocked = [own_runner.submit(tasks.long_way, {}) for _ in range(2)]
    queued, behind = own_runner.submit(tasks.double, {}), own_runner.submit(tasks.double, {"a": b"1"})
    assert queued.cancel()
    assert reason(queued) == "cancelled"
    assert [handle.cancel() for handle in blocked] == [True, True]
    assert behind.result(30) == {"a": b"11"}


def test_what_is_done_cannot_be_cancelled(runner):
    handle = runner.submit(tasks.double, {"a": b"1"})
    handle.result(30)
    assert handle.cancel() is False
    assert handle.result() == {"a": b"11"}


def test_a_task_that_overruns_its_time_fails_alone(runner):
    handle = runner.submit(tasks.long_way, {}, resources=Resources(seconds=0.2))
    behind = runner.submit(tasks.double, {})
    with pytest.raises(TaskFailed, match=r"within 0\.2 s") as caught:
        handle.result(30)
    assert caught.value.reason == "time"
    assert behind.result(30) == {}


def test_closing_cancels_what_is_left_and_can_be_done_twice(own_runner):
    done = own_runner.submit(tasks.double, {})
    done.result(30)
    left = [own_runner.submit(tasks.long_way, {}) for _ in range(4)]
    own_runner.close()
    own_runner.close()
    assert [reason(handle) for handle in left] == ["cancelled"] * 4
    assert done.result() == {}
    with pytest.raises(ValueError, match="closed"):
        own_runner.submit(tasks.double, {})


def declared_in_a_script(inputs, params, seed, progress):
    return {}


declared_in_a_script.__module__ = "__main__"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"inputs": {"a": "text"}}, "'a' of task runner_tasks.double is str, not bytes"),
        ({"params": {"x": float("nan")}}, "not JSON compliant"),
        ({"params": {"x": {1, 2}}}, "not JSON serializable"),
        ({"resources": Resources(cpus=3)}, "more than the 2 processors"),
        ({"task": task(version=1)(declared_in_a_script)}, "declared in a script"),
    ],
)
def test_what_no_worker_could_run_is_refused_at_once(runner, arguments, error):
    with pytest.raises((TypeError, ValueError), match=error):
        runner.submit(**{"task": tasks.double, "inputs": {}, **arguments})


@pytest.mark.parametrize("wrong", [{"cpus": 0}, {"memory_mb": 0}, {"seconds": 0}, {"seconds": float("nan")}])
def test_resources_are_more_than_nothing(wrong):
    with pytest.raises(ValueError, match="needs a processor"):
        Resources(**wrong)
