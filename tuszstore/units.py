"""Human-readable amounts: times, shares, sizes."""


def clock(seconds: float, decimals: int = 0) -> str:
    """Return a human-readable time, such as ``12:03`` or ``1:02:03``.

    Parameters
    ----------
    seconds : float
    decimals : int
        Decimals of the seconds.
    """
    units = 10**decimals
    minutes, rest = divmod(round(seconds * units), 60 * units)
    hours, minutes = divmod(minutes, 60)
    width = 3 + decimals if decimals else 2
    text = f"{rest / units:0{width}.{decimals}f}"
    return f"{hours}:{minutes:02}:{text}" if hours else f"{minutes}:{text}"


def percent(fraction: float) -> str:
    """Return a human-readable share; only none and all are shown as 0% and 100%."""
    if 0 < fraction < 0.01:
        return "<1%"
    return ">99%" if 0.99 < fraction < 1 else f"{fraction:.0%}"


def size(n_bytes: float) -> str:
    """Return a human-readable size, such as ``27.6 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"
