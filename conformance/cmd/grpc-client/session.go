package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/conformance/gen/grpctesting"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/tcptransport"
)

// A session is what the test cases of one run share.
type session struct {
	addr   string
	tls    *tls.Config
	conn   *runtime.Client
	client *grpctesting.TestServiceClient
}

func newSession(addr string, config *tls.Config) *session {
	s := &session{addr: addr, tls: config}
	s.conn = s.dial(codec.Compression{}, nil)
	s.client = grpctesting.NewTestServiceClient(s.conn)
	return s
}

// dial returns a client of the server.
func (s *session) dial(compression codec.Compression, transports []transport.Transport) *runtime.Client {
	return &runtime.Client{
		Addrs:       []string{s.addr},
		Format:      grpcformat.Format{},
		TLS:         s.tls,
		Compression: compression,
		Transports:  transports,
	}
}

// measure makes calls through a client of their own, and returns how many bytes went each way on its connection.
func (s *session) measure(
	compression codec.Compression, calls func(*grpctesting.TestServiceClient) error,
) (sent, received int64, err error) {
	m := new(meter)
	conn := s.dial(compression, []transport.Transport{m})
	err = errors.Join(calls(grpctesting.NewTestServiceClient(conn)), conn.Close())
	return m.sent.Load(), m.received.Load(), err
}

// A meter is TCP, and counts bytes.
type meter struct {
	tcptransport.Transport

	sent, received atomic.Int64
}

// Dial implements transport.Transport.
func (m *meter) Dial(ctx context.Context, addr string) (net.Conn, error) {
	nc, err := m.Transport.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &meteredConn{nc, m}, nil
}

type meteredConn struct {
	net.Conn

	m *meter
}

// Read implements net.Conn.
func (c *meteredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.m.received.Add(int64(n))
	return n, err
}

// Write implements net.Conn.
func (c *meteredConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.m.sent.Add(int64(n))
	return n, err
}
