"""What every room stands on: settings, random streams, the store of stages, deadlines, provenance."""
