"""Strict, frozen settings: one dataclass per stage, a unit and a source for each field, and a hash that names a run.

Nothing here imports torch. A function takes the settings of its own stage and nothing else; where a run happens
(device, folders, number of students) is never part of a configuration, so it never changes ``config_id``.
"""

from ltdd_utils.config.base import at_least, canonical_json, choice, config_id, from_dict, to_dict
from ltdd_utils.config.common import (
    DSA_OPERATIONS,
    AugmentConfig,
    DataConfig,
    DebiasConfig,
    NetworkConfig,
    PreprocessConfig,
    TeacherConfig,
    TrainConfig,
    dsa_operations,
)
from ltdd_utils.config.condensation import CondensationConfig, DCConfig, DMConfig
from ltdd_utils.config.runs import ADSAConfig, CoresetConfig, EvaluateConfig, FullDataConfig
from ltdd_utils.config.trajectory import (
    DAMConfig,
    ExpertConfig,
    GSAMConfig,
    InitialConfig,
    MatchConfig,
    TrajectoryConfig,
)
from ltdd_utils.config.unilevel import CropConfig, RecoverConfig, StatisticsConfig, UnilevelConfig

__all__ = [
    "DSA_OPERATIONS",
    "ADSAConfig",
    "AugmentConfig",
    "CondensationConfig",
    "CoresetConfig",
    "CropConfig",
    "DAMConfig",
    "DCConfig",
    "DMConfig",
    "DataConfig",
    "DebiasConfig",
    "EvaluateConfig",
    "ExpertConfig",
    "FullDataConfig",
    "GSAMConfig",
    "InitialConfig",
    "MatchConfig",
    "NetworkConfig",
    "PreprocessConfig",
    "RecoverConfig",
    "StatisticsConfig",
    "TeacherConfig",
    "TrainConfig",
    "TrajectoryConfig",
    "UnilevelConfig",
    "at_least",
    "canonical_json",
    "choice",
    "config_id",
    "dsa_operations",
    "from_dict",
    "to_dict",
]
