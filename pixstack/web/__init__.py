"""The web app: one file a tab, and what the tabs share."""
