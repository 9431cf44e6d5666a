// Package tcptransport connects over TCP.
package tcptransport

import (
	"context"
	"net"
)

// A Transport dials and listens on addresses like "10.0.0.7:8080", "weather.example.com:8080" and, to listen on every
// interface, ":8080"; with port 0 the system chooses one, which the listener's Addr tells. Connections send small
// writes at once and have TCP's keep-alive on. The zero value works. It implements transport.Transport and is safe for
// concurrent use.
type Transport struct{}

// Scheme returns "tcp".
func (Transport) Scheme() string { return "tcp" }

// Dial connects to addr, trying each of the addresses that its host name stands for.
func (Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
}

// Listen accepts the connections to addr.
func (Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
}
