"""A ring modulator as a mask, and the mask as a circuit: gdsfactory, klayout and SAX.

`cells` draws, `extraction` reads what was drawn back as a SAX circuit, `comparison`
measures that circuit beside photonflow's own figures, `rules` measures the polygons,
`picture` shows them. Importing this takes seconds: only the command line does.
"""

from .draw import lay_out


__all__ = ["lay_out"]
