"""Networks that measures look through; their weights are no part of this package."""
