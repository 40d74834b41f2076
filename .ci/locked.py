"""Fails unless every installed package is the one that requirements.lock pins."""

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

OWN = {"tagflow", "pip", "setuptools", "wheel"}

lines = Path(__file__).parent.parent.joinpath("requirements.lock").read_text(encoding="utf-8").splitlines()
locked: dict[str, set[str]] = {}
for line in lines:
    if match := re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line):
        locked.setdefault(re.sub(r"[-_.]+", "-", match[1]).lower(), set()).add(match[2])
wrong = []
for found in distributions():
    name, version = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(), found.version.split("+")[0]
    if name not in OWN and version not in locked.get(name, set()):
        wrong.append(f"{name} {version} is installed, and locked is {sorted(locked.get(name, {'nothing'}))}")
sys.stdout.write("\n".join(sorted(wrong)) + "\n" if wrong else "Installed is what is locked.\n")
sys.exit(bool(wrong))
