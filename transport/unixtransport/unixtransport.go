// Package unixtransport connects the processes of one machine over unix domain sockets.
package unixtransport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// maxPath is how long a path may be wherever there are unix sockets.
const maxPath = 103

// A Transport dials and listens on addresses that are paths of socket files: "/run/weather.sock". The zero value works.
// It implements transport.Transport and is safe for concurrent use.
type Transport struct{}

// Scheme returns "unix".
func (Transport) Scheme() string { return "unix" }

// Dial connects to who listens on the file addr.
func (Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "unix", addr)
	if err != nil {
		return nil, explain(addr, err)
	}
	return nc, nil
}

// Listen creates the file addr and accepts the connections to it; closing the listener removes the file. A socket file
// on which nobody answers, left behind by a process that died, is replaced. A file of another kind is never touched.
func (Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	listen := func() (net.Listener, error) { return (&net.ListenConfig{}).Listen(ctx, "unix", addr) }
	l, err := listen()
	if errors.Is(err, syscall.EADDRINUSE) {
		if err := removeStale(ctx, addr); err != nil {
			return nil, err
		}
		l, err = listen()
	}
	if err != nil {
		return nil, explain(addr, err)
	}
	return l, nil
}

// removeStale removes the socket file at path unless somebody answers on it.
func removeStale(ctx context.Context, path string) error {
	before, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return listenError(path, err)
	}
	if before.Mode().Type() != fs.ModeSocket {
		return listenError(path, errors.New("the file exists and is not a socket"))
	}
	nc, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err == nil {
		_ = nc.Close()
		return listenError(path, syscall.EADDRINUSE)
	}
	if ctx.Err() != nil {
		return listenError(path, ctx.Err())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) { // it may well be alive: full, or not ours to talk to
		return listenError(path, fmt.Errorf("%w; whether somebody answers is not known: %w", syscall.EADDRINUSE, err))
	}
	after, err := os.Lstat(path)
	if err != nil || !os.SameFile(before, after) { // another process was faster; listening tells
		return nil //nolint:nilerr // see above
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return listenError(path, err)
	}
	return nil
}

func listenError(path string, err error) error {
	return &net.OpError{Op: "listen", Net: "unix", Addr: &net.UnixAddr{Name: path, Net: "unix"}, Err: err}
}

// explain adds what the system does not say of a path that is too long.
func explain(path string, err error) error {
	if len(path) > maxPath && errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%w: the path has %d bytes; more than %d do not work on every system", err, len(path), maxPath)
	}
	return err
}
