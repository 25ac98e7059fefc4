"""Strict, frozen settings: one dataclass per stage, a unit and a source for each field, and a hash that names a run.

Nothing here imports torch. A function takes the settings of its own stage and nothing else; where a run happens
(device, folders, number of students) is never part of a configuration, so it never changes ``config_id``.
"""

from ltdd_utils.config.base import at_least, canonical_json, choice, config_id, from_dict, to_dict
from ltdd_utils.config.common import (
    AugmentConfig,
    DataConfig,
    NetworkConfig,
    PreprocessConfig,
    TeacherConfig,
    TrainConfig,
)
from ltdd_utils.config.runs import CoresetConfig, EvaluateConfig, FullDataConfig
from ltdd_utils.config.trajectory import (
    DAMConfig,
    ExpertConfig,
    GSAMConfig,
    InitialConfig,
    MatchConfig,
    TrajectoryConfig,
)

__all__ = [
    "AugmentConfig",
    "CoresetConfig",
    "DAMConfig",
    "DataConfig",
    "EvaluateConfig",
    "ExpertConfig",
    "FullDataConfig",
    "GSAMConfig",
    "InitialConfig",
    "MatchConfig",
    "NetworkConfig",
    "PreprocessConfig",
    "TeacherConfig",
    "TrainConfig",
    "TrajectoryConfig",
    "at_least",
    "canonical_json",
    "choice",
    "config_id",
    "from_dict",
    "to_dict",
]
