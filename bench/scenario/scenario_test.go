package scenario_test

import (
	"context"
	"iter"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/protomicro/micro/bench/benchv1"
	"github.com/protomicro/micro/bench/peer"
	"github.com/protomicro/micro/bench/scenario"
	"github.com/protomicro/micro/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// Every peer answers every scenario correctly.
func TestScenario_Run(t *testing.T) {
	for _, p := range peer.All() {
		t.Run(p.Name, func(t *testing.T) {
			echo := dial(t, p)
			for _, s := range scenario.All() {
				t.Run(s.Name, func(t *testing.T) {
					res, err := s.Run(t.Context(), echo, 10*time.Millisecond)
					if err != nil {
						t.Fatal(err)
					}
					if res.Calls < s.Callers {
						t.Errorf("%d calls by %d callers, want one by each at least", res.Calls, s.Callers)
					}
					if timed := s.Name != "down"; timed != (res.P50 > 0) || res.P50 > res.P99 {
						t.Errorf("got p50 %v and p99 %v", res.P50, res.P99)
					}
				})
			}
		})
	}
}

// dial returns a client of a server that runs in this process until the test ends.
func dial(t *testing.T, p peer.Peer) peer.Echo {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- p.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	echo, err := p.Dial(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := echo.Close(); err != nil {
			t.Errorf("closing the client: %v", err)
		}
	})
	return echo
}

func TestScenario_RunMeasures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := scenario.Find("64x100")
		var calls atomic.Int32
		echo := fake{call: func(req *benchv1.Payload) *benchv1.Payload {
			if calls.Add(1)%50 == 0 {
				time.Sleep(10 * time.Millisecond)
			} else {
				time.Sleep(time.Millisecond)
			}
			return req
		}}
		res, err := s.Run(t.Context(), echo, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if res.Calls != int(calls.Load()) {
			t.Errorf("got %d calls, want %d", res.Calls, calls.Load())
		}
		if !near(res.Elapsed, 1005*time.Millisecond) {
			t.Errorf("got %v, want one second and what it takes to finish the last calls", res.Elapsed)
		}
		if !near(res.P50, time.Millisecond) || !near(res.P99, 10*time.Millisecond) {
			t.Errorf("got p50 %v and p99 %v, want 1 ms and 10 ms", res.P50, res.P99)
		}
	})
}

// near tells whether got is want, but for the 3 percent that measuring may cost.
func near(got, want time.Duration) bool {
	return float64(got) > 0.97*float64(want) && float64(got) < 1.03*float64(want)
}

func TestScenario_RunRefusesWrongAnswers(t *testing.T) {
	other := &benchv1.Payload{Body: make([]byte, 99)}
	echo := fake{
		call: func(*benchv1.Payload) *benchv1.Payload { return other },
		down: func(req *benchv1.DownRequest) []*benchv1.Payload {
			return make([]*benchv1.Payload, req.GetPayloads()-1)
		},
	}
	for _, s := range scenario.All() {
		if res, err := s.Run(t.Context(), echo, time.Millisecond); err == nil {
			t.Errorf("%s: got %+v, want an error", s.Name, res)
		}
	}
}

// fake is a client without a server.
type fake struct {
	call func(*benchv1.Payload) *benchv1.Payload
	down func(*benchv1.DownRequest) []*benchv1.Payload
}

func (f fake) Call(_ context.Context, req *benchv1.Payload) (*benchv1.Payload, error) {
	return f.call(req), nil
}

func (f fake) Down(_ context.Context, req *benchv1.DownRequest) iter.Seq2[*benchv1.Payload, error] {
	return func(yield func(*benchv1.Payload, error) bool) {
		for _, msg := range f.down(req) {
			if !yield(msg, nil) {
				return
			}
		}
	}
}

func (f fake) Chat(context.Context) (peer.Chat, error) { return &fakeChat{call: f.call}, nil }

func (f fake) Close() error { return nil }

type fakeChat struct {
	call func(*benchv1.Payload) *benchv1.Payload
	sent *benchv1.Payload
}

func (c *fakeChat) Send(msg *benchv1.Payload) error { c.sent = msg; return nil }

func (c *fakeChat) Recv() (*benchv1.Payload, error) { return c.call(c.sent), nil }

func (c *fakeChat) Finish() error { return nil }
