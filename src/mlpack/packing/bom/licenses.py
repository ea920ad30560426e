"""Licences of installed distributions as SPDX expressions, where their metadata allow that."""

from __future__ import annotations

from importlib import metadata

from mlpack.format.bom.spdx import spdx_expression

__all__ = ["declared_license"]

_ALIASES = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license v2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd-2": "BSD-2-Clause",
    "bsd-3": "BSD-3-Clause",
    "mit license": "MIT",
    "mozilla public license 2.0": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "psf": "PSF-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "simplified bsd": "BSD-2-Clause",
    "the mit license": "MIT",
}
"""Free text found in metadata, lower case, where only one SPDX licence can be meant."""

_CLASSIFIERS = {
    "License :: CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "License :: OSI Approved :: GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: MIT No Attribution License (MIT-0)": "MIT-0",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
    "License :: OSI Approved :: The Unlicense (Unlicense)": "Unlicense",
    "License :: OSI Approved :: zlib/libpng License": "Zlib",
}
"""Classifiers that name one SPDX licence; "BSD License" names a family and is not here."""


def declared_license(item: metadata.Distribution) -> str | None:
    """Return the licence that a distribution declares, as an SPDX expression, or None when that is not clear.

    The newest field wins: License-Expression (PEP 639), then License, then the classifiers.
    """
    fields = item.metadata
    if found := spdx_expression((fields.get_all("License-Expression") or [""])[0]):
        return found
    words = (fields.get_all("License") or [""])[0].strip()
    if len(words) <= 100 and (found := _ALIASES.get(words.lower()) or spdx_expression(words)):
        return found
    names = {
        _CLASSIFIERS.get(text) for text in fields.get_all("Classifier", []) if text.startswith("License ::")
    }
    names.discard(None)
    return str(names.pop()) if len(names) == 1 else None
