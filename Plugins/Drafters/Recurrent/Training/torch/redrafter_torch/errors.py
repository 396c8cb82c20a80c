"""Errors that a person can do something about."""


class TrainerError(Exception):
    """One sentence that says what is wrong and where, and a hint where something may help."""

    def __init__(self, message, hint=None):
        super().__init__(message)
        self.hint = hint

    def __str__(self):
        text = super().__str__()
        return f"{text}\n  hint: {self.hint}" if self.hint else text
