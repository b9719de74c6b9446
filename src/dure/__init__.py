"""Dure: an AI-bio research hub in a box."""
