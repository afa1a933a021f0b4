"""The statistician's report: what it says, as plain values; web/report puts it on pages."""
