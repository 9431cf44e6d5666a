package runtime_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
)

// broken is a listener that fails.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, errors.New("out of order") }

func TestOnState_TellsEachStepOfTheEnd(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var seen []runtime.State
	s := &runtime.Server{}
	s.OnState(func(state runtime.State) { seen = append(seen, state) })
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	service := &runtime.Service{Addrs: []string{"tcp://127.0.0.1:0"}, Server: s, Propagation: time.Millisecond}
	for _, c := range []struct {
		name  string
		serve func() error
		ok    bool
		want  []runtime.State
	}{
		{"a service ends", func() error { return service.Run(ended) }, true, []runtime.State{runtime.Leaving, runtime.Draining}},
		{"a server ends", func() error { return s.Serve(ended, listen()) }, true, []runtime.State{runtime.Serving, runtime.Draining}},
		{"a listener fails", func() error { return s.Serve(t.Context(), broken{listen()}) }, false, []runtime.State{
			runtime.Serving, runtime.Draining,
		}},
		{"a service whose server fails", func() error {
			broken := &runtime.Service{Addrs: []string{"broken://x"}, Server: s, Transports: []transport.Transport{faulty{memtransport.New()}}}
			return broken.Run(t.Context())
		}, false, []runtime.State{runtime.Serving, runtime.Draining}},
	} {
		seen = nil
		if err := c.serve(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(c.want, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// faulty is a transport whose listeners fail.
type faulty struct{ transport.Transport }

func (faulty) Scheme() string { return "broken" }

func (f faulty) Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := f.Transport.Listen(ctx, addr)
	return broken{l}, err
}
