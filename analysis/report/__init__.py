"""The report of studies: one HTML file with everything in it, that opens anywhere and asks nothing of any network."""

from analysis.report.over_sets import suite_page, write_suite_page
from analysis.report.page import page, write_page
from analysis.report.watch import keep_current

__all__ = [
    "keep_current",
    "page",
    "suite_page",
    "write_page",
    "write_suite_page",
]
