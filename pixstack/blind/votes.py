"""Votes of people, read back with the key: the share that preferred a result, how surely."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

from pixstack.blind.trials import KEY_FORM
from pixstack.documents import read_document

VOTES_FORM = "pixstack.compare-votes"
CHOICES = ("left", "right", "none")
CONFIDENCE = 0.95


def read_form(path: Path, form: str, what: str) -> dict[str, Any]:
    """A file of this form; ValueError where it is none."""
    return read_document(path, what, lambda value: value.get("form") == form)


def is_key(value: Mapping[str, Any]) -> bool:
    """Whether it is a whole key: of a page, its question, what A and B are, and each trial."""
    trials, sides = value.get("trials"), value.get("sides")
    return (
        value.get("form") == KEY_FORM
        and {"page", "question"} <= value.keys()
        and isinstance(sides, dict)
        and sides.keys() >= {"A", "B"}
        and isinstance(trials, list)
        and all(isinstance(one, dict) and one.get("left") in ("A", "B") for one in trials)
    )


def tally(key_path: Path, votes_paths: Sequence[Path]) -> dict[str, Any]:
    """Count the votes of one page or several people.

    Returns:
        ``A`` and ``B``: votes for each; ``no_preference``; ``share_of_A`` of those that preferred
        one, with its Wilson interval; ``share_of_left``, which is near a half where people looked;
        ``sides``: what A and B are; ``files``. Shares are None where nobody preferred anything.

    Raises:
        ValueError: a file is of another form or another page, holds what is no vote, or was given
            twice.
    """
    key = read_document(key_path, "a key of `pixstack compare`", is_key)
    trials: list[Mapping[str, str]] = key["trials"]
    counts: Counter[str] = Counter()
    seen: dict[str, Path] = {}
    for path in votes_paths:
        cast = read_form(path, VOTES_FORM, "votes of a page of `pixstack compare`")
        if cast.get("page") != key["page"]:
            raise ValueError(
                f"{path}: votes on page {cast.get('page')}, but {key_path} is the key of page "
                f"{key['page']}; give the key that was written with the page"
            )
        content = json.dumps(cast, sort_keys=True)
        if content in seen:
            raise ValueError(f"{path}: holds the same votes as {seen[content]}; give each once")
        seen[content] = path
        for vote in checked(path, cast.get("votes"), len(trials)):
            choice = vote["choice"]
            counts[choice] += 1
            if choice != "none":
                left = trials[vote["trial"]]["left"]
                other = "B" if left == "A" else "A"
                counts[left if choice == "left" else other] += 1
    decided = counts["A"] + counts["B"]
    return {
        "sides": key["sides"],
        "question": key["question"],
        "files": len(votes_paths),
        "A": counts["A"],
        "B": counts["B"],
        "no_preference": counts["none"],
        "share_of_A": counts["A"] / decided if decided else None,
        "interval": list(wilson(counts["A"], decided)) if decided else None,
        "confidence": CONFIDENCE,
        "share_of_left": counts["left"] / decided if decided else None,
    }


def checked(path: Path, votes: Any, count: int) -> list[dict[str, Any]]:
    """The votes of a file, each on a trial of the page, one a trial.

    Raises:
        ValueError: something else, or none at all.
    """
    if not isinstance(votes, list) or not votes:
        raise ValueError(f"{path}: holds no votes")
    trials: set[int] = set()
    for vote in votes:
        trial = vote.get("trial") if isinstance(vote, dict) else None
        if type(trial) is not int or not 0 <= trial < count or vote.get("choice") not in CHOICES:
            raise ValueError(
                f"{path}: {json.dumps(vote)} is no vote; expected a trial of 0..{count - 1} and a "
                f"choice of {', '.join(CHOICES)}"
            )
        if trial in trials:
            raise ValueError(f"{path}: votes twice on trial {trial}")
        trials.add(trial)
    return votes


def wilson(successes: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of a share (Wilson 1927, "Probable inference", JASA 22; Brown et al. 2001, eq. 4).

    It keeps its coverage for few votes and near 0 and 1, where the usual one has no width.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    center = (successes + z**2 / 2) / (count + z**2)
    half = z / (count + z**2) * (successes * (count - successes) / count + z**2 / 4) ** 0.5
    return max(0.0, center - half), min(1.0, center + half)
