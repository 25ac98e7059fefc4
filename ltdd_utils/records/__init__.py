"""Measured and published results: one JSON record per run, and ``targets.csv``."""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "record": ["Record"],
        "parts": ["Cost", "Distillation", "MeanStd", "Metrics", "Provenance", "Student", "Teacher"],
        "schema": ["EVALUATION", "GROUPS", "SCHEMA", "TARGET_KEYS", "validate_evaluation", "validate_record"],
        "evaluations": ["evaluation_path", "load_evaluation", "load_evaluations", "save_evaluation"],
        "scored": ["ScoredSet", "evaluations_in", "load_any"],
        "files": ["load_record", "planned", "read", "record_path", "refuse_fewer_students", "save_record"],
        "peers": ["unequal_students"],
        "table": ["load"],
        "text": ["counted", "in_percent", "long_tail", "students_of", "summary", "warnings_of"],
        "clone": ["all_records", "committed", "gathered", "is_tracked", "membership"],
        "published": ["TARGET_COLUMNS", "targets"],
        "folders": ["book_dir", "default_records_dir", "find_set", "folders_to_read", "results_root"],
    },
)
