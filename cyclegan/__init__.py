"""The model: an unpaired lineart → colour CycleGAN, its training, its score and its use.

Domain A is lineart, domain B is colour. `g_ab` colours, `g_ba` extracts lines; `d_a` and `d_b` judge images of
their own domain. In the paper (Zhu et al. 2017) these are G, F, D_X and D_Y.
"""
