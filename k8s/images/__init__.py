"""The images of the cluster: wheels for them, building, and one archive of all."""
