"""Workers that die, hang or fill the memory: each fails its own task alone, says why, and leaves nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import fault_tasks as tasks
import psutil
import pytest

from dure.compute.local import LocalRunner
from dure.compute.runner import Resources, TaskFailed

HERE = Path(__file__).parent


@pytest.fixture
def runner():
    with LocalRunner(cpus=2) as made:
        yield made


def failure(handle):
    with pytest.raises(TaskFailed) as caught:
        handle.result(30)
    return caught.value


def told(handle):
    """The number that the task reports as its progress."""
    return int(eventually(lambda: handle.progress[1]))


def eventually(question, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.005)
    raise AssertionError("it did not happen")


def gone(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def test_a_killed_worker_fails_its_own_task_alone(runner):
    victim, neighbour = runner.submit(tasks.sleeps, {}), runner.submit(tasks.interval, {}, {"seconds": 0.5})
    behind = [runner.submit(tasks.fine, {}) for _ in range(10)]
    os.kill(told(victim), signal.SIGKILL)
    failed = failure(victim)
    assert failed.reason == "died"
    assert "SIGKILL" in failed.what
    assert neighbour.result(30)
    assert all(handle.result(30) for handle in behind)


@pytest.mark.parametrize(
    ("task", "params", "how"),
    [
        (tasks.segfault, {}, "SIGSEGV"),
        (tasks.exits, {"code": 0}, "exit code 0; its last words: 마지막 말"),
        (tasks.exits, {"code": 3}, "exit code 3"),
    ],
)
def test_a_process_that_ends_in_mid_task_is_noticed_at_once(runner, task, params, how):
    begun = time.monotonic()
    failed = failure(runner.submit(task, {}, params))
    assert time.monotonic() - begun < 5
    assert (failed.reason, how in failed.what) == ("died", True), failed.what
    assert runner.submit(tasks.fine, {}).result(30)


def test_idle_workers_that_die_harm_nobody(runner):
    for _ in range(3):
        pids = {int(h.result(30)["pid"]) for h in [runner.submit(tasks.fine, {}) for _ in range(20)]}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    assert all(h.result(30) for h in [runner.submit(tasks.fine, {}) for _ in range(20)])


def test_a_worker_killed_while_its_result_is_on_the_way_fails_its_own_task_alone(runner):
    victim = runner.submit(tasks.large_result, {}, resources=Resources(memory_mb=8192))
    pid = told(victim)
    time.sleep(0.5)
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(TaskFailed):  # on a fast machine all of it had arrived
        assert len(victim.result(30)["large"]) == 1 << 30
    assert all(h.result(30) for h in [runner.submit(tasks.fine, {}) for _ in range(10)])


@pytest.mark.parametrize("stop", [False, True])
def test_a_loop_without_end_is_ended(runner, stop):
    """Also when the process itself is frozen and hears nothing."""
    task = tasks.sleeps if stop else tasks.spins
    handle = runner.submit(task, {}, resources=Resources(seconds=0.4))
    if stop:
        os.kill(told(handle), signal.SIGSTOP)
    assert failure(handle).reason == "time"
    assert runner.submit(tasks.fine, {}).result(30)


def test_memory_beyond_the_limit_ends_the_task(runner):
    handle = runner.submit(tasks.fills, {}, {"mb": 2000, "hold": 60}, resources=Resources(memory_mb=200))
    neighbour = runner.submit(tasks.fills, {}, {"mb": 100}, resources=Resources(memory_mb=200))
    failed = failure(handle)
    assert failed.reason == "memory"
    assert "200 MiB" in failed.what
    assert neighbour.result(30)


def test_one_huge_allocation_does_not_fill_the_machine(runner):
    assert failure(runner.submit(tasks.grabs, {}, resources=Resources(memory_mb=200))).reason == "memory"
    assert runner.submit(tasks.fine, {}).result(30)


def test_what_one_task_leaves_in_memory_is_not_charged_to_the_next():
    with LocalRunner(cpus=1) as runner:
        first = runner.submit(tasks.leaks, {}, {"mb": 150}, resources=Resources(memory_mb=300))
        second = runner.submit(tasks.fills, {}, {"mb": 150, "hold": 0.2}, resources=Resources(memory_mb=220))
        assert first.result(30)["pid"] != second.result(30)["pid"]


def test_cancelling_ends_a_task_that_never_looks_up(runner):
    handle = runner.submit(tasks.sleeps, {})
    pid = told(handle)
    assert handle.cancel()
    assert failure(handle).reason == "cancelled"
    eventually(lambda: gone(pid))
    assert handle.cancel()


def test_a_tasks_own_processes_end_with_it(runner):
    handle = runner.submit(tasks.has_child, {})
    child = told(handle)
    handle.cancel()
    assert failure(handle).reason == "cancelled"
    eventually(lambda: gone(child))


def test_closing_leaves_no_process_no_zombie_and_no_thread():
    before = set(psutil.Process().children(recursive=True))
    with LocalRunner(cpus=2) as runner:
        handles = [runner.submit(tasks.sleeps, {}) for _ in range(3)]
        pids = [told(handle) for handle in handles[:2]]
        assert set(psutil.Process().children(recursive=True)) > before
    assert [failure(handle).reason for handle in handles] == ["cancelled"] * 3
    assert set(psutil.Process().children(recursive=True)) == before
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("dure-")]


HUB = """
    import sys
    import fault_tasks as tasks
    from dure.compute.local import LocalRunner
    with LocalRunner(cpus=2) as runner:
        handle = runner.submit(tasks.sleeps, {}, on_progress=lambda fraction, pid: print(pid, flush=True))
        handle.result()
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_hub_that_is_interrupted_or_killed_leaves_no_worker(how):
    environment = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, "-c", textwrap.dedent(HUB)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as hub:
        pid = int(hub.stdout.readline())
        hub.send_signal(how)
        errors = hub.communicate(timeout=20)[1]
    if how == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
    eventually(lambda: gone(pid))


def test_what_a_task_prints_is_no_output_of_the_hub(runner, capfd):
    assert runner.submit(tasks.prints, {}).result(30) == {"stdin": b""}
    assert capfd.readouterr() == ("", "")


def test_threads_are_one_unless_declared(runner):
    assert runner.submit(tasks.environment, {}).result(30) == {
        "OMP_NUM_THREADS": b"1", "OPENBLAS_NUM_THREADS": b"1", "PYTHONHASHSEED": b"0",
    }  # fmt: skip
    assert runner.submit(tasks.two_threads, {}).result(30) == {"OMP_NUM_THREADS": b"2"}
    assert runner.submit(tasks.environment, {}).result(30)["OMP_NUM_THREADS"] == b"1"


def test_a_task_of_two_processors_waits_for_both_and_is_not_starved(runner):
    wide = Resources(cpus=2)
    handles = [
        runner.submit(tasks.interval, {}, {"seconds": 0.15}, resources=resources)
        for resources in (Resources(), wide, Resources(), Resources())
    ]
    one, two, three, four = ([float(t) for t in handle.result(30)["interval"].split()] for handle in handles)
    assert one[1] <= two[0]
    assert two[1] <= min(three[0], four[0])


def test_workers_start_in_well_under_a_second():
    begun = time.monotonic()
    with LocalRunner(cpus=1) as runner:
        runner.submit(tasks.fine, {}).result(30)
        assert time.monotonic() - begun < 1
