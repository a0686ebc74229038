"""What this exchange costs, each figure beside a rival's from the same run: `make bench`."""
