"""Individual parcellation of the cortex into areas and networks, from resting-state runs.

The mathematics is that of boundary mapping (Laumann et al. 2015, doi 10.1016/j.neuron.2015.06.037;
Gordon et al. 2016, doi 10.1093/cercor/bhu239), implemented from its description. All functions
take and return arrays, for hemisphere meshes of any density.
"""
