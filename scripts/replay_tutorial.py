"""Replays recorded cases of the tutorial: prints one line of JSON for each file, in the order given.

A training case gives its per-episode statistics, library, library statistics and first transitions; a walk its rows.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # which `python -P` leaves out

from tutorial.cases import load_case, replay_cases


def main() -> None:
    """Reads the files named on the command line; exits with status 2 and one line if one of them is damaged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", metavar="CASE.json", help="a training case or a walk")
    paths = parser.parse_args().cases
    try:
        for result in replay_cases([load_case(path) for path in paths]):
            print(json.dumps(result, separators=(",", ":")))
    except ValueError as error:
        print(f"replay_tutorial: error: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
