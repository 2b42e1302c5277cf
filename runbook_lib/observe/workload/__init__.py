"""What runs on the cluster: Deployments, their rollouts and Pods, what keeps them, and what was kept of them."""
