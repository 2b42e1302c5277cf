"""Who may do what, which keys are at hand, and signatures that prove it: SSH keys, through OpenSSH's own ssh-keygen."""
