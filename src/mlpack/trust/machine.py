"""The machine that builds, for provenance alone: nothing of it ever enters a bundle."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

__all__ = ["machine_facts"]

_NVIDIA = Path("/proc/driver/nvidia")


def machine_facts(driver: Path = _NVIDIA) -> dict[str, Any]:
    """Return host name, system, processor and GPUs of this machine.

    Args:
        driver: Where the NVIDIA driver lists its GPUs; they are left out where there is none.
    """
    gpus = sorted(
        line.partition(":")[2].strip()
        for path in driver.glob("gpus/*/information")
        for line in _lines(path)
        if line.startswith("Model:")
    )
    version = next((line for line in _lines(driver / "version") if line.startswith("NVRM version:")), "")
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "cpus": os.cpu_count() or 0,
        **({"gpus": gpus, "driver": version.partition(":")[2].strip()} if gpus else {}),
    }


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError:  # no such driver
        return []
