"""What a stage would cost a month on AWS: the templates, a volume, and a table of prices.

The prices are those of `infra/prices/<region>.yaml`, each with the page it was read on. Nothing here asks AWS.
"""

from xtage.cost.command import command
from xtage.cost.estimate import Estimate, Line, estimate
from xtage.cost.prices import PriceError, Prices, read_prices
from xtage.cost.volume import Volume

__all__ = ["Estimate", "Line", "PriceError", "Prices", "Volume", "command", "estimate", "read_prices"]
