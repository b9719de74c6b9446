"""The campaign's report: `ReportData` says what, `render` turns it into one HTML page in Korean or English."""

from dure.campaign.report.data import ReportData, as_json
from dure.campaign.report.page import render

__all__ = ["ReportData", "as_json", "render"]
