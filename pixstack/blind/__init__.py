"""Blind pairwise judging by people: a page to vote on, a key kept apart, votes read back."""
