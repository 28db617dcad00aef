"""The registry of generators, apart so that the kinds can import it."""

from translate.registry import Registry

GENERATORS = Registry("generator")
