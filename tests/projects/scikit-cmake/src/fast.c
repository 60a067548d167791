#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "fast.h"

static PyObject *value(PyObject *self, PyObject *args) { return PyLong_FromLong(VALUE * 1); }

static PyMethodDef methods[] = {{"value", value, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", NULL, -1, methods};

PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
