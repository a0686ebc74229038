"""The images of the cluster: their wheels, their build, and one archive of all."""
