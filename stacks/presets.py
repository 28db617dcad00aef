"""The recipes that come with the project, and recipes as texts; found before torch is imported."""

from __future__ import annotations

from stacks.shipped import Shipped

PRESETS = Shipped("recipes", "preset", "recipe")

preset_names = PRESETS.names
preset_text = PRESETS.text
source_text = PRESETS.source
table_of = PRESETS.table
