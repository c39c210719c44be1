"""Dense training: the baseline every other method is compared with, through the same code path."""

from trainables.declarations.declaration import Declaration

declaration = Declaration(
    name="dense",
    title="Dense baseline: no sparsity at all",
    reference="control experiment",
    kind="control",
    class_name="Dense",
    off={},
)
