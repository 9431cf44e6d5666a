//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package fileregistry

import (
	"errors"
	"os"
)

// tryLock says that this system has no lock that ends with its process.
func tryLock(path string) (release func(), err error) {
	return nil, &os.PathError{Op: "lock", Path: path, Err: errors.ErrUnsupported}
}
