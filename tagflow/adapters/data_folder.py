"""Where the data folder is, from whatever folder tagflow is called."""

import os
from pathlib import Path

from tagflow.errors import ConfigError

VARIABLE = "TAGFLOW_DATA"


def find_checkout() -> Path | None:
    """Return the folder of the source checkout this package runs from, or None for an installed copy."""
    folder = Path(__file__).resolve().parents[2]
    return folder if (folder / "workspace.yaml").is_file() and (folder / "data").is_dir() else None


def find_data() -> Path:
    """Return the data folder, absolute: ``TAGFLOW_DATA``, or ``data`` of the checkout.

    Raises:
        ConfigError: there is neither.
    """
    named = os.environ.get(VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().resolve()
    checkout = find_checkout()
    if checkout is None:
        raise ConfigError(
            f"tagflow does not know where your data lives: set {VARIABLE} to a folder, or run from a source checkout."
        )
    return checkout / "data"
