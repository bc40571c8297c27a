"""Cores as devices: asked for in time, too late, or not at all."""

import subprocess
import sys
import warnings

import pytest

from procmem_jax.experiments.training import runtime
from procmem_jax.experiments.training.runtime import advise_all_cores, use_all_cores


class Device:
    def __init__(self, platform="cpu"):
        self.platform = platform


@pytest.fixture
def four_cores(monkeypatch):
    """A computer of four cores on which nobody has said how many devices there are."""
    runtime.jax.devices()  # with the flags of the suite
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(runtime, "allowed_cores", lambda: 4)
    monkeypatch.setattr(runtime, "_has_advised", False)


def test_a_large_run_on_one_of_many_cores_is_told_once(four_cores):
    with pytest.warns(UserWarning, match=r"uses one of 4 cores well; call procmem_jax.use_all_cores\(\) first"):
        advise_all_cores([Device()], 256, 20_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        advise_all_cores([Device()], 256, 20_000)


@pytest.mark.parametrize(
    ("devices", "lanes", "num_episodes"),
    [
        ([Device()], 255, 10**6),
        ([Device()], 1024, 19_999),
        ([Device()] * 2, 1024, 10**6),
        ([Device("gpu")], 1024, 10**6),
    ],
)
def test_what_it_would_not_help_is_not_told(four_cores, devices, lanes, num_episodes):
    advise_all_cores(devices, lanes, num_episodes)


def test_one_core_and_a_chosen_number_are_not_told(four_cores, monkeypatch):
    monkeypatch.setattr(runtime, "allowed_cores", lambda: 1)
    advise_all_cores([Device()], 1024, 10**6)
    monkeypatch.setattr(runtime, "allowed_cores", lambda: 4)
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=1")
    advise_all_cores([Device()], 1024, 10**6)


def test_too_late_is_told(four_cores, monkeypatch):
    def started(name, value):
        raise RuntimeError

    monkeypatch.setattr(runtime.jax.config, "update", started)
    use_all_cores()  # with two devices already
    monkeypatch.setattr(runtime.jax, "local_devices", lambda: [Device()])
    with pytest.warns(UserWarning, match="comes too late"):
        use_all_cores()


def test_train_looks(four_cores, monkeypatch):
    from procmem_jax.experiments.presets import make_experiment
    from procmem_jax.experiments.training import train as training
    from procmem_jax.streams import run_key

    class Enough(Exception):
        pass

    asked = []

    def stop(*args, **kwargs):
        raise Enough

    monkeypatch.setattr(training, "advise_all_cores", lambda *args: asked.append(args[1:]))
    monkeypatch.setattr(training, "Driver", stop)
    for devices in (None, runtime.jax.local_devices()):
        with pytest.raises(Enough):
            training.train(run_key(0), *make_experiment("random-5", "tutorial"), 300, 100, devices=devices)
    assert asked == [(304, 30_000)]


@pytest.mark.slow
def test_in_a_program_of_ones_own():
    code = "import procmem_jax as pm; pm.use_all_cores(); import jax; pm.use_all_cores(); print(len(jax.devices()))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120,
                          env={"JAX_PLATFORMS": "cpu"})  # fmt: skip
    assert done.stdout.strip() == str(runtime.allowed_cores()), done.stderr
