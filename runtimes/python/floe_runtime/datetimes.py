"""Moments, durations and missing values: of Python's datetime and of pandas, to tags and back, exact or refused."""

from .values import TAG, ValueRefused, article, name_of, not_installed, told

UTC = "utc"


# --- datetime ------------------------------------------------------------------------------------------------------------


def tag_datetime(value, kind, buffers, depth):
    """Return the tag of a datetime or a date; None for another type of the module."""
    if kind.__name__ == "date":
        return {TAG: ["day", value.isoformat()]}
    if kind.__name__ != "datetime":
        return None
    zone = _zone_key(value.tzinfo)
    return {TAG: ["date", value.isoformat(), zone] if zone else ["date", value.isoformat()]}


def _zone_key(zone):
    """Return the name of a zone of zoneinfo; empty for any other, whose offset is sent."""
    if zone is None or type(zone).__module__.partition(".")[0] != "zoneinfo":
        return ""
    return getattr(zone, "key", None) or ""


def read_date(tagged, buffers):
    """Return the datetime of a tag."""
    import datetime

    value = datetime.datetime.fromisoformat(tagged[1])
    return value if len(tagged) < 3 else _in_zone(value, tagged[2])


def _in_zone(value, key):
    """Return the moment in a named zone; the offset decides between two equal hours."""
    from zoneinfo import ZoneInfo

    try:
        zone = ZoneInfo(key)
    except Exception:
        raise not_installed(f"a moment in the time zone {key!r}", "tzdata") from None
    for fold in (0, 1):
        found = value.replace(tzinfo=zone, fold=fold)
        if found.utcoffset() == value.utcoffset():
            return found
    return value.astimezone(zone)


def read_day(tagged, buffers):
    """Return the date of a tag."""
    import datetime

    return datetime.date.fromisoformat(tagged[1])


# --- pandas --------------------------------------------------------------------------------------------------------------


def tag_timestamp(value, kind, pandas):
    """Return the tag of a Timestamp, a Timedelta, NaT or NA; None for any other value of pandas."""
    if value is pandas.NaT:
        return {TAG: ["missing", "NaT"]}
    if value is pandas.NA:
        return {TAG: ["missing", "NA"]}
    if kind is pandas.Timestamp:
        return _checked(
            value, ["timestamp", value.isoformat(), value.unit, zone_text(value.tz, "value")], read_timestamp, "value.isoformat()"
        )
    if kind is pandas.Timedelta:
        return _checked(value, ["timedelta", str(value.asm8.astype("i8")), value.unit], read_timedelta, "value.total_seconds()")
    return None


def _checked(value, tagged, read, cure):
    """Return the tag if it expresses the value exactly. Raises `ValueRefused` otherwise."""
    again = read(tagged, ())
    if again != value or again.unit != value.unit:
        raise ValueRefused(f"is {article(name_of(type(value)))} that would arrive as {again!r}; send {cure}")
    return {TAG: tagged}


def read_timestamp(tagged, buffers):
    """Return the Timestamp of a tag."""
    pandas = _pandas("a Timestamp")
    _, text, unit, zone = tagged
    value = pandas.Timestamp(text)
    if value.tzinfo is not None:
        value = value.tz_convert(zone_of(zone))
    return value if value.unit == unit else value.as_unit(unit)


def read_timedelta(tagged, buffers):
    """Return the Timedelta of a tag."""
    pandas = _pandas("a Timedelta")
    import numpy

    return pandas.Timedelta(numpy.timedelta64(int(tagged[1]), tagged[2]))


def read_missing(tagged, buffers):
    """Return the NaT or NA of a tag."""
    pandas = _pandas(f"pandas.{tagged[1]}")
    return {"NaT": pandas.NaT, "NA": pandas.NA}[tagged[1]]


def _pandas(what):
    try:
        import pandas
    except ImportError:
        raise not_installed(what, "pandas") from None
    return pandas


# --- time zones of pandas ------------------------------------------------------------------------------------------------


def zone_text(zone, what):
    """Return ``utc``, ``offset:SECONDS``, ``zoneinfo:NAME``, ``pytz:NAME``, or empty for no zone. Raises `ValueRefused`."""
    import datetime

    if zone is None:
        return ""
    if zone is datetime.UTC:
        return UTC
    if type(zone) is datetime.timezone:
        return f"offset:{zone.utcoffset(None).total_seconds()!r}"
    origin, name = type(zone).__module__.partition(".")[0], getattr(zone, "key", None) or getattr(zone, "zone", None)
    if origin in ("zoneinfo", "pytz") and name:
        return f"{origin}:{name}"
    raise ValueRefused(f"has the time zone {told_zone(zone)}, which has no name that can be sent; send {what}.tz_convert('UTC')")


def told_zone(zone):
    """Return a zone in a single line."""
    try:
        return str(zone)[:100]
    except Exception as error:
        return told(error)


def zone_of(text):
    """Return the zone of a text of `zone_text`. Raises `ValueRefused` if unknown."""
    import datetime

    if not text:
        return None
    if text == UTC:
        return datetime.UTC
    kind, _, name = text.partition(":")
    if kind == "offset":
        return datetime.timezone(datetime.timedelta(seconds=float(name)))
    try:
        if kind == "pytz":
            import pytz

            return pytz.timezone(name)
        from zoneinfo import ZoneInfo

        return ZoneInfo(name)
    except Exception:
        package = "pytz" if kind == "pytz" else "tzdata"
        raise not_installed(f"in the time zone {name!r}", package) from None
