// Package scenario is what the peers are asked to do, and how it is measured on the calling side.
package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/protomicro/micro/bench/benchv1"
	"github.com/protomicro/micro/bench/peer"
)

// A Scenario is a kind of load: so many callers, each of which makes one call after the other.
type Scenario struct {
	Name    string
	Title   string
	Callers int
	Bytes   int // the size of a body, both ways
	run     func(ctx context.Context, c *caller) error
	stream  bool // a call is one message of a stream that comes by itself: it has no latency
}

// All returns the scenarios.
func All() []Scenario {
	return []Scenario{
		{Name: "1x100", Title: "unary, 1 caller × 100 B", Callers: 1, Bytes: 100, run: unary},
		{Name: "64x100", Title: "unary, 64 × 100 B", Callers: 64, Bytes: 100, run: unary},
		{Name: "64x100-deadline", Title: "unary, 64 × 100 B, each with a deadline", Callers: 64, Bytes: 100, run: timed},
		{Name: "1024x100", Title: "unary, 1024 × 100 B", Callers: 1024, Bytes: 100, run: unary},
		{Name: "64x1K", Title: "unary, 64 × 1 KiB", Callers: 64, Bytes: 1 << 10, run: unary},
		{Name: "64x64K", Title: "unary, 64 × 64 KiB", Callers: 64, Bytes: 64 << 10, run: unary},
		{Name: "1x3M", Title: "unary, 1 caller × 3 MiB", Callers: 1, Bytes: 3 << 20, run: unary},
		{Name: "down", Title: "server stream, 1 × 100 B", Callers: 1, Bytes: 100, run: down, stream: true},
		{Name: "chat", Title: "bidi ping-pong, 64 × 100 B", Callers: 64, Bytes: 100, run: chat},
	}
}

// Find returns the scenario called name.
func Find(name string) (Scenario, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Scenario{}, false
}

// A Result is what the callers did together. On streams a call is one message that has come back, or come.
type Result struct {
	Calls    int
	Elapsed  time.Duration
	P50, P99 time.Duration // of a call; zero where calls have no latency
}

// Run runs the scenario for d, or a little longer: calls that have begun are finished. Every answer is checked.
func (s Scenario) Run(ctx context.Context, echo peer.Echo, d time.Duration) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var over atomic.Bool
	timer := time.AfterFunc(d, func() { over.Store(true) })
	defer timer.Stop()

	callers := make([]caller, s.Callers)
	start := time.Now()
	var wg sync.WaitGroup
	for i := range callers {
		c := &callers[i]
		*c = caller{echo: echo, over: &over, req: &benchv1.Payload{Body: body(s.Bytes, i)}}
		wg.Go(func() {
			if err := s.run(ctx, c); err != nil {
				cancel(err) // the others are stopped; the first reason counts
			}
		})
	}
	wg.Wait()
	res := Result{Elapsed: time.Since(start)}
	if err := context.Cause(ctx); err != nil {
		return Result{}, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	var all histogram
	for i := range callers {
		res.Calls += callers[i].calls
		all.merge(&callers[i].latencies)
	}
	if !s.stream {
		res.P50, res.P99 = all.quantile(0.5), all.quantile(0.99)
	}
	return res, nil
}

// body returns n bytes that no other caller sends.
func body(n, caller int) []byte {
	return append(bytes.Repeat([]byte{'x'}, n-2), byte(caller>>8), byte(caller)) //nolint:gosec // a part of a number
}

// A caller is one goroutine that makes calls.
type caller struct {
	echo      peer.Echo
	over      *atomic.Bool // no further call is to begin
	req       *benchv1.Payload
	calls     int
	latencies histogram
}

// timeout is long enough never to pass, as deadlines are that people set.
const timeout = 10 * time.Second

func unary(ctx context.Context, c *caller) error {
	return c.repeat(func() (*benchv1.Payload, error) { return c.echo.Call(ctx, c.req) })
}

func timed(ctx context.Context, c *caller) error {
	return c.repeat(func() (*benchv1.Payload, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return c.echo.Call(ctx, c.req)
	})
}

func chat(ctx context.Context, c *caller) error {
	s, err := c.echo.Chat(ctx)
	if err != nil {
		return err
	}
	err = c.repeat(func() (*benchv1.Payload, error) {
		if err := s.Send(c.req); err != nil {
			return nil, err
		}
		return s.Recv()
	})
	if err != nil {
		return err
	}
	if err := s.Finish(); err != nil {
		return err
	}
	switch _, err := s.Recv(); err {
	case io.EOF:
		return nil
	case nil:
		return errors.New("a payload that nobody asked for")
	default:
		return err
	}
}

// streamed is how many payloads one call of Down yields: enough for the call itself to count for nothing.
const streamed = 2000

func down(ctx context.Context, c *caller) error {
	req := &benchv1.DownRequest{Payloads: streamed, Bytes: uint32(len(c.req.GetBody()))} //nolint:gosec // small
	for first := true; first || !c.over.Load(); first = false {
		n := 0
		for msg, err := range c.echo.Down(ctx, req) {
			if err != nil {
				return err
			}
			if len(msg.GetBody()) != int(req.GetBytes()) {
				return fmt.Errorf("a payload of %d bytes, not %d", len(msg.GetBody()), req.GetBytes())
			}
			n++
		}
		if n != streamed {
			return fmt.Errorf("%d payloads, not %d", n, streamed)
		}
		c.calls += n
	}
	return nil
}

var errAnswer = errors.New("the answer is not what was sent")

// repeat makes calls, one at least, until time is over.
func (c *caller) repeat(call func() (*benchv1.Payload, error)) error {
	last := time.Now()
	for first := true; first || !c.over.Load(); first = false {
		res, err := call()
		if err != nil {
			return err
		}
		if !bytes.Equal(res.GetBody(), c.req.GetBody()) {
			return errAnswer
		}
		now := time.Now()
		c.latencies.add(now.Sub(last))
		c.calls++
		last = now
	}
	return nil
}
