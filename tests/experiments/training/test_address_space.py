"""What `ulimit -v` leaves: too little is refused before jax is loaded."""

import subprocess
import sys

import pytest

from procmem_jax.experiments.training import address_space
from procmem_jax.experiments.training.address_space import check_address_space

resource = pytest.importorskip("resource")
GIB = 2**30
COMMAND = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2_000_000 * 1024, resource.RLIM_INFINITY))
from procmem_jax.cli import main
try:
    main(["train", "--task", "random-5"])
finally:
    assert "jax" not in sys.modules
"""


@pytest.mark.parametrize(("limit", "cores", "fits"), [(3, 1, True), (3, 2, False), (4, 2, True), (8, 64, False)])
def test_how_much_is_needed(monkeypatch, limit, cores, fits):
    monkeypatch.setattr(address_space, "allowed_cores", lambda: cores)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit * GIB, resource.RLIM_INFINITY))
    if fits:
        check_address_space()
        return
    with pytest.raises(ValueError, match=rf"allows {limit}.0 GiB of address space, jax .* on {cores} cores"):
        check_address_space()


def test_no_limit_is_no_matter(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    check_address_space()


def test_a_command_says_so_in_one_line(tmp_path):
    done = subprocess.run([sys.executable, "-P", "-c", COMMAND], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("procmem: error: ulimit -v 2000000 allows 1.9 GiB") and not list(tmp_path.iterdir())
