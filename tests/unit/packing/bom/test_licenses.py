"""Licences out of metadata of every age."""

from __future__ import annotations

from email.message import Message
from typing import Any

import pytest

from mlpack.format.bom.spdx import spdx_expression
from mlpack.packing.bom.licenses import declared_license


class Installed:
    """Stands in for a distribution: only its metadata are read."""

    def __init__(self, **fields: str | list[str]) -> None:
        self.metadata: Any = Message()
        for name, value in fields.items():
            for text in [value] if isinstance(value, str) else value:
                self.metadata[name.replace("_", "-")] = text


OSI = "License :: OSI Approved :: "


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License_Expression": "MIT AND 0BSD", "License": "BSD"}, "MIT AND 0BSD"),
        ({"License_Expression": "apache-2.0"}, "Apache-2.0"),
        ({"License": "MIT"}, "MIT"),
        ({"License": "3-Clause BSD License"}, "BSD-3-Clause"),
        ({"License": "Apache 2.0"}, "Apache-2.0"),
        ({"License": "Copyright (c) " * 4000, "Classifier": [OSI + "MIT License"]}, "MIT"),
        ({"Classifier": ["Topic :: X", OSI + "Apache Software License"]}, "Apache-2.0"),
        ({"Classifier": [OSI + "MIT License", OSI + "Apache Software License"]}, None),
        ({"Classifier": [OSI + "BSD License"]}, None),
        ({"License": "BSD"}, None),
        ({"License": "Dual License"}, None),
        ({}, None),
    ],
)
def test_declared_license(fields: dict[str, Any], expected: str | None) -> None:
    item: Any = Installed(**fields)
    assert declared_license(item) == expected


@pytest.mark.parametrize("text", ["", " ", "(MIT", "MIT License", "Foo-1.0", "MIT OR", "x" * 2000])
def test_other_words_are_no_expression(text: str) -> None:
    assert spdx_expression(text) is None
