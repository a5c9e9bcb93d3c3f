"""`python -m photonflow.validation`: the page on links, as Markdown on stdout."""

from ..compilation import enable_cache
from ..component import enable_x64
from .page import page


enable_x64()
enable_cache()
print(page(), end="")
