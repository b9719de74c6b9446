"""Agri-food: greenhouse climate, irrigation, near-infrared composition and genomic prediction."""
