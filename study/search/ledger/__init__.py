"""What Optuna and its journal know of a study's trials."""

from study.search.ledger.elite import Elite
from study.search.ledger.ledger import Ledger, names_of
from study.search.ledger.trial import Told

__all__ = ["Elite", "Ledger", "Told", "names_of"]
