"""Optuna, asked and told in whole packs; its journal for the dashboard."""

from study.search.search import JOURNAL, Search, manifest_of, outcome

__all__ = ["JOURNAL", "Search", "manifest_of", "outcome"]
