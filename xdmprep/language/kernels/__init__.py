"""Columnar kernels: Arrow and numpy functions that answer clean rows exactly and leave the others open."""
