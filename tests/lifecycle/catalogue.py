"""What is sold in the lifecycle, as numbers to compare with."""

from pathlib import Path

FILE = Path(__file__).with_name("catalog.toml")

PACKAGES = {"free": 100, "pass": 300, "starter": 500, "pro": 2000}
"""The credits of each month on a plan."""

PRICES = {
    "pass_one_time": 7900,
    "starter_monthly": 1000,
    "starter_yearly": 10000,
    "pro_monthly": 5000,
    "pro_yearly": 50000,
}
"""Minor units by lookup key."""

PACK_CREDITS = 250
PACK_PRICE = 500
