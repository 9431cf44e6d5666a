package transporttest

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// listenerCloseRefuses closes the listener on which a connection waits to be accepted.
func listenerCloseRefuses(t *testing.T, n *network) {
	nc, err := n.Dial(t.Context(), n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_ = n.Close()
	within(t, "ending Read by closing the listener", func() {
		if _, err := nc.Read(make([]byte, 1)); err == nil {
			t.Error("Read from a connection that nobody accepted succeeds")
		}
	})
}

func dialEnded(t *testing.T, n *network) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := n.Dial(canceled, n.addr)
	wantError(t, "Dial", err, n.addr, context.Canceled)
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	_, err = n.Dial(late, n.addr)
	wantError(t, "Dial", err, n.addr, context.DeadlineExceeded)
}

func listenEnded(t *testing.T, n *network) {
	_ = n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l, err := n.Listen(ctx, n.addr)
	if err == nil { // the system may have been faster; the listener does not end with ctx
		_ = l.Close()
		return
	}
	wantError(t, "Listen", err, n.addr, context.Canceled)
}

func dialNobody(t *testing.T, n *network) {
	_ = n.Close()
	within(t, "dialing nobody", func() {
		_, err := n.Dial(t.Context(), n.addr)
		wantError(t, "Dial", err, n.addr, nil)
	})
}

func addressInUse(t *testing.T, n *network) {
	_, err := n.Listen(t.Context(), n.addr)
	wantError(t, "Listen", err, n.addr, nil)
	if err != nil && !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("Listen = %v, want an error that says that the address is in use", err)
	}
	// The listener goes on. It may have to accept a connection by which Listen looked whether somebody answers.
	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() { _ = n.Close() }()
	wg.Go(func() {
		for {
			nc, err := n.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				_, _ = io.Copy(nc, nc)
				_ = nc.Close()
			})
		}
	})
	nc, err := n.Dial(t.Context(), n.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	wantAlive(t, nc, nc)
}

func addressIsFreeAgain(t *testing.T, n *network) {
	for range 3 {
		_ = n.Close()
		l, err := n.Listen(t.Context(), n.addr)
		if err != nil {
			t.Fatal(err)
		}
		n.Listener = l
		wantAlivePair(t, n)
	}
	_ = n.Close()
}

func wantAlivePair(t *testing.T, n *network) {
	t.Helper()
	client, server := n.pair(t)
	// The server closes second, so that its port is not kept.
	defer func() { _ = server.Close() }()
	defer func() { _ = client.Close() }()
	wantAlive(t, client, server)
}

func wantError(t *testing.T, what string, err error, addr string, target error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s(%q) succeeds", what, addr)
	case !strings.Contains(err.Error(), addr):
		t.Errorf("%s = %v, want an error that names %s", what, err, addr)
	case target != nil && !errors.Is(err, target):
		t.Errorf("%s = %v, want %v", what, err, target)
	}
}
