"""Progress bars with the time left, for whatever calls a ``watch``."""

from typing import Any

from tqdm import tqdm

from ltdd_utils.store import Watch

__all__ = ["Bars"]


class Bars:
    """One progress bar per stage, with the time left; drawn on a terminal alone."""

    def __init__(self, quiet: bool) -> None:
        """Draw nothing if ``quiet``."""
        self.quiet = quiet

    def __call__(self, stage: str) -> Watch:
        """A watch that moves a bar: it takes ``{"epoch", "epochs", "loss"}`` or ``{"stage", "done", "total"}``."""
        drawn: list[tuple[str, tqdm]] = []

        def watch(event: dict[str, Any]) -> None:
            name = event.get("stage", stage)
            done, total = event.get("epoch", event.get("done", 0)), event.get("epochs", event.get("total"))
            if drawn and (drawn[0][0] != name or done < drawn[0][1].n):
                drawn.pop()[1].close()
            if not drawn:
                drawn.append((name, self._bar(name, done, total)))
            bar = drawn[0][1]
            bar.update(done - bar.n)
            if "loss" in event:
                bar.set_postfix(loss=f"{event['loss']:.3f}", refresh=False)
            if total is not None and done >= total:
                drawn.pop()[1].close()

        return watch

    def _bar(self, name: str, done: int, total: int | None) -> tqdm:
        # `initial`: what an earlier call did says nothing about this one's speed. `disable=None`: only on a terminal.
        style = {"unit": "B", "unit_scale": True} if name.startswith("download") else {}
        return tqdm(total=total, initial=done, desc=name, leave=False, disable=self.quiet or None, **style)
