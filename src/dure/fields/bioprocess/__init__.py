"""Biomanufacturing: spectra of a fermentation, fed-batch recipes in a simulator, and strains with genes knocked out."""
