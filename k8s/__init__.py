"""What runs an exchange in a Kubernetes cluster, beside the charts."""
