"""Long-tailed data: settings, the readers of the data sets, preprocessing."""

from ltdd_utils._exports import exports

__getattr__, __all__ = exports(
    __name__,
    {
        "settings": ["DataConfig", "LARGEST_SEED", "PreprocessConfig"],
        "facts": ["DATASETS", "DataSet", "SCALES", "Scale", "register_dataset", "stand_in"],
        "sources.dataset": ["Presence", "Source", "SourceDataset"],
        "longtail": [
            "class_counts",
            "class_prior",
            "group_accuracy",
            "label_counts",
            "long_tailed_indices",
            "rank_thirds",
            "ranked_classes",
            "shot_groups",
        ],
        "preprocess": ["Preprocess", "channel_moments"],
        "whitening": ["fit_zca", "pixel_covariance"],
        "counting": ["counted"],
        "long_tailed": ["LongTailedData", "kept_positions", "load", "tally"],
        "inspection": ["Inspection", "inspect"],
        "run": ["Run", "fitted"],
    },
)
