//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package fileregistry_test

import (
	"os"
	"syscall"
	"testing"
)

// lock locks the file at path as another process would.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { _ = f.Close() }
}
