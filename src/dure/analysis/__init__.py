"""What a field finds out in one go, from a table, a model or the answer of a campaign."""
