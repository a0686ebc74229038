"""What an exchange in a Kubernetes cluster needs besides the charts: images, servers, examples."""
