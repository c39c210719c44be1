"""What a study found and how it was run, in tables and sentences."""

from analysis.text.audit import AuditPoint, audit
from analysis.text.budgets import budget_table
from analysis.text.comparison import check_replicates, compare, settings_that_differ
from analysis.text.floors import floor_table
from analysis.text.headline import claim_table
from analysis.text.intervals import intervals
from analysis.text.operating_points import compression_at_drop, score_at_compression
from analysis.text.over_sets import RIVALS, rank_table, said_of_ranks, scores_over_sets, wins_table
from analysis.text.provenance import provenance, recipe
from analysis.text.sentences import sentences
from analysis.text.summary import summary
from analysis.text.table import Column, Table
from analysis.text.targets import target_table
from analysis.text.words import score_text

__all__ = [
    "RIVALS",
    "AuditPoint",
    "Column",
    "Table",
    "audit",
    "budget_table",
    "check_replicates",
    "claim_table",
    "compare",
    "compression_at_drop",
    "floor_table",
    "intervals",
    "provenance",
    "rank_table",
    "recipe",
    "said_of_ranks",
    "score_at_compression",
    "score_text",
    "scores_over_sets",
    "sentences",
    "settings_that_differ",
    "summary",
    "target_table",
    "wins_table",
]
