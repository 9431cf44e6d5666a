package protorpc_test

import (
	"context"
	"runtime"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/internal/workers"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport/memtransport"
)

// TestServer_ReadsWhileAHandlerWaits has handlers that were short, and therefore run where the connection is read, wait
// for what can only be read after them: a cancellation and another call.
func TestServer_ReadsWhileAHandlerWaits(t *testing.T) {
	other := make(chan struct{})
	conn := pooled(t, handler(func(ctx context.Context, r codec.Responder) {
		req := new(wrapperspb.StringValue)
		err := r.Recv(req)
		switch req.GetValue() {
		case "wait for the end":
			<-ctx.Done()
			err = status.From(ctx.Err())
		case "wait for another":
			<-other
		case "be the other":
			close(other)
		}
		_ = r.Finish(req, err)
	}))
	for range 100 {
		if err := echoed(t.Context(), t, conn, "hello"); err != nil {
			t.Fatal(err)
		}
	}
	waits := make(chan error, 1)
	go func() { waits <- echoed(t.Context(), t, conn, "wait for another") }()
	if err := echoed(t.Context(), t, conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := echoed(t.Context(), t, conn, "be the other"); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; err != nil {
		t.Errorf("the call that waited for another: %v", err)
	}
	for range 100 { // until they run there again
		if err := echoed(t.Context(), t, conn, "hello"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { waits <- echoed(ctx, t, conn, "wait for the end") }()
	if err := echoed(t.Context(), t, conn, "hello"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-waits; status.CodeOf(err) != status.Canceled {
		t.Errorf("the call that was canceled: %v", err)
	}
}

// TestServer_CancelsAHandlerThatKeepsItFromReading has the first call of a connection, which runs where that is read,
// wait for the end of the connection.
func TestServer_CancelsAHandlerThatKeepsItFromReading(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	conn := pooled(t, handler(func(ctx context.Context, r codec.Responder) {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
		_ = r.Finish(nil, ctx.Err())
	}))
	go func() { _ = echoed(t.Context(), t, conn, "hello") }()
	<-began
	_ = conn.Close()
	if err := <-ended; err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestServer_SurvivesAHandlerThatEndsItsGoroutine ends the goroutine that reads.
func TestServer_SurvivesAHandlerThatEndsItsGoroutine(t *testing.T) {
	conn := pooled(t, handler(func(_ context.Context, r codec.Responder) {
		req := new(wrapperspb.StringValue)
		err := r.Recv(req)
		_ = r.Finish(req, err)
		if req.GetValue() == "end" {
			runtime.Goexit()
		}
	}))
	for range 3 {
		for _, text := range []string{"hello", "end"} {
			if err := echoed(t.Context(), t, conn, text); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// pooled returns a connection to a server with the given handler and a pool of workers, which ends with the test.
func pooled(t *testing.T, h codec.Handler) codec.Conn {
	t.Helper()
	cfg := config(codec.Limits{})
	cfg.Workers = new(workers.Pool)
	near, far := memtransport.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = protorpc.Format{}.Serve(context.Background(), far, h, cfg)
	}()
	conn, err := protorpc.Format{}.Dial(t.Context(), near, codec.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		<-served
		cfg.Workers.Close()
	})
	return conn
}

// echoed makes a unary call that is answered with what it asks.
func echoed(ctx context.Context, t *testing.T, conn codec.Conn, text string) error {
	t.Helper()
	s, err := conn.Open(ctx, &codec.Call{Method: "a.B/C", Codec: protocodec.Codec{}})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	if err := s.Finish(wrapperspb.String(text), nil); err != nil {
		return err
	}
	res := new(wrapperspb.StringValue)
	if err := s.Recv(res); err != nil {
		return err
	}
	if res.GetValue() != text {
		t.Errorf("got %q, want %q", res.GetValue(), text)
	}
	return nil
}
