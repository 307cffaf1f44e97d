"""Documents of one version of the code in the hands of another.

shapes      what is stored, field by field, of every version: shapes/1.json ...
mid_flight  jobs that an earlier commit had begun, as fixtures: mid_flight/*.json
rollover    begin with one version, finish with the other, in real processes: python -m tests.versions.rollover TAG
"""
