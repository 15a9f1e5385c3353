"""``python -m tests.fuzz command --seconds 600 --seed 1``."""

from __future__ import annotations

import argparse
import random
import sys
from importlib import import_module

from . import engine


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the command or the library.")
    parser.add_argument("what", choices=["command", "library"])
    parser.add_argument("--seconds", type=float, default=60, help="how long; 60 unless given")
    parser.add_argument("--seed", type=int, default=None, help="a fresh one unless given; it is printed")
    parser.add_argument("--case", type=int, help="run this one case of the seed")
    parser.add_argument("--most", type=int, default=8, help="stop after this many different faults")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    case = import_module(f".{given.what}", __package__).case
    outcome = engine.run(case, seed, given.seconds, given.case, given.most)
    print(outcome)
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
