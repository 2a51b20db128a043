"""What makes models alike, so that they can be stacked."""

from collections.abc import Hashable

from harness.model import Model, objectives_of
from harness.training.engines.content import Content, of_nothing_else
from harness.training.stacking import slots


def signature_of(model: Model) -> Hashable:
    """All that decides what a model computes, but for the values of parameters, buffers and numeric settings.

    Models of equal structure can be stacked. The numbers among the settings are left out because losses
    read them from the configuration; one that has become part of a module, as the slope of a leaky ReLU
    or the number of channels, is part of the structure.
    """
    try:
        return _signature(model, Content(model))
    except RecursionError:  # As of a list of ten thousand links.
        return of_nothing_else(model)


def _signature(model: Model, plain: Content) -> Hashable:
    config = {name: None if _is_number(value) else plain(value) for name, value in dict(model.config).items()}
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return (
        plain(type(model)),
        plain(config),
        tuple((name, tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()),
        tuple((name, plain.of_module(module)) for name, module in model.named_modules()),
        tuple(slots(model).items()),
        tuple(
            (o.name, tuple(names[id(p)] for p in o.parameters()), o.repeats, o.fresh, plain(type(o.optimizer)))
            for o in objectives_of(model)
        ),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
