"""`python -m photonflow.validation`: the page on links, as Markdown on stdout."""

from ..component import enable_x64
from .page import page


enable_x64()
print(page(), end="")
