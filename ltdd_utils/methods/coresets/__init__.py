"""Coresets: class-balanced sets of unmodified real images."""
