package store

import (
	"os"
	"testing"
)

func TestName(t *testing.T) {
	os.Hostname()
	os.WriteFile("/tmp/x", nil, 0o600)
	password := "hunter2"
	_ = password
}
