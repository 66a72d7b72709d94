"""What every door needs: the container, outcomes as HTTP, the lean view, requests, logs, health."""
