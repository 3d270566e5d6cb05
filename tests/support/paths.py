"""Paths of the checkout that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
DATA = TESTS / "data"
SEEDS = ROOT / "seeds"
SEED = SEEDS / "000_e05d88937c3f0853.txt"
