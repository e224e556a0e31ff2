"""The names that data, models, servers and clients agree on. Imports nothing of the project.

It is installed with the client, so neither TensorFlow nor any other package may be needed here.
"""
