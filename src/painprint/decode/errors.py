"""What a decoder says where the data do not allow a model."""


class NotEnoughData(ValueError):
    """The data do not allow a model; the message says why, and what to do."""
