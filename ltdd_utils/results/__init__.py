"""What was measured and what was published: one JSON record per run, and ``targets.csv``."""

from ltdd_utils.provenance import machine, peak_ram_gib, provenance
from ltdd_utils.results.clone import committed, every, is_tracked
from ltdd_utils.results.record import counted, in_percent, load, load_record, record_path, save_record, summary
from ltdd_utils.results.schema import GROUPS, SCHEMA, TARGET_KEYS, validate_record
from ltdd_utils.results.targets import TARGET_COLUMNS, records_at_hand, results_root, targets

__all__ = [
    "GROUPS",
    "SCHEMA",
    "TARGET_COLUMNS",
    "TARGET_KEYS",
    "committed",
    "counted",
    "every",
    "in_percent",
    "is_tracked",
    "load",
    "load_record",
    "machine",
    "peak_ram_gib",
    "provenance",
    "record_path",
    "records_at_hand",
    "results_root",
    "save_record",
    "summary",
    "targets",
    "validate_record",
]
