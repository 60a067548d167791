from setuptools import Extension, setup

setup(ext_modules=[Extension("setuptools_c.fast", ["setuptools_c/fast.c"])])
