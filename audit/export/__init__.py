"""An audit in other programs' formats, one file a format, each by the format's own library."""
