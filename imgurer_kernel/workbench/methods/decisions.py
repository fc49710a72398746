"""Decisions about pairs and clusters: the part of `Workbench` that stores them."""

from collections.abc import Iterable

import pandas as pd

from imgurer_kernel.common.event_log import note
from imgurer_kernel.errors import NotAllowed, QueryError
from imgurer_kernel.review.decisions import VERDICTS, Verdicts, decision_frame, pairs_of
from imgurer_kernel.store.catalog import decisions, queries
from imgurer_kernel.store.catalog.decisions import DecisionVerdict
from imgurer_kernel.store.maintenance.rehash import FingerprintUpgrade
from imgurer_kernel.store.store import Store
from imgurer_kernel.workbench.methods.sittings import sitting_name
from imgurer_kernel.workbench.methods.write import WriteMethods


class DecisionMethods(WriteMethods):
    """Stores decisions, and removes them.

    Attributes
    ----------
    sitting
        The sitting to which the acts and decisions of this workbench belong by default.
    """

    def __init__(self, store: Store, upgrade: FingerprintUpgrade) -> None:
        super().__init__(store, upgrade)
        self.sitting = sitting_name()

    def decide(
        self,
        pairs_or_cluster: object,
        verdict: DecisionVerdict,
        *,
        reason: str = "",
        user: str | None = None,
        batch: str | None = None,
    ) -> pd.DataFrame:
        """Decide that pairs or clusters are the same, different, or to be decided later.

        Pairs that any user decided to be *different* never share a cluster again. *Later* postpones
        a cluster. A new decision replaces the user's earlier one on the same pictures.

        Parameters
        ----------
        pairs_or_cluster
            Two image_ids, a list of such pairs, or a frame of them (first, second); three and more
            image_ids, which form one cluster; or rows of `clusters`, each cluster of which is
            decided as a whole.
        verdict
            ``"same"``, ``"different"`` or ``"later"``.
        reason
            Free text, stored with the decision.
        user
            The deciding user, by default the local one.
        batch
            Name of the sitting; by default that of this workbench.

        Returns
        -------
        DataFrame
            The decisions, in the columns of `decisions`.

        Raises
        ------
        QueryError
            If the verdict is unknown, or the pictures are not given in one of these forms.
        UnknownImage
            If an image does not exist.
        """
        who = self.accounts.require_enabled(user)
        if verdict not in VERDICTS:
            message = f"verdict is {verdict!r}; it must be one of {', '.join(VERDICTS)}"
            raise QueryError(message)
        try:
            groups, are_clusters = pairs_of(pairs_or_cluster)
        except TypeError as error:
            message = (
                "what is to be decided? Give two image_ids, a list of pairs, a frame of pairs "
                "(first, second) or rows of clusters()"
            )
            raise QueryError(message) from error
        if any(len(set(group)) < 2 for group in groups):
            message = "a picture is the same as itself; name two different ones or more"
            raise QueryError(message)
        named = [self._digests(list(group)) for group in groups]
        if are_clusters:
            # The medoid first: the others were compared with it.
            named = [[first, *sorted(rest)] for first, *rest in named]
        else:
            named = [sorted(pair) for pair in named]
        ids = self.catalog.run(
            decisions.add,
            verdict,
            named,
            is_cluster=are_clusters,
            user=who,
            reason=reason,
            batch=self.sitting if batch is None else sitting_name(batch),
        )
        frame = self.decisions()
        return frame[frame["decision_id"].isin(ids)].sort_values("decision_id", ignore_index=True)

    def decisions(self, user: str | None = None) -> pd.DataFrame:
        """List decisions, the latest first, of all users or of one.

        Returns
        -------
        DataFrame
            decision_id, verdict, kind (pair or cluster), user, decided_at (UTC), reason, digests,
            image_ids (of existing images), disputed (another user decided the opposite), batch.
        """
        verdicts = self._verdicts()
        digests = sorted({digest for each in verdicts.decisions for digest in each.digests})
        ids = self.catalog.run(queries.ids_by_digest, digests)
        frame = decision_frame(verdicts, ids)
        return frame if user is None else frame[frame["user"] == user].reset_index(drop=True)

    def undecide(
        self, decision_ids: int | Iterable[int], *, user: str | None = None
    ) -> pd.DataFrame:
        """Remove decisions, and return them.

        The user's earlier decision on the same pictures is valid again.

        Raises
        ------
        QueryError
            If a decision does not exist.
        NotAllowed
            If it belongs to another user, and the user is not an admin.
        """
        who = self.accounts.get(self.accounts.require_enabled(user))
        ids = [decision_ids] if isinstance(decision_ids, int) else list(decision_ids)
        frame = self.decisions()
        found = frame[frame["decision_id"].isin(ids)].reset_index(drop=True)
        unknown = set(ids) - set(found["decision_id"])
        if unknown:
            message = f"there is no decision {min(unknown)}; decisions() lists them"
            raise QueryError(message)
        others = sorted(set(found["user"]) - {who.name})
        if others and who.role != "admin":
            message = (
                f"{who.name} may not undo a decision of {others[0]}; ask {others[0]}, or an admin"
            )
            raise NotAllowed(message)
        self.catalog.run(decisions.remove, ids)
        note("decision-undone", user=who.name, decisions=len(ids), of=", ".join(others) or None)
        return found

    def _verdicts(self) -> Verdicts:
        return Verdicts.of(self.catalog.run(decisions.all_decisions))
