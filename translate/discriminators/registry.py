"""The registry of discriminators, apart so that the kinds can import it."""

from translate.registry import Registry

DISCRIMINATORS = Registry("discriminator")
