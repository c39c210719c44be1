"""The hooks of the methods, one file each; what a method is called and its knobs are in `trainables.declarations`."""

from trainables.methods.base import Clock, Losses, Method, Params, Setting, State, gradients
from trainables.methods.knobs import Knobs, stack_knobs, stack_lr
from trainables.methods.lookup import method_class

__all__ = [
    "Clock",
    "Knobs",
    "Losses",
    "Method",
    "Params",
    "Setting",
    "State",
    "gradients",
    "method_class",
    "stack_knobs",
    "stack_lr",
]
