"""Error of data that do not suffice for a model."""


class NotEnoughData(ValueError):
    """The data do not suffice for a model; the message gives the reason and the remedy."""
