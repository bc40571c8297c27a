"""Limits of control groups, on made-up file systems: both versions, nested groups, containers and plain hosts."""

import os

import pytest

from procmem_jax.experiments.training import control_group, memory_need, runtime
from procmem_jax.experiments.training.control_group import allowed_cores, free_memory

GIB = 2**30
V1_NONE = 9223372036854771712
CPU_MOUNT = "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
MEMORY_MOUNT = "35 31 0:32 {top} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
V2_MOUNT = "30 23 0:26 {top} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw"


@pytest.fixture(autouse=True)
def many_cores(monkeypatch):
    """A host of 64 cores."""
    monkeypatch.setattr(control_group.os, "sched_getaffinity", lambda pid: range(64), raising=False)


def make(root, groups, mounts, files):
    """A file system with these files, and what the kernel says of the process."""
    own = {"proc/self/cgroup": "\n".join(groups), "proc/self/mountinfo": "\n".join(mounts)}
    for name, text in {**own, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def memory_v2(limit, used, cached=0):
    return {"memory.max": limit, "memory.current": used, "memory.stat": f"anon 7\ninactive_file {cached}\nslab 1"}


def memory_v1(limit, used, cached=0):
    stat = f"inactive_file 0\ntotal_inactive_file {cached}\ntotal_rss 5"
    return {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": used, "memory.stat": stat}


def within(folder, files):
    return {f"sys/fs/cgroup/{folder}/{name}": text for name, text in files.items()}


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("100000 100000", 1), ("50000 100000", 1), ("150000 100000", 2), ("max 100000", 64), ("9900000 100000", 64)],
)
def test_the_quota_of_version_2(quota, cores, tmp_path):
    make(tmp_path, ["0::/"], [V2_MOUNT.format(top="/")], within(".", {"cpu.max": quota}))
    assert allowed_cores(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [(100000, 1), (350000, 4), (-1, 64)])
def test_the_quota_of_version_1(quota, cores, tmp_path):
    files = within("cpu,cpuacct/docker/ab", {"cpu.cfs_quota_us": quota, "cpu.cfs_period_us": 100000})
    make(tmp_path, ["3:cpu,cpuacct:/docker/ab", "0::/"], [CPU_MOUNT.format(top="/")], files)
    assert allowed_cores(tmp_path) == cores


def test_the_tightest_of_nested_groups_counts(tmp_path):
    """SLURM limits the job, not its steps; Kubernetes the pod, and perhaps its containers."""
    files = {
        **within("slurm/job_7/step_0", {"cpu.max": "max 100000", **memory_v2("max", GIB)}),
        **within("slurm/job_7", {"cpu.max": "400000 100000", **memory_v2(8 * GIB, 3 * GIB, cached=GIB)}),
        **within("slurm", {"cpu.max": "1600000 100000", **memory_v2(64 * GIB, 63 * GIB)}),
    }
    make(tmp_path, ["0::/slurm/job_7/step_0"], [V2_MOUNT.format(top="/")], files)
    assert allowed_cores(tmp_path) == 4
    assert free_memory(tmp_path) == GIB  # of the outermost, which others have filled
    (tmp_path / "sys/fs/cgroup/slurm/memory.max").write_text("max")
    assert free_memory(tmp_path) == 6 * GIB


def test_memory_of_version_1(tmp_path):
    files = within("memory/a/b", memory_v1(V1_NONE, GIB)) | within("memory/a", memory_v1(4 * GIB, 3 * GIB, GIB // 2))
    make(tmp_path, ["4:memory:/a/b"], [MEMORY_MOUNT.format(top="/")], files)
    assert free_memory(tmp_path) == GIB + GIB // 2
    assert allowed_cores(tmp_path) == 64


@pytest.mark.parametrize("path", ["/docker/ab", "/docker/ab/init", "/elsewhere", "/../../x"])
def test_a_container_that_sees_the_paths_of_its_host(path, tmp_path):
    """Its own group is mounted at the top, while its name is that of the host."""
    files = within("memory", memory_v1(2 * GIB, GIB)) | within("cpu,cpuacct", {"cpu.cfs_quota_us": 200000})
    files |= within("cpu,cpuacct", {"cpu.cfs_period_us": 100000})
    mounts = [mount.format(top="/docker/ab") for mount in (CPU_MOUNT, MEMORY_MOUNT)]
    make(tmp_path, [f"3:cpu,cpuacct:{path}", f"4:memory:{path}"], mounts, files)
    assert (allowed_cores(tmp_path), free_memory(tmp_path)) == (2, GIB)


def test_a_mixture_of_both_versions(tmp_path):
    """systemd's hybrid: the controllers are in version 1, version 2 has none."""
    files = within("memory", memory_v1(2 * GIB, GIB)) | within("unified", {"cgroup.procs": "1"})
    mounts = [
        MEMORY_MOUNT.format(top="/"),
        V2_MOUNT.format(top="/").replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified"),
    ]
    make(tmp_path, ["4:memory:/", "0::/user.slice"], mounts, files)
    assert (allowed_cores(tmp_path), free_memory(tmp_path)) == (64, GIB)


def test_a_full_group_has_nothing_left(tmp_path):
    make(tmp_path, ["0::/"], [V2_MOUNT.format(top="/")], within(".", memory_v2(GIB, 2 * GIB)))
    assert free_memory(tmp_path) == 0


@pytest.mark.parametrize("broken", [{}, {"cpu.max": "", "memory.max": "lots"}, {"cpu.max": "1 2 3", "memory.max": "9"}])
def test_what_cannot_be_read_limits_nothing(broken, tmp_path):
    assert (allowed_cores(tmp_path / "nothing"), free_memory(tmp_path / "nothing")) == (64, None)
    make(tmp_path, ["0::/", "nonsense"], [V2_MOUNT.format(top="/"), "nonsense"], within(".", broken))
    assert (allowed_cores(tmp_path), free_memory(tmp_path)) == (64, None)


def test_fewer_cores_than_the_quota(tmp_path, monkeypatch):
    make(tmp_path, ["0::/"], [V2_MOUNT.format(top="/")], within(".", {"cpu.max": "400000 100000"}))
    monkeypatch.setattr(control_group.os, "sched_getaffinity", lambda pid: range(3), raising=False)
    assert allowed_cores(tmp_path) == 3
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(control_group.os, "cpu_count", lambda: None)
    assert allowed_cores(tmp_path) == 1


def test_devices_and_estimates_know_the_limits(monkeypatch):
    asked = {}
    runtime.jax.devices()  # with the flags of the suite
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(runtime, "allowed_cores", lambda: 3)
    monkeypatch.setattr(runtime.jax.config, "update", asked.__setitem__)
    runtime.use_all_cores()
    assert asked == {"jax_num_cpu_devices": 3}
    monkeypatch.setattr(memory_need, "free_memory", lambda: 5)
    assert memory_need.available_host_bytes() == 5
    monkeypatch.setattr(memory_need, "free_memory", lambda: 2**60)
    assert 2**26 < memory_need.available_host_bytes() < 2**50
