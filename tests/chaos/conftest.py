"""What every storm begins with is what every life begins with."""

from tests.lifecycle.conftest import stock

__all__ = ["stock"]
