"""Whether a run is done: the one place that says so; of images and lists of the user's own, of what they are now."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.core.progress import Watch
from ltdd_utils.data.settings import DataConfig, is_own
from ltdd_utils.records.files import load_record, planned, record_path
from ltdd_utils.records.record import Record

__all__ = ["Done", "Found", "enough"]


@dataclass(frozen=True)
class Found:
    """The record of a run, if there is one."""

    record: Record | None = None
    sure: bool = True  # False: its own data cannot be read here, and may have changed since

    @property
    def done(self) -> bool:
        """Whether the run is done for sure."""
        return self.sure and self.record is not None


class Done:
    """Looks for the records of runs; data of the user's own are read once, where a record of them may count."""

    def __init__(
        self,
        folders: Sequence[Path],
        data: Path | None = None,
        *,
        watch: Watch | None = None,
        load: Callable[[Path], Record] = load_record,
    ) -> None:
        """Look into results folders.

        Args:
            folders: of results.
            data: folder of the data sets; None: the usual one.
            watch: told the progress where images are read.
            load: reads a record.
        """
        self.folders, self.data, self.watch, self.load = folders, data, watch, load
        self._now: dict[DataConfig, tuple[DataConfig, str] | None] = {}

    def __call__(self, run: PlannedRun) -> bool:
        """Whether there is a record, of the data as they are now, with as many students as are asked for."""
        return self.find(run).done

    def find(self, run: PlannedRun) -> Found:
        """The record of a run; where its data cannot be read, the newest that may be it.

        Raises:
            ValueError: a record is damaged.
        """
        data = run.recipe.data
        if not (is_own(data.name) or data.list_file):
            return self._of(run, "")
        named = data.list_file is None or data.list_sha256 is not None  # else the hash is a part of the run's name
        if named and not any(True for _ in self._any(run)):
            return Found()
        now = self._read(data)
        if now is not None:
            return self._of(replace(run, recipe=replace(run.recipe, data=now[0])), now[1])
        possible = [record for record in self._any(run) if enough(run, record)] if named else []
        newest = max(possible, key=lambda record: record.provenance.started_utc, default=None)
        return Found(newest, sure=False)

    def _of(self, run: PlannedRun, data_sha256: str) -> Found:
        for folder in self.folders:
            path = record_path(folder, planned(run.recipe, run.seed, data_sha256))
            if path.is_file() and enough(run, record := self.load(path)):
                return Found(record)
        return Found()

    def _any(self, run: PlannedRun) -> Iterator[Record]:
        """The records of a run, whatever its data were."""
        for folder in self.folders:
            paths = [folder / f"{run.name}.json", *sorted(folder.glob(f"{run.name}-d*.json"))]
            yield from (self.load(path) for path in paths if path.is_file())

    def _read(self, data: DataConfig) -> tuple[DataConfig, str] | None:
        """The settings of data with the hash of their list, and the hash of the data; None: they cannot be read."""
        if data not in self._now:
            from ltdd_utils.data.long_tailed import load  # torch: built-in data do without

            try:
                now = load(data, self.data, self.watch)
            except (OSError, ValueError):
                self._now[data] = None
            else:
                self._now[data] = now.config, now.sha256
        return self._now[data]


def enough(run: PlannedRun, record: Record) -> bool:
    """Whether a record has as many students as the campaign asks for."""
    return len(record.students) >= run.students
