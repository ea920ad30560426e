"""What a secret looks like: specific detectors only, because a gate that cries wolf is switched off.

Every detector has anchors, short texts that it cannot match without. They are looked for first, with the
fastest search there is; the expression then looks at the few places that are left.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["DETECTORS", "REACH", "Detector"]

REACH: Final = 1024
"""How far before and behind an anchor an expression looks, in bytes."""


def _anything(_match: re.Match[bytes]) -> bool:
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Detector:
    """One kind of secret.

    Attributes:
        name: Stable word, part of what an override names.
        anchors: Texts of which one is in every match; lower case when `folded`.
        pattern: The whole secret.
        means: Whether a match is more than an example or a placeholder.
        folded: Whether upper and lower case are the same.
    """

    name: str
    anchors: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    means: Callable[[re.Match[bytes]], bool] = _anything
    folded: bool = False


_PLACEHOLDERS = (
    rb"(?i)\W*(pass|passwd|password|passphrase|passwort|secret|token|user|username|login|key|api[_-]?key|"
    rb"change[_-]?me|example|examplepass|foo|bar|dummy|none|null|test|testing|redacted|hidden|your[a-z0-9_-]*|my[_-]?password|"
    rb"x+|\*+|\.+|-+)?\W*|[$%{<].*|.*[{<>}].*|%s|[A-Z_]+"
)


def _real(match: re.Match[bytes]) -> bool:
    """Return whether the group `secret` is a value and not a hole for one."""
    return re.fullmatch(_PLACEHOLDERS, match["secret"]) is None


def _mixed(match: re.Match[bytes]) -> bool:
    """Return whether the group `secret` has digits and letters: words and names of options do not."""
    text = match["secret"]
    return bool(re.search(rb"[0-9]", text) and re.search(rb"[A-Za-z]", text)) and _real(match)


# One letter may stand before: in pickles and in protobuf it is the length of the text.
_START = rb"(?<![A-Za-z0-9_-]{2})"
_END = rb"(?![A-Za-z0-9_-])"


def _token(name: str, anchors: tuple[bytes, ...], body: bytes) -> Detector:
    return Detector(name=name, anchors=anchors, pattern=re.compile(_START + body + _END))


DETECTORS: Final = (
    Detector(
        name="private-key",
        anchors=(b"PRIVATE KEY-----", b"PRIVATE KEY BLOCK-----", b"PuTTY-User-Key-File-"),
        pattern=re.compile(
            rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY( BLOCK)?-----(\\[rn]|\s)|PuTTY-User-Key-File-\d: "
        ),
    ),
    _token("aws-access-key", (b"AKIA", b"ASIA"), rb"(?:AKIA|ASIA)[A-Z2-7]{16}"),
    _token(
        "github-token",
        (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_"),
        rb"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})",
    ),
    _token("gitlab-token", (b"glpat-",), rb"glpat-[A-Za-z0-9_-]{20,64}"),
    _token(
        "slack-token",
        (b"xoxa-", b"xoxb-", b"xoxp-", b"xoxr-", b"xoxs-"),
        rb"xox[abprs]-[0-9A-Za-z-]{20,200}",
    ),
    Detector(
        name="slack-webhook",
        anchors=(b"hooks.slack.com/",),
        pattern=re.compile(rb"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_/]{30,}"),
    ),
    _token("google-api-key", (b"AIza",), rb"AIza[0-9A-Za-z_-]{35}"),
    _token("google-oauth-secret", (b"GOCSPX-",), rb"GOCSPX-[0-9A-Za-z_-]{28}"),
    _token("hugging-face-token", (b"hf_",), rb"hf_[A-Za-z0-9]{34,40}"),
    Detector(
        name="model-api-key",
        anchors=(b"sk-",),
        pattern=re.compile(_START + rb"(?P<secret>sk-[A-Za-z0-9_-]{32,200})" + _END),
        means=_mixed,
    ),
    _token("pypi-token", (b"pypi-AgE",), rb"pypi-AgE[A-Za-z0-9_-]{50,300}"),
    _token("npm-token", (b"npm_",), rb"npm_[A-Za-z0-9]{36}"),
    _token("stripe-key", (b"k_live_",), rb"[rs]k_live_[0-9A-Za-z]{20,120}"),
    _token("databricks-token", (b"dapi",), rb"dapi[0-9a-f]{32}(?:-\d)?"),
    Detector(
        name="azure-storage-key",
        anchors=(b"AccountKey=",),
        pattern=re.compile(rb"AccountKey=[A-Za-z0-9+/]{80,}={0,2}"),
    ),
    Detector(
        name="json-web-token",
        anchors=(b"eyJ",),
        pattern=re.compile(_START + rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}"),
    ),
    Detector(
        name="url-credentials",
        anchors=(b"://",),
        pattern=re.compile(
            rb"[A-Za-z][A-Za-z0-9+.-]{1,30}://"
            rb"(?:[^\s/@:\"'<>\\\x00-\x20]{0,100}:(?P<secret>[^\s/@\"'<>\\\x00-\x20]{1,200})"
            rb"|(?P<user>[A-Za-z0-9_-]{20,200}))@[A-Za-z0-9\[]"
        ),
        means=lambda match: match["user"] is not None or _real(match),
    ),
    Detector(
        name="url-token",
        anchors=(b"token=", b"apikey=", b"api_key=", b"secret=", b"sig=", b"signature=", b"password="),
        pattern=re.compile(
            rb"(?i)[?&;](?:[a-z_-]{0,20}(?:token|secret)|api_?key|sig|(?:x-amz-|x-goog-)?signature|password)="
            rb"(?P<secret>[A-Za-z0-9%+/_.~-]{8,500}=*)"
        ),
        means=_mixed,
        folded=True,
    ),
    Detector(
        name="password-literal",
        anchors=(
            *(b"passw", b"passphrase", b"secret", b"apikey", b"api_key"),
            *(b"access_key", b"accesskey", b"access_token", b"accesstoken", b"auth_token", b"authtoken"),
        ),
        pattern=re.compile(
            rb"(?i)(?<![a-z0-9])[a-z0-9_]{0,40}(?:passw(?:or)?d|passphrase|(?:client|shared|app)_?secret|"
            rb"secret_?(?:access_?)?key|api_?key|access_?key|access_?token|auth_?token)"
            rb"\\?[\"']?\]?\s{0,3}(?:=|:|=>)\s{0,3}"
            rb"\\?[\"'](?P<secret>[^\"'\s\\]{8,200})\\?[\"']"
        ),
        means=_real,
        folded=True,
    ),
    Detector(
        name="machine-path",
        anchors=(b"/home/", b"/users/", b"/root/", b"\\users\\"),
        pattern=re.compile(
            rb"(?:(?<![A-Za-z0-9._/~@-]{2})|(?<=file://))/"
            rb"(?:home/[a-z0-9_][A-Za-z0-9._-]{0,31}|Users/[A-Za-z0-9][A-Za-z0-9._-]{0,31}|root)/[A-Za-z0-9._-]"
            rb"|(?<![A-Za-z])[A-Za-z]:\\{1,2}Users\\{1,2}[A-Za-z0-9][A-Za-z0-9._ -]{0,31}\\{1,2}[A-Za-z0-9._]"
        ),
        folded=True,
    ),
)
"""In the order in which findings are named."""
