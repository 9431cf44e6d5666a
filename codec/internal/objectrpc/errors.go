package objectrpc

import (
	"errors"
	"fmt"
)

// A brokenError says how the peer broke the protocol.
type brokenError struct{ msg string }

func (e *brokenError) Error() string { return e.msg }

// Broken returns the error of a peer that broke the protocol in a way that ends the connection.
func Broken(format string, args ...any) error { return broken(format, args...) }

func broken(format string, args ...any) error { return &brokenError{fmt.Sprintf(format, args...)} }

// protocolError returns err if the peer broke the protocol, and nil for any other end of a connection.
func protocolError(err error) error {
	if e, ok := errors.AsType[*brokenError](err); ok {
		return e
	}
	return nil
}
