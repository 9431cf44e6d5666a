package httprpc_test

import (
	"context"
	"testing"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// A slow round tripper opens a request when it is told to.
type slow struct {
	opening, open chan struct{}
	closed        chan struct{} // when the trip is
}

func (s *slow) Open(context.Context, *transport.Request, []byte) (transport.Trip, error) {
	close(s.opening)
	<-s.open
	return trip{closed: s.closed}, nil
}

func (s *slow) Close() error { return nil }

type trip struct {
	transport.Trip
	closed chan struct{}
}

func (t trip) Close() error {
	close(t.closed)
	return nil
}

// TestClientCall_ClosedWhileItStarts has a call closed before its request is under way.
func TestClientCall_ClosedWhileItStarts(t *testing.T) {
	rt := &slow{make(chan struct{}), make(chan struct{}), make(chan struct{})}
	calls := make(chan *httprpc.ClientCall, 1)
	conn := httprpc.NewConn(rt, codec.Config{}, func(s *httprpc.ClientCall) (codec.Stream, error) {
		calls <- s
		return nil, nil //nolint:nilnil // the test uses the call itself
	})
	if _, err := conn.Open(t.Context(), &codec.Call{Method: "a.B/C", Codec: protocodec.Codec{}}); err != nil {
		t.Fatal(err)
	}
	s := <-calls
	started := make(chan error, 1)
	go func() { started <- s.Start(&transport.Request{}, nil) }()
	<-rt.opening
	_ = s.Close()
	close(rt.open)
	if err := <-started; status.CodeOf(err) != status.Canceled {
		t.Errorf("got %v, want Canceled", err)
	}
	<-rt.closed
	_ = conn.Close()
}
