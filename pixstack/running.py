"""How the terminal runs ONNX files: the options that lead to a `Translator`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pixstack.errors import WrongUse

if TYPE_CHECKING:
    from export.runtime.translator import Translator


@dataclass(frozen=True)
class Running:
    """Options of a command, as `Translator` takes them."""

    provider: str = "auto"
    precision: str = "exact"
    threads: int | None = None
    self_ensemble: bool = False

    def open(self, path: Path) -> Translator:
        """A model, ready to run.

        Raises:
            WrongUse: it has no self-ensemble, which was asked for.
        """
        from export.runtime.errors import InputError
        from export.runtime.translator import Translator

        try:
            return Translator(
                path,
                self.provider,
                self.precision,
                self.threads,
                self_ensemble=self.self_ensemble,
            )
        except InputError as error:
            raise WrongUse(f"--self-ensemble: {error}") from None
