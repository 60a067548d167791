"""Which address shows which view."""

from django.urls import path

from myapp import views

urlpatterns = [
    path("", views.index),
    path("value", views.value),
    path("static-file", views.static_file),
]
