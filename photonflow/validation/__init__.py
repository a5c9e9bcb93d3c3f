"""Published and derived values that the models are held against."""

from .cases import Case as Case
from .cases import cases as cases
from .published import published_watts as published_watts
