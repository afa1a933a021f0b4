"""What a method does over many trials: exactly by enumeration, or by seeded simulation.

Every number comes from the production step functions, run as they are or compiled unchanged.
NumPy and numba are imported in this package alone, and only once something is asked of it.
"""
