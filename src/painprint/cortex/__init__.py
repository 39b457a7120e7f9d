"""A person's own cortical areas and networks, from resting scans.

The mathematics is that of boundary mapping (Laumann et al. 2015, doi 10.1016/j.neuron.2015.06.037;
Gordon et al. 2016, doi 10.1093/cercor/bhu239), written from its description. Everything here is
pure: arrays in, arrays out, for one hemisphere's mesh of any density.
"""
