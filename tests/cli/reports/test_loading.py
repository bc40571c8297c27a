"""What is imported beside other work is there when it is needed, and fails without a word."""

import subprocess
import sys

_PROGRAM = """
import sys, threading
from procmem_jax.cli.reports import loading
loading._FOR_FIGURES = ("no_such_module", *loading._FOR_FIGURES)
loading.load_for_figures_meanwhile()
for thread in threading.enumerate():
    thread is threading.current_thread() or thread.join()
print("matplotlib.figure" in sys.modules, "no_such_module" in sys.modules)
"""


def test_modules_are_imported_beside_the_program_and_a_missing_one_is_passed_over():
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True False\n", "")
