//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package fileregistry

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks the file at path. It returns nil if another process holds the lock.
func tryLock(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return func() { _ = f.Close() }, nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return nil, f.Close()
	}
	_ = f.Close()
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
