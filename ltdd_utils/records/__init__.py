"""What was measured and what was published: one JSON record per run, and ``targets.csv``."""

from ltdd_utils.records.clone import all_records, committed, is_tracked
from ltdd_utils.records.record import counted, in_percent, load, load_record, record_path, save_record, summary
from ltdd_utils.records.schema import GROUPS, SCHEMA, TARGET_KEYS, validate_record
from ltdd_utils.records.targets import TARGET_COLUMNS, default_records_dir, results_root, targets

__all__ = [
    "GROUPS",
    "SCHEMA",
    "TARGET_COLUMNS",
    "TARGET_KEYS",
    "all_records",
    "committed",
    "counted",
    "default_records_dir",
    "in_percent",
    "is_tracked",
    "load",
    "load_record",
    "record_path",
    "results_root",
    "save_record",
    "summary",
    "targets",
    "validate_record",
]
