"""Notice that a store was changed elsewhere: by another page, a command or a notebook."""

from functools import partial

from traitlets import Bool, HasTraits

from imgurer_kernel.store.catalog import generations
from imgurer_kernel.ui.jobs import Task
from imgurer_kernel.ui.session import VisitorSession


class StoreWatch(HasTraits):
    """The base of a model that shows what it has once read, and tells when that is outdated.

    Traits
    ------
    stale
        The store was changed elsewhere since it was read.
    """

    stale = Bool(False)

    def __init__(self, session: VisitorSession) -> None:
        super().__init__()
        self.session = session
        self._own_change = False
        # Changes made by this model: what was read during one says nothing of others.
        self._own_changes = 0
        self._known: generations.Latest | None = None
        self._note_job, self._look_job = session.job(), session.job()
        session.observe(self._mark_stale, "version")

    @property
    def _is_acting(self) -> bool:
        """Whether a change of this model is on its way."""
        return False

    def look(self) -> None:
        """Find out whether the store was changed by others since it was read."""
        if self._known is not None and not self.stale and not self._is_changing:
            self._look_job.start(
                "Looking at the store", self._read_latest, partial(self._compare, self._own_changes)
            )

    @property
    def _is_changing(self) -> bool:
        return self._is_acting or self._note_job.busy

    def _read_latest(self, _: Task) -> generations.Latest:
        catalog = self.session.workbench.catalog
        latest = catalog.run(generations.latest)
        catalog.release()  # a command may be waiting for it
        return latest

    def _compare(self, changes: int, latest: generations.Latest) -> None:
        if changes == self._own_changes and not self._is_changing and latest != self._known:
            self.stale = True

    def _mark_stale(self, _: object) -> None:
        # Not reloaded automatically: the list must not move while the user decides.
        if not self._own_change:
            self.stale = True

    def _changed(self) -> None:
        """Notify the other panels of an own change, by which this model becomes not stale."""
        self._note_own_change()
        self._own_change = True
        try:
            self.session.changed()
        finally:
            self._own_change = False

    def _note_own_change(self) -> None:
        self._own_changes += 1
        self._note_job.start("Looking at the store", self._read_latest, self._set_known)

    def _set_known(self, latest: generations.Latest) -> None:
        self._known = latest
