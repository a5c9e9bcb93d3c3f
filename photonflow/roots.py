r"""One bracketed scalar solve of a fixed number of steps, differentiated implicitly.

At a root $f(x, p) = 0$ of a function that rises through it,
$$ \frac{dx}{dp} = -\frac{\partial f/\partial p}{\partial f/\partial x} . $$
The bracket is halved, Newton steps go on from its middle without leaving it, and all of
that stands still under differentiation. One more Newton step, at the differentiated
parameters, moves the value by rounding and has exactly the derivative above. There is
no stopping rule: every lane of a `vmap` does the same work.

`function` may take arrays, element by element, which then have the shape of the
bracket. It has to be finite there.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


Values = Float[Array, "..."]
FLAT = 1e-9
"""slope below which a function counts as flat, in the unit of the slope"""


def bisect(
    function: Callable[[Any], Any], low: Any, high: Any, halvings: int
) -> tuple[Values, Values]:
    """The bracket, halved so many times, in which `function` rises through 0.

    Where it is negative throughout, the last part below `high`; where it is not
    negative at all, the first part above `low`. Not to be differentiated.
    """

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        above = function(middle) >= 0
        return jnp.where(above, low, middle), jnp.where(above, middle, high)

    low, high = jnp.broadcast_arrays(jnp.asarray(low, float), jnp.asarray(high, float))
    return lax.fori_loop(0, halvings, halve, lax.stop_gradient((low, high)))


def newton(
    function: Callable[[Any], Any],
    low: Values,
    high: Values,
    steps: int,
    flat: float = FLAT,
) -> tuple[Values, Values]:
    r"""Newton steps from the middle of a bracket, which they do not leave.

    And the slope $s$ at the last one. $s/(s^2 + flat^2)$ stands for $1/s$, so that a
    flat function is left where it is. Not to be differentiated.
    """

    def step(x, _):
        value, slope = jax.jvp(function, (x,), (jnp.ones_like(x),))
        moved = x - value * slope / (jnp.square(slope) + flat**2)
        return jnp.clip(moved, low, high), slope

    x, slopes = lax.scan(step, (low + high) / 2, length=steps)
    return x, slopes[-1]


def root(
    function: Callable[..., Any],
    low: Any,
    high: Any,
    *parameters: Any,
    halvings: int,
    steps: int,
    flat: float = FLAT,
) -> Values:
    """Where `function(x, *parameters)` rises through 0 between `low` and `high`.

    Derivatives run through `parameters`, trees of arrays, and through nothing else:
    what `function` closes over has to be constant. A lane without a root returns the
    end nearer to one, with derivatives of 0; one whose root lies beyond an end by less
    than the last bracket returns the root.
    """
    still = lax.stop_gradient(parameters)

    def held(x):
        return function(x, *still)

    low, high = bisect(held, low, high, halvings)
    x, slope = newton(held, low, high, steps, flat)
    x, slope = lax.stop_gradient((x, slope))
    value = function(x, *parameters)
    found = jnp.abs(value) <= jnp.abs(slope) * (high - low)
    step = value * slope / (jnp.square(slope) + flat**2)
    end = jnp.where(value > 0, low, high)
    return jnp.where(found, x - step, end)
