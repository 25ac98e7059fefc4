"""The base of every room: settings, random streams, the store of stages, deadlines, provenance."""
